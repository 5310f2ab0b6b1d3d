// Stochastic rounding by enumeration: with every R in [0, 2^N), the number of times x goes up is
// exactly floor(nu 2^N) for `truncate` and floor(nu 2^N + 1/2) for `unbiased` and nu 2^N rounded
// to nearest even for `rounded` (IEEE P3109 v4.0 4.7.4, A, B and C).
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "formats/enumerate.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

RoundSpec stochastic(int bits, StochasticVariant variant) {
  return {Rounding::stochastic, Overflow::saturate, bits, variant};
}

/// How many of the 2^bits words send `x` to `upper`; every other result must be `lower`.
int count_ups(const Format& format, const RoundSpec& spec, double x, double lower, double upper) {
  int ups = 0;
  for (std::uint64_t r = 0; r < std::uint64_t{1} << spec.random_bits; ++r) {
    const double y = round(format, spec, x, r);
    EXPECT_TRUE(y == lower || y == upper) << x << " gave " << y;
    if (y == upper) ++ups;
  }
  return ups;
}

/// Fractions of the gap in 1/1024: between multiples of 2^-8, so that the floors are seen.
void check_gap(const Format& format, double lower, double upper) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (const int part : {0, 1, 3, 5, 128, 255, 341, 511, 512, 513, 767, 1020, 1023}) {
      const double nu = part / 1024.0;
      const double x = lower + (upper - lower) * nu;
      const double scaled = std::ldexp(nu, bits);
      const auto expect = [&](StochasticVariant variant, double count) {
        for (const double sign : {1.0, -1.0}) {
          if (sign < 0 && round(format, {}, -upper) == 0) continue;  // unsigned
          EXPECT_EQ(
              count_ups(format, stochastic(bits, variant), sign * x, sign * lower, sign * upper),
              static_cast<int>(count))
              << to_spec(format) << " " << sign * x << " N=" << bits;
        }
      };
      expect(StochasticVariant::truncate, std::floor(scaled));
      expect(StochasticVariant::unbiased, std::floor(scaled + 0.5));
      expect(StochasticVariant::rounded, std::nearbyint(scaled));
    }
  }
}

TEST(RoundStochastic, CountsAreExactInEveryGap) {
  for (const char* spec : {"posit(4,1)", "posit(5,0)", "bnb_fp4", "power_of_two(3)", "e2m1fn",
                           "e3m2ieee", "e3m0finite", "int3", "fixed(4,2)", "ue4m3",
                           "p3109(6,3,signed,extended)", "p3109(5,1,unsigned,finite)"}) {
    const Format format = parse_format(spec);
    const std::vector<double> values = finite_values(format);
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
      if (values[i] >= 0 && values[i] < 8) check_gap(format, values[i], values[i + 1]);
    }
  }
}

TEST(RoundStochastic, CountsAreExactInSubnormals) {
  check_gap(parse_format("e4m3fn"), 0, 0x1p-9);
  check_gap(parse_format("e4m3fn"), 0x1p-9, 0x1p-8);
  check_gap(parse_format("e4m3fn"), 7 * 0x1p-9, 0x1p-6);
  check_gap(parse_format("binary16"), 0, 0x1p-24);
  check_gap(parse_format("p3109(8,4,signed,extended)"), 0, 0x1p-10);
  check_gap(parse_format("p3109(8,3,unsigned,finite)"), 0x1p-33, 0x1p-32);
  check_gap(parse_format("bfloat16"), 0x1p-133, 0x1p-132);
  check_gap(parse_format("e11m40"), 5 * 0x1p-1062, 6 * 0x1p-1062);
}

TEST(RoundStochastic, WithoutSubnormalsTheGapReachesTheSmallestNormal) {
  check_gap(parse_format("float(4,3,fn,subnormals=off)"), 0, 0x1p-6);
}

TEST(RoundStochastic, MeanBiasOverAllFractionsIsAsDocumented) {
  // nu = k/2^12 over k; truncate loses half of 2^-N on average (less the grid's own half step).
  const Format format = parse_format("int8");
  for (const int bits : {1, 2, 4, 8}) {
    double bias_truncate = 0;
    double bias_unbiased = 0;
    double bias_rounded = 0;
    for (int k = 0; k < 4096; ++k) {
      const double x = 5 + k / 4096.0;
      const double count = std::ldexp(1.0, bits);
      const auto mean = [&](StochasticVariant variant) {
        return 5 + count_ups(format, stochastic(bits, variant), x, 5, 6) / count;
      };
      bias_truncate += (mean(StochasticVariant::truncate) - x) / 4096;
      bias_unbiased += (mean(StochasticVariant::unbiased) - x) / 4096;
      bias_rounded += (mean(StochasticVariant::rounded) - x) / 4096;
    }
    const double grid = std::ldexp(1.0, -13);
    EXPECT_DOUBLE_EQ(bias_truncate, -std::ldexp(1.0, -bits - 1) + grid) << bits;
    EXPECT_DOUBLE_EQ(bias_unbiased, grid) << bits;
    // Its ties fall down and up in turn, so the grid's own half step is not left over.
    EXPECT_NEAR(bias_rounded, 0, 1e-12) << bits;
  }
}

TEST(RoundStochastic, ThirtyTwoBitsCompareTheWholeWord) {
  const Format format = parse_format("int8");
  const RoundSpec truncate = stochastic(32, StochasticVariant::truncate);
  const RoundSpec unbiased = stochastic(32, StochasticVariant::unbiased);
  const std::uint64_t last = 0xFFFFFFFF;
  EXPECT_EQ(round(format, truncate, 5 + 0x1p-32, last), 6);
  EXPECT_EQ(round(format, truncate, 5 + 0x1p-32, last - 1), 5);
  EXPECT_EQ(round(format, truncate, 5 + 0x1p-33, last), 5);
  EXPECT_EQ(round(format, unbiased, 5 + 0x1p-33, last), 6);
  EXPECT_EQ(round(format, unbiased, 5 + 0x1p-33, last - 1), 5);
  EXPECT_EQ(round(format, unbiased, 5 + 0x1p-34, last), 5);
  const RoundSpec rounded = stochastic(32, StochasticVariant::rounded);
  EXPECT_EQ(round(format, rounded, 5 + 0x1p-33, last), 5);  // a tie of the fraction, to even
  EXPECT_EQ(round(format, rounded, 5 + 0x1.8p-32, last - 1), 6);
  EXPECT_EQ(round(format, rounded, 5 + 0x1p-33 + 0x1p-40, last), 6);
  EXPECT_EQ(round(format, truncate, 5.25, 0xBFFFFFFF), 5);
  EXPECT_EQ(round(format, truncate, 5.25, 0xC0000000), 6);
}

TEST(RoundStochastic, OnlyTheLowBitsOfTheWordCount) {
  const Format format = parse_format("int8");
  const RoundSpec spec = stochastic(4, StochasticVariant::truncate);
  EXPECT_EQ(round(format, spec, 5.5, 0xFFFFFFF7), round(format, spec, 5.5, 0x7));
  EXPECT_EQ(round(format, spec, 5.5, 0x8), 6);
}

TEST(RoundStochastic, ExactValuesNeverMove) {
  const Format format = parse_format("e4m3fn");
  for (const double value : finite_values(format)) {
    for (std::uint64_t r = 0; r < 16; ++r) {
      ASSERT_EQ(round(format, stochastic(4, StochasticVariant::truncate), value, r), value);
      ASSERT_EQ(round(format, stochastic(4, StochasticVariant::unbiased), value, r), value);
      ASSERT_EQ(round(format, stochastic(4, StochasticVariant::rounded), value, r), value);
    }
  }
}

}  // namespace
}  // namespace halfulp
