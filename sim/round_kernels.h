// Loops of the rounding kernels over arrays, dispatched to the SIMD target in use.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/random.h"
#include "sim/round_plan.h"

namespace halfulp {

/// Multipliers before rounding and scales after it: none, one for all, or one for each element.
struct Scaling {
  enum class Kind : std::uint8_t { none, uniform, each };
  Kind kind = Kind::none;
  const float* multiplier = nullptr;  ///< one number or n
  const float* scale = nullptr;
};

inline constexpr std::size_t kNoOverflow = static_cast<std::size_t>(-1);

/// An operand that overflowed under Overflow::error.
struct OverflowReport {
  std::size_t index = kNoOverflow;
  float operand = 0;  ///< after the multiplier
};

/// out[i] = round(in[i] * multiplier) * scale; reports the first overflow where the plan says so.
OverflowReport round_array(const RoundPlan& plan, const float* in, float* out, std::size_t n,
                           const Scaling& scaling, const RandomStream& stream,
                           std::uint64_t first_index);

struct WideOverflowReport {
  std::size_t index = kNoOverflow;
  double operand = 0;
};

/// The same for binary64, of a plan for Carrier::binary64.
WideOverflowReport round_array(const RoundPlan& plan, const double* in, double* out, std::size_t n,
                               const RandomStream& stream, std::uint64_t first_index);

/// Pattern of the largest magnitude, as an unsigned integer: above 0x7F800000 when there is a NaN.
std::uint32_t largest_magnitude(const float* in, std::size_t n);

/// The same for each run of `group` elements; the last may be shorter.
void group_magnitudes(const float* in, std::size_t n, std::size_t group, std::uint32_t* maxima);

/// maxima[i] = max(maxima[i], pattern of |in[i]|).
void update_magnitudes(const float* in, std::uint32_t* maxima, std::size_t n);

}  // namespace halfulp
