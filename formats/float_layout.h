// Where the numbers of a FloatFormat lie: the few derived quantities that the codec, the properties
// and rounding share. For other code, properties.h.
#pragma once

#include <cstdint>

#include "formats/code.h"
#include "formats/format.h"

namespace halfulp {

/// 2^bits - 1 for bits in [0, 64].
constexpr std::uint64_t low_bits(int bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

constexpr bool is_p3109(const FloatFormat& f) {
  return f.non_finite == NonFinite::p3109_finite || f.non_finite == NonFinite::p3109_extended;
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

/// Codes above the largest finite number, in the half without the sign bit.
constexpr Code reserved_codes(const FloatFormat& f) {
  switch (f.non_finite) {
    case NonFinite::ieee:
      return Code{1} << f.trailing_bits;
    case NonFinite::fn:
      return 1;
    case NonFinite::fnuz:
    case NonFinite::finite:
      return 0;
    case NonFinite::p3109_finite:
      return f.is_signed ? 0 : 1;
    case NonFinite::p3109_extended:
      return f.is_signed ? 1 : 2;
  }
  return 0;
}

/// Code of the largest finite number.
constexpr Code max_code(const FloatFormat& f) {
  return low_code_bits(f.exponent_bits + f.trailing_bits) - reserved_codes(f);
}

/// Exponent field of the largest finite number.
constexpr int max_biased_exponent(const FloatFormat& f) {
  return static_cast<int>(max_code(f) >> f.trailing_bits);
}

/// Trailing significand field of the largest finite number.
constexpr std::uint64_t max_trailing(const FloatFormat& f) {
  return static_cast<std::uint64_t>(max_code(f)) & low_bits(f.trailing_bits);
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
