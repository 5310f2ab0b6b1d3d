#include "formats/families/logarithmic.h"

#include <algorithm>
#include <cmath>

#include "formats/float_layout.h"

namespace halfulp::ordered {

namespace {

/// log2 of x in units, rounded down; `exact` when x is that power.
std::int64_t logarithm_of(const LogarithmicFormat& format, const WideNumber& x, bool& exact) {
  const int exponent = x.exponent + bit_width(x.significand) - 1;
  exact = (x.significand & (x.significand - 1)) == 0 && !x.sticky;
  if (exact) return std::int64_t{exponent} * (std::int64_t{1} << format.fraction_bits);
  return static_cast<std::int64_t>(floor_log(PowerBase::two, x, format.fraction_bits));
}

/// Parity of the code. With 2 bits, the code of zero is 01.
bool is_even(const LogarithmicFormat& format, std::int64_t position) {
  if (position == 0) return format.bits > 2;
  return (position - 1 - max_logarithm(format)) % 2 == 0;
}

}  // namespace

std::int64_t max_logarithm(const LogarithmicFormat& format) {
  return static_cast<std::int64_t>(low_bits(format.bits - 2));
}

Power power_at(const LogarithmicFormat& format, std::int64_t position) {
  if (position == 0) return {.base = PowerBase::two, .is_zero = true};
  return {PowerBase::two, position - 1 - max_logarithm(format), format.fraction_bits};
}

Number value_at(const LogarithmicFormat& format, std::int64_t position) {
  return cut_value(power_at(format, position));
}

Place place_nearby(const LogarithmicFormat& format, const WideNumber& x) {
  const double log = std::ldexp(approximate_log(PowerBase::two, x), format.fraction_bits);
  const std::int64_t top = max_logarithm(format);
  const auto limit = static_cast<double>(top);  // may be top + 1
  if (log < -limit || log > limit) return {.beyond = true};
  // Below the largest number, so that `outer` is a position.
  const std::int64_t below = std::min(static_cast<std::int64_t>(std::floor(log)), top - 1);
  const std::int64_t inner = std::max(below + top + 1, std::int64_t{0});
  return {.inner = inner, .outer = inner + 1};
}

Place place(const LogarithmicFormat& format, const WideNumber& x) {
  const std::int64_t top = max_logarithm(format);
  const std::int64_t exponent = std::int64_t{x.exponent} + bit_width(x.significand) - 1;
  const std::int64_t exponent_limit = (top >> format.fraction_bits) + 1;
  if (exponent > exponent_limit) return {.beyond = true};

  Place place{.inner = 0, .outer = 1, .tiny = true, .side = -1};
  if (exponent >= -exponent_limit - 1) {  // half of the smallest value can be reached
    bool exact = false;
    const std::int64_t logarithm = logarithm_of(format, x, exact);
    if (logarithm > top || (logarithm == top && !exact)) return {.beyond = true};
    if (logarithm >= -top) {
      place.inner = logarithm + top + 1;
      place.outer = place.inner + 1;
      place.tiny = false;
      place.exact = exact;
    }
    if (!place.exact) {
      place.side =
          compare_to_point(x, power_at(format, place.inner), power_at(format, place.outer), 1, 1);
    }
  }
  place.inner_is_even = is_even(format, place.inner);
  return place;
}

void settle_gap(const LogarithmicFormat& format, const ExactMagnitude& x, Place& place) {
  place.inner_is_even = is_even(format, place.inner);
  place.side =
      x.compare_to_point(power_at(format, place.inner), power_at(format, place.outer), 1, 1);
}

}  // namespace halfulp::ordered
