#include "formats/families/posit.h"

#include <algorithm>
#include <bit>

#include "formats/float_layout.h"

namespace halfulp::ordered {

int max_exponent(const PositFormat& format) { return (format.bits - 2) << format.exponent_bits; }

Number value_at(const PositFormat& format, std::int64_t position) {
  if (position == 0) return {};
  const int body_bits = format.bits - 1;
  // The bit string after the sign, left-aligned; what is missing on the right reads as 0.
  std::uint64_t body = static_cast<std::uint64_t>(position) << (64 - body_bits);
  const bool large = body >> 63 != 0;
  const int run = std::min(large ? std::countl_one(body) : std::countl_zero(body), body_bits);
  const int regime = large ? run - 1 : -run;
  const int regime_bits = std::min(run + 1, body_bits);
  body = regime_bits >= 64 ? 0 : body << regime_bits;
  const int es = format.exponent_bits;
  const int exponent = es == 0 ? 0 : static_cast<int>(body >> (64 - es));
  body <<= es;
  const int fraction_bits = std::max(0, body_bits - regime_bits - es);
  const std::uint64_t fraction = fraction_bits == 0 ? 0 : body >> (64 - fraction_bits);
  return {Number::Kind::finite, false, false, regime * (1 << es) + exponent - fraction_bits,
          (std::uint64_t{1} << fraction_bits) | fraction};
}

Place place(const PositFormat& format, const WideNumber& x) {
  const std::int64_t exponent = std::int64_t{x.exponent} + bit_width(x.significand) - 1;
  const int top = max_exponent(format);
  const bool power_of_two = (x.significand & (x.significand - 1)) == 0 && !x.sticky;
  if (exponent > top || (exponent == top && !power_of_two)) return {.beyond = true};
  if (exponent < -top) {
    return {.inner = 0, .outer = 1, .inner_is_even = true, .tiny = true, .side = 1};
  }
  const int es = format.exponent_bits;
  const int regime = static_cast<int>(exponent) >> es;
  const int run = regime >= 0 ? regime + 1 : -regime;
  // A run of ones ended by a zero, or of zeros ended by a one; then es exponent bits.
  const uint128 regime_field = regime >= 0 ? low_code_bits(run) << 1 : 1;
  const auto exponent_field = static_cast<std::uint64_t>(exponent) &
                              low_bits(es);  // of two's complement: exponent mod 2^es
  const int length = run + 1 + es;
  const uint128 prefix = ((regime_field << es) | exponent_field) << (128 - length);
  return cut(append_fraction(prefix, length, x), format.bits - 1);
}

}  // namespace halfulp::ordered
