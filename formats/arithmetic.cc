#include "formats/arithmetic.h"

#include <algorithm>
#include <stdexcept>

#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

/// Exponent of the leading bit.
template <typename AnyNumber>
std::int64_t leading_exponent(const AnyNumber& x) {
  return std::int64_t{x.exponent} + bit_width(uint128{x.significand}) - 1;
}

void check_exact(const Number& x) {
  if (x.sticky) throw std::invalid_argument(kIrrational);
}

WideNumber invalid(Flags& flags) {
  flags.invalid = true;
  return {Kind::nan};
}

/// The signed significand in units of 2^exponent.
int128 in_units(const WideNumber& x, std::int64_t exponent) {
  const auto magnitude = static_cast<int128>(x.significand << (x.exponent - exponent));
  return x.negative ? -magnitude : magnitude;
}

/// The sum of finite terms of at most 3, when it fits into 128 bits; most do. Sets `done`.
WideNumber close_sum(std::span<const WideNumber> terms, const RoundSpec& spec, bool& done) {
  std::int64_t low = INT64_MAX;
  std::int64_t high = INT64_MIN;
  done = false;
  for (const WideNumber& x : terms) {
    if (x.kind != Kind::finite || x.sticky) return {};
    low = std::min<std::int64_t>(low, x.exponent);
    high = std::max(high, leading_exponent(x));
  }
  constexpr std::int64_t kRoom = 124;  // 127 without the sign, less the carries of 3 terms
  if (high - low >= kRoom) return {};
  done = true;
  int128 sum = 0;
  for (const WideNumber& x : terms) sum += in_units(x, low);
  if (sum == 0) return {Kind::zero, spec.rounding == Rounding::toward_negative};
  const bool negative = sum < 0;
  return {Kind::finite, negative, false, static_cast<std::int32_t>(low),
          static_cast<uint128>(negative ? -sum : sum)};
}

WideNumber sum_of(std::span<const WideNumber> terms, const Format& format, const RoundSpec& spec,
                  Flags& flags) {
  bool done = false;
  const WideNumber close = close_sum(terms, spec, done);
  if (done) return close;
  ExactSum sum;
  for (const WideNumber& x : terms) sum.add(x);
  return sum.value(format, spec, flags);
}

/// (base^exponent) mod modulus, for a modulus of up to 64 bits.
std::uint64_t power_modulo(std::uint64_t base, std::uint64_t exponent, std::uint64_t modulus) {
  uint128 result = 1 % modulus;
  uint128 square = base % modulus;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = result * square % modulus;
    square = square * square % modulus;
  }
  return static_cast<std::uint64_t>(result);
}

/// |x| / |y| = quotient + rest / |y|: the parity of the quotient, and the rest and |y| in the unit
/// 2^exponent. For leading exponents of x not below that of y less 1.
struct Division {
  bool quotient_is_odd = false;
  uint128 rest = 0;
  uint128 divisor = 0;
  std::int32_t exponent = 0;
};

Division divide_with_rest(const Number& x, const Number& y) {
  if (x.exponent <= y.exponent) {  // the divisor is short enough to be written in x's unit
    const uint128 divisor = uint128{y.significand} << (y.exponent - x.exponent);
    const uint128 whole = x.significand;
    return {(whole / divisor) % 2 == 1, whole % divisor, divisor, x.exponent};
  }
  // x mod 2y, in the unit 2 * 2^(y.exponent), needs a modulus of 64 bits only.
  const std::uint64_t modulus = y.significand;
  const auto shift = static_cast<std::uint64_t>(std::int64_t{x.exponent} - y.exponent - 1);
  const uint128 scaled = uint128{x.significand % modulus} * power_modulo(2, shift, modulus);
  const uint128 rest = scaled % modulus * 2;
  const bool odd = rest >= modulus;
  return {odd, odd ? rest - modulus : rest, modulus, y.exponent};
}

}  // namespace

Number negated(const Number& x) {
  Number result = x;
  result.negative = x.kind != Kind::nan && !x.negative;
  return result;
}

WideNumber add(const Number& x, const Number& y, const Format& format, const RoundSpec& spec,
               Flags& flags) {
  const WideNumber terms[] = {widen(x), widen(y)};
  return sum_of(terms, format, spec, flags);
}

WideNumber fused_multiply_add(const Number& x, const Number& y, const Number& z,
                              const Format& format, const RoundSpec& spec, Flags& flags) {
  const WideNumber terms[] = {multiply(x, y, flags), widen(z)};
  return sum_of(terms, format, spec, flags);
}

WideNumber fused_add_add(const Number& x, const Number& y, const Number& z, const Format& format,
                         const RoundSpec& spec, Flags& flags) {
  const WideNumber terms[] = {widen(x), widen(y), widen(z)};
  return sum_of(terms, format, spec, flags);
}

WideNumber divide(const Number& x, const Number& y, Flags& flags) {
  check_exact(x);
  check_exact(y);
  if (x.kind == Kind::nan || y.kind == Kind::nan) return {Kind::nan};
  if (x.kind == y.kind && x.kind != Kind::finite) return invalid(flags);  // 0 / 0, inf / inf
  const bool negative = x.negative != y.negative;
  if (x.kind == Kind::infinity) return {Kind::infinity, negative};
  if (x.kind == Kind::zero || y.kind == Kind::infinity) return {Kind::zero, negative};
  if (y.kind == Kind::zero) {
    flags.divide_by_zero = true;
    return {Kind::infinity, negative};
  }
  // Long division in two digits of 64 bits; leading bits 126 and 63 make the first one fit.
  const int x_shift = 127 - bit_width(x.significand);
  const int y_shift = 64 - bit_width(y.significand);
  const uint128 dividend = uint128{x.significand} << x_shift;
  const uint128 divisor = uint128{y.significand} << y_shift;
  const uint128 first = dividend / divisor;
  const uint128 rest = dividend % divisor << 64;
  WideNumber result{Kind::finite, negative, rest % divisor != 0};
  result.exponent = x.exponent - x_shift - y.exponent + y_shift - 64;
  result.significand = first << 64 | rest / divisor;
  return result;
}

WideNumber remainder(const Number& x, const Number& y, Flags& flags) {
  check_exact(x);
  check_exact(y);
  if (x.kind == Kind::nan || y.kind == Kind::nan) return {Kind::nan};
  if (x.kind == Kind::infinity || y.kind == Kind::zero) return invalid(flags);
  if (x.kind == Kind::zero || y.kind == Kind::infinity) return widen(x);
  if (leading_exponent(x) < leading_exponent(y) - 1) return widen(x);  // |x| < |y| / 2
  const Division d = divide_with_rest(x, y);
  const uint128 other = d.divisor - d.rest;
  const bool up = d.rest > other || (d.rest == other && d.quotient_is_odd);
  const uint128 magnitude = up ? other : d.rest;
  if (magnitude == 0) return {Kind::zero, x.negative};
  return {Kind::finite, x.negative != up, false, d.exponent, magnitude};
}

std::partial_ordering compare(const Number& x, const Number& y) {
  if (x.kind == Kind::nan || y.kind == Kind::nan) return std::partial_ordering::unordered;
  const auto sign = [](const Number& v) { return v.kind == Kind::zero ? 0 : v.negative ? -1 : 1; };
  if (sign(x) != sign(y)) return sign(x) <=> sign(y);
  if (sign(x) == 0) return std::partial_ordering::equivalent;
  const auto reversed = [&](std::partial_ordering order) {
    return x.negative ? 0 <=> order : order;
  };
  if (x.kind == Kind::infinity || y.kind == Kind::infinity) {
    return reversed((x.kind == Kind::infinity ? 1 : 0) <=> (y.kind == Kind::infinity ? 1 : 0));
  }
  if (leading_exponent(x) != leading_exponent(y)) {
    return reversed(leading_exponent(x) <=> leading_exponent(y));
  }
  const std::uint64_t a = x.significand << (64 - bit_width(x.significand));
  const std::uint64_t b = y.significand << (64 - bit_width(y.significand));
  if (a != b) return reversed(a <=> b);
  return reversed((x.sticky ? 1 : 0) <=> (y.sticky ? 1 : 0));
}

}  // namespace halfulp
