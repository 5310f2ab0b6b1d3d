#include "sim/round_grid.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "formats/properties.h"

namespace halfulp {

namespace {

bool rounds_fraction(const RoundSpec& spec) {
  return spec.rounding == Rounding::stochastic && spec.variant == StochasticVariant::rounded;
}

/// Whether the fast methods' one rule for the ends of the range is the policy.
bool treats_infinity_as_overflow(const RoundPlan& plan) {
  const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  return plan.clamps || (same(plan.overflow_high, plan.infinity_high) &&
                         same(plan.overflow_low, plan.infinity_low));
}

bool suits_bits(const Format& format, const RoundSpec& spec, const Grid& grid) {
  return !rounds_fraction(spec) && has_negative_zero(format) && !grid.all_fixed &&
         grid.subnormals == Subnormals::on && grid.lowest_exponent == -126;
}

/// Whether magic numbers, quanta and random fractions are binary32 numbers and sums are exact.
bool suits_single(const RoundPlan& plan, const RoundSpec& spec, const Grid& grid) {
  const int random_digits =
      spec.random_bits + (spec.variant == StochasticVariant::unbiased ? 1 : 0);
  if (rounds_fraction(spec) && spec.random_bits > kSingleDigits - 3) return false;
  if (random_digits > kSingleDigits || grid.fixed_quantum - random_digits < -149) return false;
  if (grid.all_fixed) {
    return grid.fixed_quantum + kSingleDigits <= 126 &&
           std::max(-plan.clamp_low, plan.clamp_high) <= std::ldexp(1.0, grid.fixed_quantum + 22);
  }
  return grid.precision < kSingleDigits && grid.lowest_exponent >= -126 &&
         std::ilogb(plan.clamp_high) + kSingleDigits - grid.precision <= 126;
}

/// Whether the dropped bits of a pattern hold a whole draw; what they lose of a small magnitude
/// then lies below the last random bit.
bool suits_carry(const RoundPlan& plan, const RoundSpec& spec, const Grid& grid) {
  if (spec.rounding != Rounding::stochastic || spec.random_bits > kDrawBits) return false;
  if (!grid.has_zero || grid.subnormals != Subnormals::on || plan.wraps) return false;
  if (rounds_fraction(spec)) return false;
  const int exponent = offset_exponent(plan, grid);
  const int drop = digits_dropped(plan, grid);
  const int random_digits =
      spec.random_bits + (spec.variant == StochasticVariant::unbiased ? 1 : 0);
  return drop >= std::max(kDrawBits, random_digits) && drop < kSingleDigits && exponent >= -126 &&
         exponent <= 126;
}

bool suits_magic(const RoundSpec& spec, const Grid& grid) {
  if (rounds_fraction(spec)) return false;
  const bool is_stochastic = spec.rounding == Rounding::stochastic;
  if (spec.rounding != Rounding::nearest_even && !is_stochastic) return false;
  // (The finest grid, binary32's own subnormals, gets the power 0 and so the identity.)
  if (grid.all_fixed) return true;
  const int least = is_stochastic ? 1 : 2;
  return grid.precision >= least && grid.precision <= kSingleDigits - 2 && grid.has_zero &&
         grid.subnormals == Subnormals::on;
}

/// Below 2^-126, the end of binary32's normal numbers, there must be one spacing or two values.
bool suits_bottom(const RoundSpec& spec, const Grid& grid) {
  if (spec.rounding != Rounding::nearest_even || grid.all_fixed) return false;
  if (grid.fixed_quantum + kSingleDigits > 128) return false;
  const bool is_regular = grid.has_zero ? grid.subnormals == Subnormals::on : grid.precision == 1;
  return grid.lowest_exponent >= (is_regular ? -127 : -126);
}

/// The method for nearest_even with another magic number than RoundMethod::magic has, if one suits.
std::optional<RoundMethod> other_magic(const RoundPlan& plan, const Grid& grid) {
  const int highest = std::ilogb(plan.clamp_high);
  const bool is_normal = grid.lowest_exponent >= -126 && highest <= 126;
  if (grid.all_fixed) return std::nullopt;
  if (!grid.has_zero) {
    const bool is_e8m0 = grid.precision == 1 && !grid.is_signed && grid.lowest_exponent == -127;
    const bool saturates = plan.clamps && !plan.wraps && plan.nan_rule == NanRule::keep;
    if (is_e8m0 && saturates && plan.largest == 0x1p127) return RoundMethod::powers;
    return std::nullopt;
  }
  const bool has_subnormals = grid.subnormals == Subnormals::on;
  if (!is_normal || highest + kSingleDigits - grid.precision > 126) return std::nullopt;
  if (grid.precision == 1) {
    const bool flushes = grid.subnormals == Subnormals::flush_input;
    return flushes ? std::nullopt : std::optional(RoundMethod::parity_magic);
  }
  if (grid.precision <= kSingleDigits - 2) {
    const bool is_below_range = grid.lowest_exponent + kSingleDigits <= 126;
    return has_subnormals || !is_below_range ? std::nullopt
                                             : std::optional(RoundMethod::normal_magic);
  }
  if (!has_subnormals) return std::nullopt;
  return grid.precision == kSingleDigits ? RoundMethod::subnormal_magic : RoundMethod::signed_magic;
}

}  // namespace

Grid grid_of(const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  if (f == nullptr) {
    const auto& integer = std::get<IntegerFormat>(format);
    const int quantum = -integer.fraction_bits;
    return {precision(format), quantum, quantum,          true, true,
            Subnormals::on,    false,   integer.is_signed};
  }
  const int lowest = emin(*f);
  const bool flat = f->subnormals == Subnormals::off;
  return {.precision = precision(format),
          .lowest_exponent = lowest,
          .fixed_quantum = flat ? lowest : lowest - f->trailing_bits,
          .all_fixed = f->exponent_bits == 0 && f->has_zero,
          .has_zero = f->has_zero,
          .subnormals = f->subnormals,
          .odd_bias = f->bias % 2 != 0,
          .is_signed = f->is_signed};
}

int offset_exponent(const RoundPlan& plan, const Grid& grid) {
  if (!grid.all_fixed) return grid.lowest_exponent;
  const double largest = std::max(-plan.clamp_low, plan.clamp_high);
  const int exponent = std::ilogb(largest);
  return largest > std::ldexp(1.0, exponent) ? exponent + 1 : exponent;
}

int digits_dropped(const RoundPlan& plan, const Grid& grid) {
  if (!grid.all_fixed) return kSingleDigits - grid.precision;
  return grid.fixed_quantum - (offset_exponent(plan, grid) - kSingleDigits + 1);
}

bool suits_draws(const RoundPlan& plan, const RoundSpec& spec, const Grid& grid) {
  return spec.rounding == Rounding::stochastic && spec.random_bits <= kDrawBits &&
         spec.variant == StochasticVariant::truncate && !plan.wraps &&
         treats_infinity_as_overflow(plan) && suits_single(plan, spec, grid) &&
         suits_magic(spec, grid);
}

RoundMethod narrow_method(const Format& format, const RoundPlan& plan, const RoundSpec& spec,
                          const Grid& grid) {
  const bool one_rule = treats_infinity_as_overflow(plan);
  if (one_rule && suits_carry(plan, spec, grid)) return RoundMethod::carry;
  if (suits_bits(format, spec, grid)) return RoundMethod::bits;
  if (one_rule && spec.rounding == Rounding::nearest_even) {
    if (const auto method = other_magic(plan, grid)) return *method;
  }
  const bool is_single = suits_single(plan, spec, grid);
  if (!is_single || !one_rule || !suits_magic(spec, grid)) {
    if (suits_bottom(spec, grid)) return RoundMethod::bottom;
    return is_single ? RoundMethod::magnitude : RoundMethod::wide_magnitude;
  }
  const bool is_integer = grid.all_fixed && !has_negative_zero(format);
  if (is_integer && spec.rounding == Rounding::nearest_even) return RoundMethod::integer_magic;
  return RoundMethod::magic;
}

}  // namespace halfulp
