// Sums rounded to odd against integers of 128 bits.
#include "sim/window_sums.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace halfulp {
namespace {

__extension__ using Wide = __int128;

constexpr int kUnit = -100;

/// x, a multiple of 2^kUnit below 2^20, in that unit.
Wide wide(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  const auto significand = static_cast<Wide>(std::ldexp(fraction, 53));
  const int shift = exponent - 53 - kUnit;
  return shift >= 0 ? significand * (Wide{1} << shift) : significand / (Wide{1} << -shift);
}

double to_odd(Wide sum) {
  const Wide magnitude = sum < 0 ? -sum : sum;
  int shift = 0;
  while (magnitude >> shift >= Wide{1} << 53) ++shift;
  const bool is_exact = (magnitude >> shift) << shift == magnitude;
  const Wide kept = (magnitude >> shift) | (is_exact ? 0 : 1);
  const double x = std::ldexp(static_cast<double>(kept), shift + kUnit);
  return sum < 0 ? -x : x;
}

/// Sums of a few powers of two, often the same ones, half an ulp and a bit apart.
double part(std::mt19937& rng) {
  const int exponents[] = {0, -1, 1, -51, -52, -53, -54, -99, -100, -46, -92};
  double x = 0;
  for (auto n = rng() % 3; n > 0; --n) {
    const double power = std::ldexp(rng() % 2 == 0 ? 1.0 : -1.0, exponents[rng() % 11]);
    const double next = x + power;
    if (next - x == power && next - power == x) x = next;
  }
  return x;
}

TEST(OddSum, EqualsTheSumInIntegers) {
  std::mt19937 rng(1);
  int inexact = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::size_t count = 1 + rng() % 4;
    const std::size_t stride = 1 + rng() % 3;
    std::vector<double> parts(count * stride, std::numeric_limits<double>::quiet_NaN());
    Wide sum = 0;
    for (std::size_t k = 0; k < count; ++k) {
      parts[k * stride] = part(rng);
      sum += wide(parts[k * stride]);
    }
    const double odd = odd_sum(parts.data(), count, stride);
    ASSERT_EQ(odd, to_odd(sum)) << i;
    if (wide(odd) != sum) ++inexact;
  }
  EXPECT_GT(inexact, 10000);
}

}  // namespace
}  // namespace halfulp
