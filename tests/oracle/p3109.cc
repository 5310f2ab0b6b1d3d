#include "tests/oracle/p3109.h"

#include <algorithm>

namespace halfulp::oracle {

namespace {

using Kind = Dyadic::Kind;

int length(uint128 x) {
  int bits = 0;
  for (; x != 0; x >>= 1) ++bits;
  return bits;
}

/// Compares magnitudes: -1, 0, 1.
int compare(const Dyadic& a, const Dyadic& b) {
  if (a.significand == 0 || b.significand == 0) {
    return (a.significand != 0 ? 1 : 0) - (b.significand != 0 ? 1 : 0);
  }
  const int top_a = a.exponent + length(a.significand);
  const int top_b = b.exponent + length(b.significand);
  if (top_a != top_b) return top_a < top_b ? -1 : 1;
  const int low = std::min(a.exponent, b.exponent);  // tops agree, so shifts are below 128
  const uint128 x = a.significand << (a.exponent - low);
  const uint128 y = b.significand << (b.exponent - low);
  return x < y ? -1 : x > y ? 1 : 0;
}

/// a - b for magnitudes a >= b of similar size, or b = 0.
Dyadic difference(const Dyadic& a, const Dyadic& b) {
  if (b.significand == 0) return a;
  const int low = std::min(a.exponent, b.exponent);
  return {Kind::finite, false,
          (a.significand << (a.exponent - low)) - (b.significand << (b.exponent - low)), low};
}

/// Floor of x * 2^scale, for results below 2^64, and whether that is exact.
struct Floor {
  std::uint64_t whole;
  bool exact;
};

Floor floor_scaled(const Dyadic& x, int scale) {
  if (x.significand == 0) return {0, true};
  const int shift = x.exponent + scale;
  if (shift >= 0) return {static_cast<std::uint64_t>(x.significand << shift), true};
  if (shift <= -128) return {0, false};
  const uint128 whole = x.significand >> -shift;
  return {static_cast<std::uint64_t>(whole), whole << -shift == x.significand};
}

/// RoundAway of 4.7.4 with nu = rest / 2^quantum.
bool round_away(const RoundSpec& spec, const Dyadic& rest, int quantum, bool negative,
                bool code_is_even, std::uint64_t random) {
  const Floor half = floor_scaled(rest, 1 - quantum);
  const bool above_half = half.whole == 1 && !half.exact;
  const bool at_half = half.whole == 1 && half.exact;
  const bool positive_nu = rest.significand != 0;
  const int n = spec.random_bits;
  const std::uint64_t r = n == 0 ? 0 : random % (std::uint64_t{1} << n);
  switch (spec.rounding) {
    case Rounding::nearest_even:
      return above_half || (at_half && !code_is_even);
    case Rounding::nearest_away:
      return above_half || at_half;
    case Rounding::toward_zero:
      return false;
    case Rounding::toward_positive:
      return positive_nu && !negative;
    case Rounding::toward_negative:
      return positive_nu && negative;
    case Rounding::to_odd:
      return positive_nu && code_is_even;
    case Rounding::stochastic:
      break;
  }
  const std::uint64_t one = std::uint64_t{1} << n;
  const Floor a = floor_scaled(rest, n - quantum);
  const Floor b = floor_scaled(rest, n + 1 - quantum);
  switch (spec.variant) {
    case StochasticVariant::truncate:
      return a.whole + r >= one;
    case StochasticVariant::unbiased:
      return b.whole + 2 * r + 1 >= 2 * one;
    case StochasticVariant::rounded:
      break;
  }
  const bool upper_half = b.whole % 2 == 1;
  const bool up = upper_half && (!b.exact || a.whole % 2 == 1);
  return a.whole + (up ? 1 : 0) + r >= one;
}

}  // namespace

P3109::P3109(const P3109Parameters& parameters) : p_(parameters) {
  bias_ = p_.is_signed ? 1 << (p_.bits - p_.precision - 1) : 1 << (p_.bits - p_.precision);
  const std::uint32_t half = std::uint32_t{1} << (p_.bits - 1);
  // The last code of the non-negative numbers: before NaN, and before infinity.
  max_code_ = (p_.is_signed ? half - 1 : 2 * half - 2) - (p_.is_extended ? 1 : 0);
}

Dyadic P3109::magnitude(std::uint32_t code) const {
  const std::uint32_t steps = std::uint32_t{1} << (p_.precision - 1);
  const std::uint32_t trailing = code % steps;
  const auto exponent = static_cast<int>(code / steps);
  if (exponent == 0) return {Kind::finite, false, trailing, 1 - p_.precision + 1 - bias_};
  return {Kind::finite, false, steps + trailing, 1 - p_.precision + exponent - bias_};
}

std::uint32_t P3109::nan_code() const {
  const std::uint32_t half = std::uint32_t{1} << (p_.bits - 1);
  return p_.is_signed ? half : 2 * half - 1;
}

std::uint32_t P3109::infinity_code(bool negative) const {
  return max_code_ + 1 + (negative ? std::uint32_t{1} << (p_.bits - 1) : 0);
}

Dyadic P3109::decode(std::uint32_t code) const {
  const std::uint32_t half = std::uint32_t{1} << (p_.bits - 1);
  if (code == nan_code()) return {Kind::nan};
  if (p_.is_extended && code == infinity_code(false)) return {Kind::infinity};
  if (p_.is_signed && p_.is_extended && code == infinity_code(true)) return {Kind::infinity, true};
  if (!p_.is_signed || code < half) return magnitude(code);
  Dyadic x = magnitude(code - half);
  x.negative = true;
  return x;
}

/// The rows of 4.7.5 in their order, for an X outside [M lo, M hi].
std::uint32_t P3109::saturate(const RoundSpec& spec, const Dyadic& x, bool x_is_infinite) const {
  const std::uint32_t high = max_code_;
  const std::uint32_t low = p_.is_signed ? max_code_ + (std::uint32_t{1} << (p_.bits - 1)) : 0;
  const bool above = !x.negative;
  const bool below = x.negative;
  const bool is_extended = p_.is_extended;
  const Rounding mode = spec.rounding;
  if (spec.overflow == Overflow::saturate) return above ? high : low;
  if (spec.overflow == Overflow::propagate) {
    if (x_is_infinite && above && is_extended) return infinity_code(false);
    if (x_is_infinite && above) return high;
    if (x_is_infinite && p_.is_signed && is_extended) return infinity_code(true);
    return above ? high : low;
  }
  if (x_is_infinite) {
    if (above) return is_extended ? infinity_code(false) : high;
    if (p_.is_signed && is_extended) return infinity_code(true);
    return p_.is_signed ? low : nan_code();
  }
  if (mode == Rounding::to_odd && !p_.is_signed && is_extended && above) return high;
  const bool to_zero = mode == Rounding::toward_zero;
  if ((to_zero || mode == Rounding::toward_negative) && above) return high;
  if ((to_zero || mode == Rounding::toward_positive) && below) return low;
  if (p_.is_signed && is_extended && below) return infinity_code(true);
  if (!p_.is_signed && below) return nan_code();
  if (below) return low;
  return is_extended ? infinity_code(false) : high;
}

std::uint32_t P3109::project(const RoundSpec& spec, const Dyadic& x, std::uint64_t random) const {
  if (x.kind == Kind::nan) return nan_code();
  if (x.kind == Kind::infinity) return saturate(spec, x, true);
  // The largest code whose magnitude is not above |X|; the formula goes on above the last number.
  std::uint32_t low = 0;
  std::uint32_t high = std::uint32_t{1} << p_.bits;
  if (compare(x, magnitude(high)) >= 0) return saturate(spec, x, false);
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    (compare(magnitude(middle), x) <= 0 ? low : high) = middle;
  }
  const Dyadic rest = difference(x, magnitude(low));
  const Dyadic gap = difference(magnitude(low + 1), magnitude(low));
  const int quantum = gap.exponent + length(gap.significand) - 1;
  const bool away = round_away(spec, rest, quantum, x.negative, low % 2 == 0, random);
  const std::uint32_t rounded = low + (away ? 1 : 0);
  if (rounded == 0) return 0;
  if (rounded > max_code_ || (x.negative && !p_.is_signed)) return saturate(spec, x, false);
  return rounded + (x.negative ? std::uint32_t{1} << (p_.bits - 1) : 0);
}

std::vector<Dyadic> deciding_inputs(const P3109& format, std::uint32_t stride) {
  std::vector<Dyadic> inputs = {{Kind::finite, false, 0, 0},
                                {Kind::finite, false, 3, 100'000},
                                {Kind::finite, false, 3, -100'000},
                                {Kind::infinity},
                                {Kind::nan}};
  for (std::uint32_t code = 0; code < format.max_code() + 3; ++code) {
    if (code % stride != 0 && code > 2 && code + 4 < format.max_code()) continue;
    Dyadic value = format.magnitude(code);
    const Dyadic gap = difference(format.magnitude(code + 1), value);
    const int fine = gap.exponent + length(gap.significand) - 1 - 22;
    value = {Kind::finite, false, value.significand << (value.exponent - fine), fine};
    for (int quarter = 0; quarter < 4; ++quarter) {
      for (const int step : {-4, 0, 4}) {
        Dyadic x = value;
        x.significand += static_cast<uint128>(quarter) << 20;
        if (step < 0 && x.significand < 4) continue;
        x.significand = step < 0 ? x.significand - 4 : x.significand + static_cast<unsigned>(step);
        inputs.push_back(x);
      }
    }
  }
  const std::size_t positive = inputs.size();
  for (std::size_t i = 0; i < positive; ++i) {
    inputs.push_back(inputs[i]);
    inputs.back().negative = true;
  }
  return inputs;
}

}  // namespace halfulp::oracle
