// Facts of each named format, typed from the documents named beside them.
#include "formats/named_formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "formats/codec.h"
#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

/// Codes of a single NaN or infinity; kNone where there is none.
constexpr std::uint64_t kNone = ~std::uint64_t{0};

struct Facts {
  const char* name;
  int bits;
  double max;
  std::uint64_t max_code;
  double min_normal;
  std::uint64_t min_normal_code;
  double min_subnormal;  // 0: none
  std::uint64_t infinity_code;
  std::uint64_t first_nan_code;
  std::uint64_t nan_codes;
};

// clang-format off
const Facts kFacts[] = {
    // IEEE 754-2019 table 3.5 and 3.4 (NaN: exponent all ones, trailing significand not 0).
    {"binary16", 16, 65504, 0x7BFF, 0x1p-14, 0x0400, 0x1p-24, 0x7C00, 0x7C01, 2046},
    {"binary32", 32, 0x1.fffffep+127, 0x7F7FFFFF, 0x1p-126, 0x00800000, 0x1p-149, 0x7F800000,
     0x7F800001, 16777214},
    {"binary64", 64, 0x1.fffffffffffffp+1023, 0x7FEFFFFFFFFFFFFF, 0x1p-1022, 0x0010000000000000,
     0x1p-1074, 0x7FF0000000000000, 0x7FF0000000000001, 9007199254740990},
    // Intel, BFLOAT16 Hardware Numerics Definition (2018): 1-8-7, bias 127.
    {"bfloat16", 16, 0x1.fep+127, 0x7F7F, 0x1p-126, 0x0080, 0x1p-133, 0x7F80, 0x7F81, 254},
    // NVIDIA A100 whitepaper: 8 exponent bits as binary32, 10 trailing bits as binary16.
    {"tf32", 19, 0x1.ffcp+127, 0x3FBFF, 0x1p-126, 0x00400, 0x1p-136, 0x3FC00, 0x3FC01, 2046},
    // OCP OFP8 1.0.
    {"e5m2", 8, 57344, 0x7B, 0x1p-14, 0x04, 0x1p-16, 0x7C, 0x7D, 6},
    {"e4m3fn", 8, 448, 0x7E, 0x1p-6, 0x08, 0x1p-9, kNone, 0x7F, 2},
    // ml_dtypes README: float8_e4m3, float8_e3m4 "IEEE 754 conventions"; biases 7 and 3.
    {"e4m3ieee", 8, 240, 0x77, 0x1p-6, 0x08, 0x1p-9, 0x78, 0x79, 14},
    {"e3m4", 8, 15.5, 0x6F, 0x1p-2, 0x10, 0x1p-6, 0x70, 0x71, 30},
    // Noune et al., arXiv 2206.02915; StableHLO RFC 20230321: biases 8 and 16, NaN for minus zero.
    {"e4m3fnuz", 8, 240, 0x7F, 0x1p-7, 0x08, 0x1p-10, kNone, 0x80, 1},
    {"e5m2fnuz", 8, 57344, 0x7F, 0x1p-15, 0x04, 0x1p-17, kNone, 0x80, 1},
    // StableHLO RFC 20230309 (E4M3B11FNUZ): bias 11, min normal 2^-10, max 30, min subnormal 2^-13.
    {"e4m3b11fnuz", 8, 30, 0x7F, 0x1p-10, 0x08, 0x1p-13, kNone, 0x80, 1},
    // OCP MX 1.0, section 5.3: FP6 and FP4, no infinity, no NaN.
    {"e3m2fn", 6, 28, 0x1F, 0.25, 0x04, 0x1p-4, kNone, kNone, 0},
    {"e2m3fn", 6, 7.5, 0x1F, 1, 0x08, 0x1p-3, kNone, kNone, 0},
    {"e2m1fn", 4, 6, 0x7, 1, 0x2, 0.5, kNone, kNone, 0},
    // OCP MX 1.0, section 5.4: 2^-127 to 2^127, 0xFF is NaN, no zero.
    {"e8m0fnu", 8, 0x1p127, 0xFE, 0x1p-127, 0x00, 0, kNone, 0xFF, 1},
    // PTX ISA: .ue4m3 is e4m3 without sign; .ue5m3 has no infinity and one NaN, 0xff.
    {"ue4m3", 7, 448, 0x7E, 0x1p-6, 0x08, 0x1p-9, kNone, 0x7F, 1},
    {"ue5m3ieee", 8, 61440, 0xF7, 0x1p-14, 0x08, 0x1p-17, 0xF8, 0xF9, 7},
    {"ue5m3finite", 8, 122880, 0xFF, 0x1p-14, 0x08, 0x1p-17, kNone, kNone, 0},
    {"ue5m3", 8, 114688, 0xFE, 0x1p-14, 0x08, 0x1p-17, kNone, 0xFF, 1},
    // Two's complement.
    {"int4", 4, 7, 0x7, 1, 0x1, 0, kNone, kNone, 0},
    {"int8", 8, 127, 0x7F, 1, 0x01, 0, kNone, kNone, 0},
    {"int16", 16, 32767, 0x7FFF, 1, 0x0001, 0, kNone, kNone, 0},
    {"int32", 32, 2147483647, 0x7FFFFFFF, 1, 0x00000001, 0, kNone, kNone, 0},
    {"uint4", 4, 15, 0xF, 1, 0x1, 0, kNone, kNone, 0},
    {"uint8", 8, 255, 0xFF, 1, 0x01, 0, kNone, kNone, 0},
    // Standard for Posit Arithmetic (2022) and its predecessors: maxpos 2^((n - 2) 2^es) is 01..1,
    // minpos its reciprocal 0..01, NaR the sign bit alone.
    {"posit(8,0)", 8, 64, 0x7F, 1.0 / 64, 0x01, 0, kNone, 0x80, 1},
    {"posit(8,2)", 8, 0x1p24, 0x7F, 0x1p-24, 0x01, 0, kNone, 0x80, 1},
    {"posit(16,1)", 16, 0x1p28, 0x7FFF, 0x1p-28, 0x0001, 0, kNone, 0x8000, 1},
    {"posit(16,2)", 16, 0x1p56, 0x7FFF, 0x1p-56, 0x0001, 0, kNone, 0x8000, 1},
    {"posit(32,2)", 32, 0x1p120, 0x7FFFFFFF, 0x1p-120, 0x00000001, 0, kNone, 0x80000000, 1},
    // arXiv 2404.18603: 0x7F is D = 1, R = 7, C = 1110000 (4 ghost bits): c = 127 + 112 = 239. 0x01
    // is D = 0, R = 0, C = 0010000: c = -255 + 16. With 16 bits c = 254, m = 15/16 and -255, 1/16.
    {"takum_linear8", 8, 0x1p239, 0x7F, 0x1p-239, 0x01, 0, kNone, 0x80, 1},
    {"takum_linear16", 16, 0x1.fp254, 0x7FFF, 0x1.1p-255, 0x0001, 0, kNone, 0x8000, 1},
    // e^(239 / 2) and e^(254.9375 / 2), rounded to binary64 by another program (Python's decimal).
    {"takum_log8", 8, 7.910256885566915e+51, 0x7F, 1.2641814475388326e-52, 0x01, 0, kNone, 0x80, 1},
    {"takum_log16", 16, 2.2854658698270414e+55, 0x7FFF, 4.375475535216273e-56, 0x0001, 0, kNone,
     0x8000, 1},
    // Universal's lns<8,3>: 2^(63/8), 2^(-63/8); NaN 0xC0.
    {"lns(8,3)", 8, 234.75303506039583, 0x3F, 0.004259795830723663, 0x41, 0, kNone, 0xC0, 1},
    // bitsandbytes get_4bit_type and create_dynamic_map: the largest is 1; smallest positive ones.
    {"nf4", 4, 1, 0xF, 0.07958029955625534, 0x8, 0, kNone, kNone, 0},
    {"bnb_fp4", 4, 1, 0x3, 0x1.555556p-8, 0x1, 0, kNone, kNone, 0},
    {"bnb_dynamic8", 8, 1, 0xFF, 0x1.27476cp-21, 0x80, 0, kNone, kNone, 0},
    {"bnb_udynamic8", 8, 1, 0xFF, 0x1.5cf752p-22, 0x01, 0, kNone, kNone, 0},
    {"ternary", 2, 1, 0x2, 1, 0x2, 0, kNone, kNone, 0},
    {"binary", 1, 1, 0x1, 1, 0x1, 0, kNone, kNone, 0},
};

// clang-format on

TEST(NamedFormats, EveryRowHasFacts) {
  std::set<std::string> known;
  for (const Facts& facts : kFacts) known.insert(facts.name);
  for (const NamedFormat& row : named_formats()) EXPECT_TRUE(known.contains(std::string(row.name)));
  EXPECT_EQ(named_formats().size(), std::size(kFacts));
}

TEST(NamedFormats, FactsFromTheDocuments) {
  for (const Facts& facts : kFacts) {
    SCOPED_TRACE(facts.name);
    const Format format = parse_format(facts.name);
    EXPECT_EQ(width(format), facts.bits);
    EXPECT_EQ(to_double(max_finite(format)), facts.max);
    EXPECT_EQ(to_double(decode(format, facts.max_code)), facts.max);
    EXPECT_EQ(to_double(min_normal(format)), facts.min_normal);
    EXPECT_EQ(to_double(decode(format, facts.min_normal_code)), facts.min_normal);
    if (facts.min_subnormal > 0) {
      EXPECT_EQ(to_double(min_positive(format)), facts.min_subnormal);
      EXPECT_EQ(to_double(decode(format, 1)), facts.min_subnormal);
    }
    EXPECT_EQ(has_infinity(format), facts.infinity_code != kNone);
    if (facts.infinity_code != kNone) {
      EXPECT_EQ(decode(format, facts.infinity_code).kind, Number::Kind::infinity);
    }
    EXPECT_EQ(has_nan(format), facts.first_nan_code != kNone);
    if (facts.first_nan_code != kNone) {
      EXPECT_EQ(decode(format, facts.first_nan_code).kind, Number::Kind::nan);
      EXPECT_NE(decode(format, facts.first_nan_code - 1).kind, Number::Kind::nan);
    }
    EXPECT_EQ(nan_code_count(format), facts.nan_codes);
  }
}

TEST(NamedFormats, NamesAndSourcesAreComplete) {
  std::set<std::string_view> spellings;
  for (const NamedFormat& row : named_formats()) {
    EXPECT_TRUE(spellings.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.source.empty()) << row.name;
    EXPECT_EQ(find_named_format(row.format), &row) << "two rows are one format: " << row.name;
    for (const std::string_view alias : row.aliases) {
      EXPECT_TRUE(spellings.insert(alias).second) << alias;
    }
  }
}

TEST(NamedFormats, UnnamedFormatHasNoRow) {
  EXPECT_EQ(find_named_format(FloatFormat{3, 7, 3}), nullptr);
  EXPECT_EQ(find_named_format(IntegerFormat{8, true, true}), nullptr);
}

}  // namespace
}  // namespace halfulp
