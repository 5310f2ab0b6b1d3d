// Where the numbers of a FloatFormat lie: the few derived quantities that the codec, the properties
// and rounding share. For other code, properties.h.
#pragma once

#include <cstdint>

#include "formats/format.h"

namespace halfulp {

/// 2^bits - 1 for bits in [0, 64].
constexpr std::uint64_t low_bits(int bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

/// A fixed grid: no exponent field, so every number is a multiple of one quantum (properties of
/// subnormal numbers without a normal one above them).
constexpr bool is_fixed_grid(const FloatFormat& f) { return f.exponent_bits == 0 && f.has_zero; }

/// Exponent of the smallest normal number; for a fixed grid, one above its largest possible number.
constexpr int smallest_normal_exponent(const FloatFormat& f) {
  return f.has_zero ? 1 - f.bias : -f.bias;
}

/// Exponent of the spacing of the numbers in [2^exponent, 2^(exponent + 1)), subnormals included.
constexpr int quantum_exponent(const FloatFormat& f, int exponent) {
  const int lowest = smallest_normal_exponent(f);
  return (is_fixed_grid(f) || exponent < lowest ? lowest : exponent) - f.trailing_bits;
}

/// Exponent field of the largest finite number.
constexpr int max_biased_exponent(const FloatFormat& f) {
  const int top = static_cast<int>(low_bits(f.exponent_bits));
  const bool top_is_reserved =
      f.non_finite == NonFinite::ieee || (f.non_finite == NonFinite::fn && f.trailing_bits == 0);
  return top_is_reserved ? top - 1 : top;
}

/// Trailing significand field of the largest finite number.
constexpr std::uint64_t max_trailing(const FloatFormat& f) {
  const std::uint64_t ones = low_bits(f.trailing_bits);
  return f.non_finite == NonFinite::fn && f.trailing_bits > 0 ? ones - 1 : ones;
}

/// Significand of the largest finite number, as an integer of the quantum of its binade.
constexpr std::uint64_t max_significand(const FloatFormat& f) {
  const std::uint64_t implicit_bit = is_fixed_grid(f) ? 0 : std::uint64_t{1} << f.trailing_bits;
  return implicit_bit | max_trailing(f);
}

/// Exponent of the quantum that max_significand() counts.
constexpr int max_quantum_exponent(const FloatFormat& f) {
  return quantum_exponent(f, max_biased_exponent(f) - f.bias);
}

}  // namespace halfulp
