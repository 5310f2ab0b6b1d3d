// IEEE P3109 v4.0: every format against the oracle written from its definitions, and constants
// typed from its tables.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "formats/codec.h"
#include "formats/enumerate.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/p3109.h"

namespace halfulp {
namespace {

using oracle::Dyadic;
using oracle::P3109;
using oracle::P3109Parameters;

std::string name_of(const P3109Parameters& p) {
  return "p3109(" + std::to_string(p.bits) + "," + std::to_string(p.precision) +
         (p.is_signed ? ",signed" : ",unsigned") + (p.is_extended ? ",extended)" : ",finite)");
}

/// All formats of `bits` bits: P up to K - 1 with sign, up to K without.
std::vector<P3109Parameters> formats_of_width(int bits) {
  std::vector<P3109Parameters> formats;
  for (int precision = 1; precision <= bits; ++precision) {
    for (const bool is_extended : {false, true}) {
      if (precision < bits) formats.push_back({bits, precision, true, is_extended});
      formats.push_back({bits, precision, false, is_extended});
    }
  }
  return formats;
}

WideNumber to_wide(const Dyadic& x) {
  if (x.kind == Dyadic::Kind::nan) return {Number::Kind::nan};
  if (x.kind == Dyadic::Kind::infinity) return {Number::Kind::infinity, x.negative};
  if (x.significand == 0) return {Number::Kind::zero, x.negative};
  return {Number::Kind::finite, x.negative, false, x.exponent, x.significand};
}

bool same(const Number& a, const Dyadic& b) {
  const WideNumber y = to_wide(b);
  if (a.kind != y.kind) return false;
  if (a.kind == Number::Kind::nan) return true;
  if (a.negative != y.negative) return false;
  if (a.kind != Number::Kind::finite) return true;
  const int low = std::min(a.exponent, y.exponent);
  return uint128{a.significand} << (a.exponent - low) == y.significand << (y.exponent - low);
}

void check_codes(const P3109Parameters& p) {
  SCOPED_TRACE(name_of(p));
  const Format format = parse_format(name_of(p));
  const P3109 table(p);
  std::uint64_t finite = 0;
  for (std::uint32_t code = 0; code < std::uint32_t{1} << p.bits; ++code) {
    const Number x = decode(format, code);
    ASSERT_TRUE(same(x, table.decode(code))) << code;
    ASSERT_EQ(encode(format, x), code);
    if (x.kind == Number::Kind::finite || x.kind == Number::Kind::zero) ++finite;
  }
  EXPECT_EQ(finite, finite_code_count(format));
  EXPECT_EQ(encode(format, max_finite(format)), table.max_code());
  EXPECT_EQ(to_spec(format), name_of(p));
}

std::vector<RoundSpec> projections() {
  std::vector<RoundSpec> specs;
  for (const Overflow overflow : {Overflow::saturate, Overflow::propagate, Overflow::sat_none}) {
    for (int mode = 0; mode < static_cast<int>(Rounding::stochastic); ++mode) {
      specs.push_back({static_cast<Rounding>(mode), overflow});
    }
    for (const StochasticVariant variant :
         {StochasticVariant::truncate, StochasticVariant::unbiased, StochasticVariant::rounded}) {
      specs.push_back({Rounding::stochastic, overflow, 3, variant});
    }
  }
  return specs;
}

/// Number of projections compared.
std::uint64_t check_projections(const P3109Parameters& p, std::uint32_t stride) {
  SCOPED_TRACE(name_of(p));
  const Format format = parse_format(name_of(p));
  const P3109 table(p);
  const std::vector<Dyadic> inputs = deciding_inputs(table, stride);
  std::uint64_t count = 0;
  for (const RoundSpec& spec : projections()) {
    for (const Dyadic& x : inputs) {
      const std::uint64_t random = ++count * 0x9E3779B97F4A7C15 >> 32;
      Flags flags;
      const Number got = round_to(format, spec, to_wide(x), random, flags);
      const std::uint32_t want = table.project(spec, x, random);
      const bool equal = encode(format, got) == want;
      EXPECT_TRUE(equal) << rounding_to_string(spec) << " " << to_string(spec.overflow) << " of "
                         << (x.negative ? "-" : "") << static_cast<double>(x.significand) << " * 2^"
                         << x.exponent << " gave "
                         << static_cast<std::uint64_t>(encode(format, got)) << ", not " << want;
      if (!equal) return count;
    }
  }
  return count;
}

TEST(P3109, EveryCodeOfEveryFormatUpTo8BitsIsAsDefined) {
  int formats = 0;
  for (int bits = 3; bits <= 8; ++bits) {
    for (const P3109Parameters& p : formats_of_width(bits)) {
      check_codes(p);
      ++formats;
    }
  }
  EXPECT_EQ(formats, 120);
}

TEST(P3109, ProjectionsUpTo8BitsEqualTheDefinition) {
  std::uint64_t count = 0;
  for (int bits = 3; bits <= 8; ++bits) {
    for (const P3109Parameters& p : formats_of_width(bits)) {
      count += check_projections(p, bits < 7 ? 1 : 9);
      if (HasFailure()) return;
    }
  }
  RecordProperty("projections", std::to_string(count));
  EXPECT_GT(count, 1'000'000u);
}

TEST(P3109, EveryCodeAndProjectionUpTo16BitsFull) {
  std::uint64_t count = 0;
  for (int bits = 7; bits <= 16; ++bits) {
    for (const P3109Parameters& p : formats_of_width(bits)) {
      check_codes(p);
      count += check_projections(p, bits <= 8 ? 1 : (std::uint32_t{1} << bits) / 300);
      if (HasFailure()) return;
    }
  }
  RecordProperty("projections", std::to_string(count));
  EXPECT_GT(count, 50'000'000u);
}

// IEEE P3109 Interim Report v4.0, 3.1, and its tables of 8-bit formats; gfloat's tables agree.
TEST(P3109, ConstantsOfTheReport) {
  struct Facts {
    const char* name;
    double max;
    int max_code;
    double min_positive;
  };

  for (const Facts& facts :
       {Facts{"Binary8p3se", 49152, 0x7E, 0x1p-17}, Facts{"Binary8p3sf", 57344, 0x7F, 0x1p-17},
        Facts{"Binary8p4se", 224, 0x7E, 0x1p-10}, Facts{"Binary8p4sf", 240, 0x7F, 0x1p-10},
        Facts{"Binary8p5se", 15, 0x7E, 0x1p-7}, Facts{"Binary8p1uf", 0x1p126, 0xFE, 0x1p-127},
        Facts{"Binary8p3ue", 2684354560.0, 0xFD, 0x1p-33},
        Facts{"Binary8p4ue", 53248, 0xFD, 0x1p-18}, Facts{"Binary8p4uf", 57344, 0xFE, 0x1p-18},
        Facts{"Binary4p2sf", 3, 0x7, 0x1p-2}}) {
    const Format format = parse_format(facts.name);
    EXPECT_EQ(to_double(max_finite(format)), facts.max) << facts.name;
    EXPECT_EQ(encode(format, max_finite(format)), static_cast<Code>(facts.max_code)) << facts.name;
    EXPECT_EQ(to_double(min_positive(format)), facts.min_positive) << facts.name;
    const int one = 1 << (width(format) - (std::get<FloatFormat>(format).is_signed ? 2 : 1));
    EXPECT_EQ(to_double(decode(format, static_cast<Code>(one))), 1) << facts.name;
    EXPECT_FALSE(has_negative_zero(format)) << facts.name;
    EXPECT_EQ(nan_code_count(format), 1u) << facts.name;
  }
}

TEST(P3109, NamesOfReportsAndLibraries) {
  for (const char* name :
       {"Binary8p4se", "binary8p4se", "p3109_k8p4se", "P3109_8p4se", "p3109(8,4,s,e)",
        "p3109( 8 , 4 , extended , signed )", "p3109(8,4)", "Binary8p4", "binary_8p4", "p3109_p4",
        "float8_p3109_p4", "ml_dtypes.float8_p3109_p4"}) {
    EXPECT_EQ(to_spec(parse_format(name)), "p3109(8,4,signed,extended)") << name;
  }
  EXPECT_EQ(to_spec(parse_format("Binary8p1uf")), "p3109(8,1,unsigned,finite)");
  std::string note;
  parse_format("Binary8p4se", note);
  EXPECT_EQ(note, "");
  for (const char* name : {"Binary8p4", "p3109_p4", "p3109(8,4)", "p3109(8,4,signed)"}) {
    parse_format(name, note);
    EXPECT_NE(note.find("read as p3109(8,4,signed,extended)"), std::string::npos) << name;
  }
}

TEST(P3109, ImpossibleParametersAreRefused) {
  for (const char* name :
       {"p3109(8,8,signed,finite)", "p3109(2,1,signed,finite)", "p3109(8,9,unsigned,finite)",
        "Binary8p0se", "Binary2p1se", "Binary8p8sf", "p3109(40,2,signed,finite)",
        "p3109(8,4,signed,finite,fn)"}) {
    EXPECT_THROW(parse_format(name), SpecError) << name;
  }
  FloatFormat other_bias = std::get<FloatFormat>(parse_format("Binary8p4se"));
  other_bias.bias = 7;
  EXPECT_NE(format_fault(other_bias), "");
}

/// The signed finite formats hold the numbers of fnuz types, code by code, under their own name.
TEST(P3109, SignedFiniteFormatsHaveTheCodesOfFnuzTypes) {
  for (const auto& [p3109, fnuz] : {std::pair{"p3109(8,4,signed,finite)", "e4m3fnuz"},
                                    std::pair{"p3109(8,3,signed,finite)", "e5m2fnuz"}}) {
    const Format a = parse_format(p3109);
    const Format b = parse_format(fnuz);
    EXPECT_FALSE(a == b);
    EXPECT_EQ(to_spec(a), p3109);
    EXPECT_EQ(to_spec(b), fnuz);
    for (Code code = 0; code < 256; ++code) {
      const double x = to_double(decode(a, code));
      const double y = to_double(decode(b, code));
      ASSERT_TRUE(x == y || (std::isnan(x) && std::isnan(y)));
    }
  }
}

TEST(P3109, PoliciesOutsideP3109) {
  const RoundSpec propagate{Rounding::nearest_even, Overflow::propagate};
  EXPECT_EQ(round(parse_format("e5m2"), propagate, 1e9), 57344);
  EXPECT_EQ(round(parse_format("e5m2"), propagate, HUGE_VAL), HUGE_VAL);
  EXPECT_EQ(round(parse_format("e4m3fn"), propagate, HUGE_VAL), 448);
  EXPECT_THROW(check_round_spec(parse_format("int8"), propagate), SpecError);
  const RoundSpec none{Rounding::nearest_even, Overflow::sat_none};
  try {
    check_round_spec(parse_format("e4m3fnuz"), none);
    FAIL();
  } catch (const SpecError& error) {
    EXPECT_STREQ(error.what(), "overflow sat_none is for P3109 formats; use nan for e4m3fnuz");
  }
  EXPECT_THROW(check_round_spec(parse_format("int8"), none), SpecError);
}

}  // namespace
}  // namespace halfulp
