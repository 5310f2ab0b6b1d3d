#include "tests/oracle/fixed_point.h"

#include <cmath>
#include <cstdint>

namespace halfulp::oracle {

namespace {

constexpr int kUnit = 400;

/// m 2^e, m whole.
Fixed whole(double x, int& exponent) {
  const double fraction = std::frexp(x, &exponent);
  exponent -= 53;
  return Fixed(static_cast<std::int64_t>(std::ldexp(fraction, 53)));
}

Fixed scaled(const Fixed& m, int exponent) {
  const int shift = kUnit + exponent;
  return shift >= 0 ? Fixed(m << shift)
                    : Fixed(m / (Fixed(1) << -shift));  // exact: nothing is so small
}

}  // namespace

Fixed exact(double x) {
  int exponent = 0;
  const Fixed m = whole(x, exponent);
  return scaled(m, exponent);
}

Fixed product(std::initializer_list<double> factors) {
  Fixed result = 1;
  int sum = 0;
  for (const double x : factors) {
    int exponent = 0;
    result *= whole(x, exponent);
    sum += exponent;
  }
  return scaled(result, sum);
}

double to_odd(const Fixed& x) {
  if (x == 0) return 0;
  const Fixed magnitude = abs(x);
  const int extra = static_cast<int>(msb(magnitude)) - 52;
  double value = 0;
  if (extra <= 0) {
    value = std::ldexp(static_cast<double>(static_cast<std::uint64_t>(magnitude)), -kUnit);
  } else {
    auto cut = static_cast<std::uint64_t>(Fixed(magnitude >> extra));
    if (static_cast<int>(lsb(magnitude)) < extra) cut |= 1;
    value = std::ldexp(static_cast<double>(cut), extra - kUnit);
  }
  return x < 0 ? -value : value;
}

Fixed cut(const Fixed& x, int unit, Cut mode, bool& inexact) {
  const int shift = kUnit + unit;
  if (shift <= 0) return x;
  const Fixed step = Fixed(1) << shift;
  const Fixed magnitude = abs(x);
  const Fixed rest = magnitude % step;
  if (rest == 0) return x;
  inexact = true;
  Fixed below = magnitude - rest;
  bool up = mode == Cut::down && x < 0;
  if (mode == Cut::nearest) {
    const Fixed twice = 2 * rest;
    up = twice > step || (twice == step && (below / step) % 2 != 0);
  }
  if (up) below += step;
  return x < 0 ? Fixed(-below) : below;
}

}  // namespace halfulp::oracle
