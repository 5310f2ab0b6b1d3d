// Codes of posits, takums, logarithmic numbers and codebooks against an oracle that reads them as
// text, and against values typed from publications.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

#include "formats/codec.h"
#include "formats/enumerate.h"
#include "formats/named_codebooks.h"
#include "formats/ordered_format.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/ordered_table.h"

namespace halfulp {
namespace {

using oracle::bits_of;
using oracle::Scaled;
using oracle::to_binary64;

/// value * 2^exponent, to the oracle's scale; cut for irrational numbers.
Scaled scaled(const Number& x) {
  Scaled result = x.significand;
  result <<= static_cast<unsigned>(1400 + x.exponent);
  return x.negative ? Scaled(-result) : result;
}

/// Every code but 0 and NaR.
template <class Value>
void check_every_code(const Format& format, Code nan, Code zero, Value value) {
  SCOPED_TRACE(to_spec(format));
  const int bits = width(format);
  for (Code code = 0; code < Code{1} << bits; ++code) {
    const Number x = decode(format, code);
    if (code == nan) {
      ASSERT_EQ(x.kind, Number::Kind::nan);
    } else if (code == zero) {
      ASSERT_EQ(x.kind, Number::Kind::zero);
    } else {
      const Scaled want = value(bits_of(static_cast<std::uint64_t>(code), bits));
      ASSERT_EQ(to_double(x), to_binary64(want)) << bits_of(static_cast<std::uint64_t>(code), bits);
      if (!x.sticky) {
        ASSERT_EQ(scaled(x), want);
      } else {  // the first 64 bits
        const Scaled rest = abs(want) - abs(scaled(x));
        ASSERT_GT(rest, 0);
        ASSERT_LT(rest, abs(scaled(x)) >> 63);
      }
    }
    ASSERT_TRUE(encode(format, x) == code);
  }
}

TEST(OrderedCodec, EveryPositUpTo12Bits) {
  for (int es = 0; es <= 4; ++es) {
    for (int bits = 2; bits <= 12; ++bits) {
      check_every_code(PositFormat{bits, es}, Code{1} << (bits - 1), 0,
                       [&](const std::string& code) { return oracle::posit_value(code, es); });
    }
  }
}

TEST(OrderedCodec, EveryTakumUpTo9Bits) {
  for (const bool logarithmic : {false, true}) {
    for (int bits = 2; bits <= (logarithmic ? 9 : 12); ++bits) {
      check_every_code(
          TakumFormat{bits, logarithmic}, Code{1} << (bits - 1), 0,
          [&](const std::string& code) { return oracle::takum_value(code, logarithmic); });
    }
  }
}

TEST(OrderedCodec, EveryLogarithmicNumberUpTo8Bits) {
  for (int bits = 2; bits <= 8; ++bits) {
    for (int fraction = 0; fraction < bits; ++fraction) {
      check_every_code(LogarithmicFormat{bits, fraction}, Code{3} << (bits - 2),
                       Code{1} << (bits - 2),
                       [&](const std::string& code) { return oracle::lns_value(code, fraction); });
    }
  }
}

TEST(OrderedCodec, SampledCodesOfWideFormats) {
  std::mt19937_64 generator(5);
  for (int i = 0; i < 4000; ++i) {
    for (const int bits : {16, 32, 57, 64}) {
      // Sparse words have long regimes.
      std::uint64_t code =
          generator() & (i % 3 == 0 ? generator() & generator() : ~std::uint64_t{0});
      if (i % 3 == 1) code |= generator() | generator();
      code >>= 64 - bits;
      if (i % 5 == 0) code >>= generator() % 60;
      if (code == 0 || code == std::uint64_t{1} << (bits - 1)) continue;
      const std::string text = bits_of(code, bits);
      const int es = i % 5;
      const Number posit = decode(PositFormat{bits, es}, code);
      ASSERT_EQ(scaled(posit), oracle::posit_value(text, es)) << text << " es " << es;
      ASSERT_TRUE(encode(PositFormat{bits, es}, posit) == code);
      const Number takum = decode(TakumFormat{bits, false}, code);
      ASSERT_EQ(scaled(takum), oracle::takum_value(text, false)) << text;
      ASSERT_TRUE(encode(TakumFormat{bits, false}, takum) == code);
      if (i % 20 != 0) continue;
      for (const Format& format :
           {Format(TakumFormat{bits, true}), Format(LogarithmicFormat{bits, bits - 10})}) {
        const Number x = decode(format, code);
        ASSERT_TRUE(x.kind == Number::Kind::nan || encode(format, x) == code) << text;
      }
    }
  }
}

TEST(OrderedCodec, CodesAscendWithTheirValues) {
  // Two's complement order is the order of the numbers (posit standard 3.3; takum proposition 4).
  for (const char* spec :
       {"posit(10,0)", "posit(10,2)", "posit(9,4)", "takum_linear10", "takum_log10"}) {
    const Format format = parse_format(spec);
    const int half = 1 << (width(format) - 1);
    const auto mask = static_cast<Code>(2 * half - 1);
    for (int i = -half + 1; i + 1 < half; ++i) {
      const double lower = to_double(decode(format, static_cast<Code>(i) & mask));
      ASSERT_LT(lower, to_double(decode(format, static_cast<Code>(i + 1) & mask))) << spec << i;
    }
  }
}

TEST(OrderedCodec, PublishedValues) {
  // Positive posits of 4 bits; largest and smallest: methods of the standard, 2^+-((n-2) 2^es).
  using testing::ElementsAre;
  EXPECT_THAT(finite_values(parse_format("posit(4,0)")),
              ElementsAre(-4, -2, -1.5, -1, -.75, -.5, -.25, 0, .25, .5, .75, 1, 1.5, 2, 4));
  EXPECT_THAT(finite_values(parse_format("posit(4,1)")),
              ElementsAre(-16, -4, -2, -1, -.5, -.25, -.0625, 0, .0625, .25, .5, 1, 2, 4, 16));
  EXPECT_EQ(to_double(max_finite(parse_format("posit(8,1)"))), 4096);
  EXPECT_EQ(to_double(max_finite(parse_format("posit(16,1)"))), 0x1p28);
  EXPECT_EQ(to_double(min_positive(parse_format("posit(32,2)"))), 0x1p-120);
  EXPECT_EQ(to_double(min_positive(parse_format("posit(64,2)"))), 0x1p-248);
  // Gustafson and Yonemoto 2017, figure 5: 0 0001 101 11011101 with es = 3 is 477/134217728.
  EXPECT_EQ(to_double(decode(parse_format("posit(16,3)"), 0b0000110111011101)), 477.0 / 134217728);
  // arXiv 2404.18603: the range of logarithmic takums is about 10^+-55.
  EXPECT_NEAR(std::log10(to_double(max_finite(parse_format("takum_log16")))), 55.36, 0.01);
  // Takums.jl README: Takum8(4.0) prints 3.955.
  EXPECT_NEAR(round(parse_format("takum_log8"), {}, 4.0), 3.955, 0.001);
}

TEST(OrderedCodec, PrecisionAtOneIsTheSpacingOfItsNeighbour) {
  for (const char* spec : {"posit(8,0)", "posit(16,2)", "posit(32,2)", "posit(6,4)",
                           "takum_linear8", "takum_linear32", "power_of_two(4)"}) {
    const Format format = parse_format(spec);
    const Code one = encode(format, from_double(1));
    if (spec[0] == 'p' && spec[2] == 'w') {
      EXPECT_EQ(epsilon(format), 0.5);  // 1 is the largest: the gap below
      continue;
    }
    EXPECT_EQ(epsilon(format), to_double(decode(format, one + 1)) - 1) << spec;
  }
  EXPECT_EQ(precision(parse_format("posit(8,0)")), 6);
  EXPECT_EQ(precision(parse_format("posit(16,1)")), 13);
  EXPECT_EQ(precision(parse_format("posit(32,2)")), 28);
  EXPECT_EQ(epsilon(parse_format("posit(32,2)")), 0x1p-27);
  EXPECT_EQ(precision(parse_format("takum_linear16")), 12);
}

TEST(OrderedCodec, EpsilonIsTheExactDifferenceWhereBinary64DoesNotHoldItsEnds) {
  EXPECT_EQ(epsilon(parse_format("posit(58,2)")), 0x1p-53);
  EXPECT_EQ(epsilon(parse_format("posit(64,2)")), 0x1p-59);
  EXPECT_EQ(epsilon(parse_format("posit(64,0)")), 0x1p-61);
  EXPECT_EQ(epsilon(parse_format("posit(63,4)")), 0x1p-56);
  EXPECT_EQ(epsilon(parse_format("takum_linear64")), 0x1p-59);
  // The logarithm of the next number, h, is so small that expm1(h) = h + h h / 2.
  const double h = 0x1p-61 * 0.69314718055994530942 / 2;
  EXPECT_DOUBLE_EQ(epsilon(parse_format("lns(64,62)")), h);
  EXPECT_EQ(epsilon(parse_format("takum_log64")), 0x1p-60);
  EXPECT_EQ(unit_roundoff(parse_format("posit(64,2)")), 0x1p-60);
}

TEST(OrderedCodec, FitsBinary32AgreesWithTheValues) {
  for (const char* spec : {"posit(8,0)",        "posit(8,2)",         "posit(16,2)",
                           "posit(12,4)",       "posit(9,4)",         "posit(10,4)",
                           "posit(15,3)",       "posit(16,3)",        "takum_linear5",
                           "takum_linear6",     "takum_linear8",      "takum_log2",
                           "takum_log3",        "takum_log8",         "lns(8,0)",
                           "lns(9,0)",          "lns(10,0)",          "lns(8,3)",
                           "lns(2,1)",          "lns(3,1)",           "nf4",
                           "bnb_dynamic8",      "quantile(4,normal)", "power_of_two(8)",
                           "codebook(0.1,0.2)", "codebook(1e-40,1)",  "codebook(0x1p-149,1)"}) {
    const Format format = parse_format(spec);
    bool inside = true;
    for (Code code = 0; code < Code{1} << width(format); ++code) {
      const Number x = decode(format, code);
      if (x.kind != Number::Kind::finite) continue;
      const double value = to_double(x);
      inside = inside && !x.sticky && static_cast<double>(static_cast<float>(value)) == value;
    }
    EXPECT_EQ(fits_binary32(format), inside) << spec;
  }
}

TEST(OrderedCodec, CodesBehindTheListAreNoNumbers) {
  const Format ternary = parse_format("ternary");
  EXPECT_EQ(width(ternary), 2);
  EXPECT_EQ(decode(ternary, 3).kind, Number::Kind::nan);
  EXPECT_EQ(finite_code_count(ternary), 3u);
  EXPECT_EQ(nan_code_count(ternary), 0u);
  EXPECT_THROW(encode(ternary, {Number::Kind::nan}), std::invalid_argument);
  EXPECT_THROW(encode(ternary, from_double(0.5)), std::invalid_argument);
  EXPECT_THROW(decode(ternary, 4), std::invalid_argument);
  EXPECT_THROW(encode(parse_format("posit(8,2)"), from_double(1.0625 + 0x1p-20)),
               std::invalid_argument);
}

TEST(OrderedCodec, MinusZeroOfSignMagnitudeLists) {
  const Format fp4 = parse_format("bnb_fp4");
  EXPECT_TRUE(has_negative_zero(fp4));
  EXPECT_TRUE(encode(fp4, decode(fp4, 8)) == 8);
  EXPECT_TRUE(std::signbit(round(fp4, {}, -1e-9)));
  EXPECT_FALSE(std::signbit(round(fp4, {}, 1e-9)));
  EXPECT_FALSE(has_negative_zero(parse_format("nf4")));
  EXPECT_FALSE(has_negative_zero(parse_format("codebook(-1,-0,1)")));
  EXPECT_EQ(to_spec(parse_format("codebook(-1,-0,1)")), "ternary");
}

}  // namespace
}  // namespace halfulp
