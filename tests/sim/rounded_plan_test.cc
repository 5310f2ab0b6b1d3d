// The bound up to which two roundings are one: random sums beside midpoints, and counterexamples
// beyond each of its conditions.
#include "sim/rounded_plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

/// x to nearest even at `precision` bits, exponents unbounded.
double to_nearest(double x, int precision) {
  return round(FloatFormat{11, precision - 1, 1023}, {Rounding::nearest_even, Overflow::infinity},
               x);
}

double rounded_twice(double s, double p, int precision) {
  const auto single =
      static_cast<double>(std::fma(static_cast<float>(p), 1.0F, static_cast<float>(s)));
  return to_nearest(single, precision);
}

/// An integer of at most `bits` bits, often just beside a power of two.
double random_significand(std::mt19937& rng, int bits) {
  const double top = std::ldexp(1.0, bits);
  const double near = std::ldexp(1.0, 1 + static_cast<int>(rng() % static_cast<unsigned>(bits)));
  switch (rng() % 4) {
    case 0:
      return top - 1;
    case 1:
      return near - 1;
    case 2:
      return near < top ? near + 1 : near / 2;
    default:
      return 1 + static_cast<double>(rng() % (1U << bits));
  }
}

double random_number(std::mt19937& rng, int bits, int exponents) {
  const double x = std::fmin(random_significand(rng, bits), std::ldexp(1.0, bits) - 1);
  const int exponent = static_cast<int>(rng() % static_cast<unsigned>(exponents));
  return std::ldexp(rng() % 2 == 0 ? x : -x, exponent);
}

/// Sums whose rounding twice differs from once, of `count` random ones. All are exact in binary64.
int count_differences(int precision, int bits, int exponents, int count) {
  std::mt19937 rng(7);
  int differences = 0;
  for (int i = 0; i < count; ++i) {
    const double s = random_number(rng, precision, exponents);
    const double p = random_number(rng, bits, exponents);
    if (rounded_twice(s, p, precision) != to_nearest(s + p, precision)) ++differences;
  }
  return differences;
}

TEST(RoundedPlan, TwoRoundingsAreOneInsideTheBound) {
  for (const int precision : {2, 5, 8, 10, 11}) {
    for (int bits = 1; bits <= 24; ++bits) {
      if (!rounds_twice_safely(precision, bits, 1000)) continue;
      EXPECT_EQ(count_differences(precision, bits, 27, 20000), 0) << precision << " " << bits;
    }
  }
}

TEST(RoundedPlan, TwoRoundingsAreOneWhereProductsSpanFewBits) {
  std::mt19937 rng(9);
  for (int precision = 2; precision <= 20; ++precision) {
    const int bits = 23 - precision;
    ASSERT_TRUE(rounds_twice_safely(precision, bits, 22));
    for (int i = 0; i < 20000; ++i) {
      // Multiples of 1, products below 2^23, sums beyond what binary32 holds exactly.
      const double s = random_number(rng, precision, 26);
      const double p = random_number(rng, bits, 24 - bits);
      ASSERT_LT(std::abs(p), 0x1p23);
      ASSERT_EQ(rounded_twice(s, p, precision), to_nearest(s + p, precision)) << s << " " << p;
    }
  }
}

/// With s a multiple of the last place that the sum has in binary32, any exponents.
TEST(RoundedPlan, TwoRoundingsAreOneForAlignedSums) {
  std::mt19937 rng(10);
  int aligned = 0;
  for (int precision = 2; precision <= 20; ++precision) {
    const int bits = 23 - precision;
    ASSERT_TRUE(rounds_aligned_safely(precision, bits));
    for (int i = 0; i < 20000; ++i) {
      const double s = random_number(rng, precision, 28);
      const double p = random_number(rng, bits, 28);
      if (s + p == 0) continue;
      const double last_place = std::ldexp(1.0, std::ilogb(static_cast<float>(s + p)) - 23);
      if (std::fmod(s, last_place) != 0) continue;
      ++aligned;
      ASSERT_EQ(rounded_twice(s, p, precision), to_nearest(s + p, precision)) << s << " " << p;
    }
  }
  EXPECT_GT(aligned, 300000);
}

struct Counterexample {
  int precision, bits, span;
  double s, p;
};

TEST(RoundedPlan, BeyondTheBoundTheyDiffer) {
  const Counterexample examples[] = {
      // Case 1 of the proof, p + q = 24: just below the midpoint 2^23 + 2^(23-p) with an odd lower
      // neighbour. s = 3 * 2^(24-p), in units of a quarter of the 24th bit.
      {11, 13, 1000, 0x1p24 + 0x1p14, 0x1p13 - 1},
      {14, 10, 22, 0x1p24 + 0x1p11, 0x1p10 - 1},
      // Case 2, q = p + 1: the product is a midpoint, the sum a trace.
      {8, 9, 1000, 0x1p-30, 1 + 0x1p-8},
      // Case 2, 2 p = 26: the product is a power of two, the sum reaches from the midpoint to the
      // bit below binary32's last.
      {13, 8, 24, 0x1p-12 + 0x1p-13 - 0x1p-24, 1},
  };
  for (const Counterexample& e : examples) {
    EXPECT_FALSE(rounds_twice_safely(e.precision, e.bits, e.span));
    const double last_place = std::ldexp(1.0, std::ilogb(e.s + e.p) - 23);
    EXPECT_FALSE(rounds_aligned_safely(e.precision, e.bits) && std::fmod(e.s, last_place) == 0);
    EXPECT_EQ(to_nearest(e.s, e.precision), e.s) << e.s;
    EXPECT_EQ(to_nearest(e.p, e.bits), e.p) << e.p;
    EXPECT_NE(rounded_twice(e.s, e.p, e.precision), to_nearest(e.s + e.p, e.precision))
        << e.precision << " " << e.bits;
  }
}

}  // namespace
}  // namespace halfulp
