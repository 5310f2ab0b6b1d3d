#include "sim/elementary.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace halfulp {
namespace {

constexpr double kLn2High = 0x1.62e42fee00000p-1;  // 32 significant bits: k * kLn2High is exact
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLog2E = 0x1.71547652b82fep+0;

/// sum of c[i] x^i, highest first.
template <std::size_t N>
double horner(double x, const std::array<double, N>& c) {
  double sum = c[N - 1];
  for (std::size_t i = N - 1; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

/// x * 2^k for k in [-2200, 2200], rounded once where the result is normal.
double scale_by_power(double x, int k) {
  const auto power = [](int e) {
    return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52);
  };
  while (k > 1000) {
    x *= power(1000);
    k -= 1000;
  }
  while (k < -1000) {
    x *= power(-1000);
    k += 1000;
  }
  return x * power(k);
}

/// 1/0!, 1/1!, ... : on |r| <= ln2/2 the first omitted term is below 2^-57.
constexpr std::array<double, 14> kInverseFactorials = [] {
  std::array<double, 14> c{};
  double factorial = 1.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    c[i] = 1.0 / factorial;
    factorial *= static_cast<double>(i + 1);
  }
  return c;
}();

struct Reduced {
  double r;           ///< |r| <= pi/4, up to rounding
  unsigned quadrant;  ///< modulo 4
};

/// x - n pi/2 with pi/2 in three parts of 33 bits: n * part is exact for |n| < 2^20.
Reduced reduce_quadrant(double x) {
  constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
  constexpr double kHalfPi1 = 0x1.921fb54400000p+0;
  constexpr double kHalfPi2 = 0x1.0b4611a600000p-34;
  constexpr double kHalfPi3 = 0x1.3198a2e037073p-69;
  const double n = std::floor(x * kTwoOverPi + 0.5);
  const double r = ((x - n * kHalfPi1) - n * kHalfPi2) - n * kHalfPi3;
  return {r, static_cast<unsigned>(static_cast<std::int64_t>(n) & 3)};
}

double sin_polynomial(double r) {
  constexpr std::array<double, 8> c = {
      1.0,          -1.0 / 6,        1.0 / 120,          -1.0 / 5040,
      1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800.0, -1.0 / 1307674368000.0};
  return r * horner(r * r, c);
}

double cos_polynomial(double r) {
  constexpr std::array<double, 9> c = {1.0,
                                       -1.0 / 2,
                                       1.0 / 24,
                                       -1.0 / 720,
                                       1.0 / 40320,
                                       -1.0 / 3628800,
                                       1.0 / 479001600,
                                       -1.0 / 87178291200.0,
                                       1.0 / 20922789888000.0};
  return horner(r * r, c);
}

double sine_of_quadrant(const Reduced& reduced) {
  const double value =
      (reduced.quadrant & 1U) != 0 ? cos_polynomial(reduced.r) : sin_polynomial(reduced.r);
  return (reduced.quadrant & 2U) != 0 ? -value : value;
}

}  // namespace

double pinned_exp(double x) {
  if (std::isnan(x)) return x;
  if (x > 710.0) return std::numeric_limits<double>::infinity();
  if (x < -746.0) return 0.0;
  const double k = std::floor(x * kLog2E + 0.5);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  return scale_by_power(horner(r, kInverseFactorials), static_cast<int>(k));
}

double pinned_log(double x) {
  if (std::isnan(x) || x == std::numeric_limits<double>::infinity()) return x;
  if (x == 0.0) return -std::numeric_limits<double>::infinity();
  if (x < 0.0) return std::numeric_limits<double>::quiet_NaN();
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // exact
  constexpr double kSqrtHalf = 0x1.6a09e667f3bcdp-1;
  if (m < kSqrtHalf) {
    m *= 2.0;
    exponent -= 1;
  }
  // log m = f - s (f - z P(z)) with f = m - 1, s = f / (2 + f), z = s^2 (the atanh series
  // rearranged so that the leading term is exact).
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  constexpr std::array<double, 10> c = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
                                        2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};
  const double tail = z * horner(z, c);
  const double half_square = 0.5 * f * f;
  const double e = exponent;
  return e * kLn2High + (f - (half_square - (s * (half_square + tail) + e * kLn2Low)));
}

double pinned_sin(double x) { return sine_of_quadrant(reduce_quadrant(x)); }

double pinned_cos(double x) {
  Reduced reduced = reduce_quadrant(x);
  reduced.quadrant += 1;
  return sine_of_quadrant(reduced);
}

}  // namespace halfulp
