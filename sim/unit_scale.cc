#include "sim/unit_scale.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace halfulp {

namespace {

constexpr float kLargest = std::numeric_limits<float>::max();

// Selects instead of branches, so that loops over units become vector code.
inline UnitScale limited(float multiplier, std::uint32_t amax_pattern) {
  multiplier = std::min(multiplier, kLargest);
  multiplier = amax_pattern == 0 ? 1.0F : multiplier;
  const float scale = std::min(1.0F / multiplier, kLargest);
  return {is_finite_pattern(amax_pattern) ? multiplier : 0.0F, scale};
}

}  // namespace

float power_of_two_multiplier(float largest, float amax) {
  int exponent_of_largest = 0;
  int exponent_of_amax = 0;
  const float a = std::frexp(largest, &exponent_of_largest);
  const float b = std::frexp(amax, &exponent_of_amax);
  const int exponent = exponent_of_largest - exponent_of_amax - (a < b ? 1 : 0);
  return std::ldexp(1.0F, std::clamp(exponent, -127, 127));
}

UnitScale with_limits(float multiplier, std::uint32_t amax_pattern) {
  return limited(multiplier, amax_pattern);
}

bool unit_scales(ScaleRule rule, float largest, std::span<const std::uint32_t> maxima,
                 float* multipliers, float* scales) {
  // A format whose only finite numbers are 0 and below has nothing to scale to.
  const bool has_range = largest > 0;
  const std::size_t n = maxima.size();
  if (rule == ScaleRule::scale_power_of_two && has_range) {
    for (std::size_t i = 0; i < n; ++i) {
      const float multiplier = power_of_two_multiplier(largest, std::bit_cast<float>(maxima[i]));
      const UnitScale unit = limited(multiplier, maxima[i]);
      multipliers[i] = unit.multiplier;
      scales[i] = unit.scale;
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      const float quotient = has_range ? largest / std::bit_cast<float>(maxima[i]) : 1.0F;
      const UnitScale unit = limited(quotient, maxima[i]);
      multipliers[i] = unit.multiplier;
      scales[i] = unit.scale;
    }
  }
  return n == 0 || is_finite_pattern(*std::max_element(maxima.begin(), maxima.end()));
}

}  // namespace halfulp
