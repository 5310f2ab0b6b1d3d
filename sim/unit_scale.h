// From the largest magnitude of the elements that share a scale to that scale.
#pragma once

#include <cstdint>
#include <span>

#include "sim/quantizer.h"

namespace halfulp {

struct UnitScale {
  float multiplier = 1;
  float scale = 1;
};

/// Of the pattern of a finite number, as largest_magnitude() gives it.
inline bool is_finite_pattern(std::uint32_t amax_pattern) { return amax_pattern < 0x7F800000; }

/// 2^floor(log2(largest / amax)), within the exponents whose inverse is finite too.
float power_of_two_multiplier(float largest, float amax);

/// The multiplier within the finite numbers, and the scale 1 / multiplier rounded to binary32 and
/// limited alike: 1 and 1 for an amax of 0. The multiplier of a unit that is not finite is 0, so
/// that none of its elements counts as an overflow.
UnitScale with_limits(float multiplier, std::uint32_t amax_pattern);

/// Fills the factors of units with the given patterns of their largest magnitudes, which are mapped
/// to `largest`; true when all units are finite.
bool unit_scales(ScaleRule rule, float largest, std::span<const std::uint32_t> maxima,
                 float* multipliers, float* scales);

}  // namespace halfulp
