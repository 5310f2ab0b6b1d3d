// Exact sums: against rationals, under permutation, and where they are easily wrong.
#include "formats/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/exact_result.h"

namespace halfulp {
namespace {

const RoundSpec kNearest{Rounding::nearest_even, Overflow::infinity};

Number number(const char* text) {
  const WideNumber x = *parse_number(text);
  return {x.kind, x.negative, false, x.exponent, static_cast<std::uint64_t>(x.significand)};
}

std::string rounded(const ExactSum& sum, const char* format, const RoundSpec& spec = kNearest) {
  Flags flags;
  const Number result = sum.round(parse_format(format), spec, 0, flags);
  return to_hex_float(result) + " " + to_string(flags);
}

TEST(ExactSum, HugeTermsCancel) {
  ExactSum sum;
  for (const char* text : {"0x1p16000", "0x1p-16000", "-0x1p16000", "0x1p0", "-0x1p0"}) {
    sum.add(number(text));
  }
  EXPECT_EQ(rounded(sum, "e15m63"), "0x1p-16000 -");
}

TEST(ExactSum, ABitFarBelowDecidesATie) {
  ExactSum sum;
  sum.add(number("0x1p0"));
  sum.add(number("0x1p-24"));
  EXPECT_EQ(rounded(sum, "binary32"), "0x1p+0 inexact");
  sum.add(number("0x1p-9000"));
  EXPECT_EQ(rounded(sum, "binary32"), "0x1.000002p+0 inexact");
  sum.add(number("-0x1p-8999"));
  EXPECT_EQ(rounded(sum, "binary32"), "0x1p+0 inexact");
}

TEST(ExactSum, SignsOfZero) {
  const RoundSpec down{Rounding::toward_negative, Overflow::infinity};
  ExactSum empty;
  EXPECT_EQ(rounded(empty, "binary32", down), "0x0p+0 -");
  ExactSum negative;
  negative.add(number("-0"));
  EXPECT_EQ(rounded(negative, "binary32"), "-0x0p+0 -");
  negative.add(number("0"));
  EXPECT_EQ(rounded(negative, "binary32"), "0x0p+0 -");
  EXPECT_EQ(rounded(negative, "binary32", down), "-0x0p+0 -");
  ExactSum cancelled;
  cancelled.add(number("-1"));
  cancelled.add(number("1"));
  EXPECT_EQ(rounded(cancelled, "binary32"), "0x0p+0 -");
  EXPECT_EQ(rounded(cancelled, "binary32", down), "-0x0p+0 -");
}

TEST(ExactSum, InfinitiesAndNaN) {
  ExactSum infinite;
  infinite.add_product(number("inf"), number("-2"));
  infinite.add(number("5"));
  EXPECT_EQ(rounded(infinite, "binary16"), "-inf -");
  infinite.add(number("inf"));
  EXPECT_EQ(rounded(infinite, "binary16"), "nan invalid");
  ExactSum product;
  product.add_product(number("inf"), number("0"));
  EXPECT_EQ(rounded(product, "binary16"), "nan invalid");
  ExactSum quiet;
  quiet.add(number("nan"));
  quiet.add(number("inf"));
  quiet.add(number("-inf"));
  EXPECT_EQ(rounded(quiet, "binary16"), "nan -");
  EXPECT_THROW(quiet.add(*parse_number("0.1")), std::invalid_argument);
}

TEST(ExactSum, WrapNeedsTheTrailingBits) {
  const RoundSpec wrap{Rounding::nearest_even, Overflow::wrap};
  ExactSum sum;
  for (const char* text : {"0x1p300", "0x1p64", "77", "0x1p-1", "0x1p-200"}) sum.add(number(text));
  EXPECT_EQ(rounded(sum, "int8", wrap), "0x1.38p+6 inexact,overflow");  // 77.5 and a bit: 78
  ExactSum negative;
  for (const char* text : {"-0x1p300", "-77", "-0x1p-1"}) negative.add(number(text));
  EXPECT_EQ(rounded(negative, "int8", wrap), "-0x1.38p+6 inexact,overflow");  // the even one
  ExactSum inside;  // many bits, all but one of them below the unit: nothing wraps
  inside.add(number("0x1p4"));
  inside.add(number("0x1p-300"));
  EXPECT_EQ(rounded(inside, "int8", wrap), "0x1p+4 inexact");
}

// Operands such as those of binary64 have many trailing zeros: far down is not out of range.
TEST(ExactSum, WrapLeavesSumsInRangeAlone) {
  const RoundSpec wrap{Rounding::nearest_even, Overflow::wrap};
  ExactSum sum;
  sum.add(WideNumber{Number::Kind::finite, false, false, -100, uint128{77} << 100});
  EXPECT_EQ(rounded(sum, "int8", wrap), "0x1.34p+6 -");
  sum.add(number("0x1p-200"));
  EXPECT_EQ(rounded(sum, "int8", wrap), "0x1.34p+6 inexact");
}

/// Random terms whose exponents lie `spread` apart, with pairs that cancel.
void compare_with_rationals(int spread, int rounds) {
  std::mt19937_64 generator(static_cast<std::uint64_t>(spread));
  for (int round = 0; round < rounds; ++round) {
    ExactSum sum;
    oracle::Rational want = 0;
    std::vector<double> terms;
    for (int i = 0; i < 12; ++i) {
      const auto shift = static_cast<int>(generator() % static_cast<unsigned>(2 * spread)) - spread;
      double x = std::ldexp(static_cast<double>(generator() >> 11), shift - 52);
      if (generator() % 2 == 0) x = -x;
      if (i > 2 && generator() % 2 == 0) x = -terms[generator() % terms.size()];
      terms.push_back(x);
      const double y = generator() % 3 == 0 ? std::ldexp(3.0, static_cast<int>(shift)) : 1.0;
      sum.add_product(from_double(x), from_double(y));
      want += oracle::to_rational(x) * oracle::to_rational(y);
    }
    Flags flags;
    const WideNumber got = sum.value(FloatFormat{11, 52, 1023}, kNearest, flags);
    if (want == 0) {
      ASSERT_EQ(got.kind, Number::Kind::zero);
      continue;
    }
    const RoundSpec odd{Rounding::to_odd, Overflow::infinity};
    const double as_odd = to_double(round_to(FloatFormat{11, 52, 1023}, odd, got, 0, flags));
    ASSERT_EQ(as_odd, oracle::round_to_odd(want)) << "round " << round;
  }
}

TEST(ExactSum, EqualsRationals) {
  for (const int spread : {1, 20, 64, 200, 400}) compare_with_rationals(spread, 400);
}

TEST(ExactSum, OrderDoesNotMatter) {
  std::mt19937_64 generator(7);
  std::vector<Number> terms;
  for (int i = 0; i < 300; ++i) {
    const auto exponent = static_cast<std::int32_t>(generator() % 3000) - 1500;
    terms.push_back({Number::Kind::finite, generator() % 2 == 0, false, exponent, generator() | 1});
  }
  std::string first;
  for (int i = 0; i < 10; ++i) {
    ExactSum sum;
    for (const Number& x : terms) sum.add(x);
    const std::string text = rounded(sum, "e15m63");
    if (i == 0) first = text;
    EXPECT_EQ(text, first);
    std::shuffle(terms.begin(), terms.end(), generator);
  }
}

}  // namespace
}  // namespace halfulp
