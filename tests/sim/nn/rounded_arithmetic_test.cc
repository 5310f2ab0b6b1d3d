// Arithmetic in one format against rounding by scaling to integers, and sums of two numbers.
#include "sim/nn/rounded_arithmetic.h"

#include <gtest/gtest.h>

#include "formats/spec.h"
#include "tests/sim/nn/optimizer_fixture.h"

namespace halfulp::nn {
namespace {

/// Nearest even with `precision` bits and the least exponent `emin` of normal numbers.
long double nearest(long double x, int precision, int emin) {
  if (x == 0.0L) return x;
  int exponent = 0;
  std::frexp(x, &exponent);
  const int last = std::max(exponent - precision, emin - precision + 1);
  return std::ldexp(std::nearbyint(std::ldexp(x, -last)), last);
}

Values numbers(std::uint64_t salt, int precision, int emin, int spread) {
  Values out(4096);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto x = static_cast<long double>(test::noise(salt * 9973 + i));
    const int exponent = static_cast<int>((i * 7 + salt) % static_cast<std::size_t>(spread));
    out[i] = static_cast<double>(nearest(std::ldexp(x, -exponent), precision, emin));
  }
  return out;
}

TEST(RoundedArithmetic, RoundsEveryOperationOnce) {
  struct Case {
    const char* format;
    int precision, emin, spread;
  };

  for (const Case& c : {Case{"bfloat16", 8, -126, 60}, Case{"binary16", 11, -14, 16},
                        Case{"tf32", 11, -126, 60}, Case{"e5m2+unscaled", 3, -14, 14}}) {
    const RoundedArithmetic to(parse_quantizer(c.format));
    const Values a = numbers(1, c.precision, c.emin, c.spread);
    Values b = numbers(2, c.precision, c.emin, c.spread);
    for (double& x : b) x = x == 0.0 ? 1.0 : x;
    Values squares = a;
    for (double& x : squares) x = std::fabs(x);
    const Values sum = to.add(a, b), difference = to.sub(a, b), product = to.mul(a, b);
    const Values quotient = to.div(a, b), root = to.sqrt(squares), scaled = to.mul(a, b[5]);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto x = static_cast<long double>(a[i]), y = static_cast<long double>(b[i]);
      const auto expected = [&](long double exact) {
        return static_cast<double>(nearest(exact, c.precision, c.emin));
      };
      ASSERT_EQ(sum[i], expected(x + y)) << c.format;
      ASSERT_EQ(difference[i], expected(x - y)) << c.format;
      ASSERT_EQ(product[i], expected(x * y)) << c.format;
      ASSERT_EQ(scaled[i], expected(x * static_cast<long double>(b[5]))) << c.format;
      ASSERT_EQ(root[i], expected(std::sqrt(static_cast<long double>(squares[i])))) << c.format;
      if (std::fabs(x / y) < 50000.0L) {
        ASSERT_EQ(quotient[i], expected(x / y)) << c.format;
      }
    }
  }
}

TEST(RoundedArithmetic, RefusesWhatHasNoArithmetic) {
  for (const char* text :
       {"int8", "e4m3fn", "mxfp4", "bfloat16+stochastic(16)", "bfloat16+toward_zero", "binary64"}) {
    EXPECT_THROW(RoundedArithmetic{parse_quantizer(text)}, SpecError) << text;
  }
}

TEST(RoundedArithmetic, GrowIsExactFromOneNumber) {
  const RoundedArithmetic to(parse_quantizer("bfloat16"));
  Values h = numbers(3, 8, -126, 20), v = numbers(4, 8, -126, 30);
  for (std::size_t i = 0; i < h.size(); ++i) {
    if (std::fabs(h[i]) < std::fabs(v[i])) std::swap(h[i], v[i]);
  }
  const ValuePairs pair = to.grow({h, Values(h.size())}, v);
  std::size_t in_two_parts = 0;
  for (std::size_t i = 0; i < h.size(); ++i) {
    ASSERT_EQ(pair.high[i] + pair.low[i], h[i] + v[i]);
    ASSERT_EQ(pair.high[i],
              static_cast<double>(nearest(static_cast<long double>(h[i] + v[i]), 8, -126)));
    in_two_parts += pair.low[i] != 0.0 ? 1 : 0;
  }
  EXPECT_GT(in_two_parts, h.size() / 2);
}

TEST(RoundedArithmetic, GrowKeepsTheSecondPart) {
  // 1 + 2^-9 + 2^-9: each half step alone is lost, both together move the first part.
  const RoundedArithmetic to(parse_quantizer("bfloat16"));
  const ValuePairs once = to.grow({{1.0}, {0.0}}, {0x1p-9});
  EXPECT_EQ(once.high[0], 1.0);
  EXPECT_EQ(once.low[0], 0x1p-9);
  const ValuePairs twice = to.grow(to.grow(once, {0x1p-9}), {0x1p-8});
  EXPECT_EQ(twice.high[0], 1.0 + 0x1p-7);
  EXPECT_EQ(twice.low[0], 0.0);
}

TEST(RoundedArithmetic, ScaleIsExactWithoutSecondPartsAndNearWithThem) {
  const RoundedArithmetic to(parse_quantizer("bfloat16"));
  const Values h = numbers(5, 8, -126, 20);
  const ValuePairs pair = to.scale({h, Values(h.size())}, 0.8984375, 0.0);
  for (std::size_t i = 0; i < h.size(); ++i) {
    ASSERT_EQ(pair.high[i] + pair.low[i], h[i] * 0.8984375);
  }
  // beta2 = 0.999 as a pair: (1, -0.00099945068359375).
  EXPECT_EQ(to.constant(0.999), 1.0);
  EXPECT_EQ(to.constant(0.999 - 1.0), -0.00099945068359375);
  const ValuePairs decayed = to.scale({{1.0}, {0.0}}, 1.0, -0.00099945068359375);
  EXPECT_EQ(decayed.high[0] + decayed.low[0], 1.0 - 0.00099945068359375);
}

}  // namespace
}  // namespace halfulp::nn
