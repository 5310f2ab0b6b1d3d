#include "sim/round_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "sim/round_grid.h"

namespace halfulp {

namespace {

constexpr std::uint32_t kSignBit = 0x80000000U;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr auto kLargestSingle = static_cast<double>(std::numeric_limits<float>::max());

/// The specification's own answer, so that the two cannot disagree. NaN marks an error.
double answer(const Format& format, const RoundSpec& spec, double x) {
  try {
    return round(format, spec, x);
  } catch (const OverflowError&) {
    return kNan;
  }
}

void fill_policy(RoundPlan& plan, const Format& format, const RoundSpec& spec) {
  plan.largest = to_double(max_finite(format));
  plan.lowest = to_double(lowest_finite(format));
  plan.wraps = spec.overflow == Overflow::wrap;
  plan.reports = spec.overflow == Overflow::error;
  plan.clamps = spec.overflow == Overflow::saturate || plan.wraps;

  constexpr double kBeyond = std::numeric_limits<double>::max();
  plan.overflow_high = answer(format, spec, plan.wraps ? 0.0 : kBeyond);
  plan.overflow_low = answer(format, spec, plan.wraps ? 0.0 : -kBeyond);
  plan.infinity_high = answer(format, spec, kInfinity);
  plan.infinity_low = answer(format, spec, -kInfinity);
  plan.nan = answer(format, spec, kNan);
  plan.nan_rule = std::isnan(plan.nan) ? NanRule::keep : NanRule::constant;
  plan.nan_bits = std::bit_cast<std::uint32_t>(static_cast<float>(plan.nan));
}

void fill_clamps(RoundPlan& plan, const Grid& grid) {
  if (plan.wraps) {
    plan.clamp_low = -kLargestSingle;
    plan.clamp_high = kLargestSingle;
  } else if (plan.clamps) {
    plan.clamp_low = plan.lowest;
    plan.clamp_high = plan.largest;
    if (plan.nan == plan.largest) plan.nan_rule = NanRule::highest;
  } else {
    // One step beyond the range in either direction: rounds to itself, so it is seen to be outside.
    const int top = grid.all_fixed ? grid.fixed_quantum
                                   : std::max(grid.fixed_quantum,
                                              std::ilogb(plan.largest) - grid.precision + 1);
    plan.clamp_high = std::max(plan.largest, -plan.lowest) + std::ldexp(1.0, top);
    plan.clamp_low = -plan.clamp_high;
  }
}

void fill_magic(RoundPlan& plan, const Format& format, const RoundSpec& spec, const Grid& grid) {
  // On a fixed grid all magnitudes count as those of one binade, 2^22 quanta up.
  const int precision = grid.all_fixed ? kSingleDigits - 1 : grid.precision;
  const int lowest = grid.all_fixed ? grid.fixed_quantum + precision - 1 : grid.lowest_exponent;
  const int random_digits =
      spec.random_bits + (spec.variant == StochasticVariant::unbiased ? 1 : 0);
  // Other exponents are those of formats that other methods round to.
  plan.magic.min_exponent_bits = (std::clamp(lowest, -127, 128) + 127) * (1 << 23);
  plan.magic.magic = std::ldexp(1.5F, kSingleDigits - precision);
  plan.magic.quantum = std::ldexp(1.0F, 1 - precision);
  plan.magic.random_unit = std::ldexp(1.0F, 1 - precision - random_digits);
  plan.magic.sign_mask = has_negative_zero(format) ? kSignBit : 0;
  plan.magic.is_fixed = grid.all_fixed;
  if (suits_draws(plan, spec, grid))
    plan.magic.draw_mask = 0x10000U - (0x10000U >> spec.random_bits);
}

void fill_bits(RoundPlan& plan, const RoundSpec& spec, const Grid& grid) {
  BitsPlan& bits = plan.bits;
  bits.drop = kSingleDigits - grid.precision;
  bits.drop_mask = (1U << bits.drop) - 1;
  bits.half = (1U << bits.drop) >> 1;
  bits.half_below = bits.half == 0 ? 0 : bits.half - 1;
  bits.lowest_kept_one = bits.drop == 0 ? 0 : 1;
  bits.lowest_kept = bits.lowest_kept_one << bits.drop;
  if (spec.rounding != Rounding::stochastic) return;
  bits.random_mask = ~std::uint32_t{0} << (32 - spec.random_bits);
  const bool has_middle = spec.variant == StochasticVariant::unbiased && spec.random_bits < 32;
  bits.random_middle = has_middle ? 1U << (31 - spec.random_bits) : 0;
  bits.random_shift = bits.drop == 0 ? 31 : 32 - bits.drop;
}

std::int32_t pattern_of(double x) { return std::bit_cast<std::int32_t>(static_cast<float>(x)); }

void fill_bottom(RoundPlan& plan, const Grid& grid) {
  BottomPlan& bottom = plan.bottom;
  const double min_normal = std::ldexp(1.0, grid.lowest_exponent);
  bottom.odd_addend = plan.bits.half;
  bottom.even_addend = plan.bits.half_below;
  if (grid.precision == 1 && !grid.odd_bias) std::swap(bottom.odd_addend, bottom.even_addend);
  bottom.has_subnormals = grid.has_zero && grid.subnormals == Subnormals::on &&
                          (grid.precision > 1 || min_normal < 0x1p-126);
  bottom.floor = std::max(pattern_of(min_normal), pattern_of(0x1p-126));
  bottom.least = grid.has_zero ? 0 : pattern_of(min_normal);
  if (bottom.has_subnormals || grid.subnormals == Subnormals::flush_input) {
    bottom.threshold = bottom.floor - 1;
  } else {
    // The midpoint, which goes to the even code: zero's, or without a zero code 0 again.
    const double least = grid.has_zero ? 0 : min_normal;
    bottom.threshold = pattern_of((least + std::max(min_normal, 0x1p-126)) / 2);
  }
}

void fill_magnitude(RoundPlan& plan, const Format& format, const RoundSpec& spec, const Grid& grid,
                    int digits) {
  MagnitudePlan& m = plan.magnitude;
  const auto* f = std::get_if<FloatFormat>(&format);
  const double min_normal = std::ldexp(1.0, grid.lowest_exponent);
  m.min_normal = grid.all_fixed ? kInfinity : min_normal;
  m.fixed_magic = std::ldexp(1.0, grid.fixed_quantum + digits - 1);
  m.min_magnitude = grid.has_zero ? 0 : min_normal;
  m.flush_below = grid.subnormals == Subnormals::flush_input && !grid.all_fixed ? min_normal : 0;
  m.zero_in = f != nullptr && f->is_signed ? -0.0 : 0.0;
  m.zero_out = has_negative_zero(format) ? -0.0 : 0.0;
  m.digits_dropped = digits - grid.precision;
  m.odd_bias = grid.odd_bias;
  plan.quantum = std::ldexp(1.0, grid.fixed_quantum);
  if (spec.rounding != Rounding::stochastic) return;
  m.unbiased = spec.variant == StochasticVariant::unbiased;
  m.rounds_fraction = spec.variant == StochasticVariant::rounded;
  m.random_limit = std::ldexp(1.0, spec.random_bits);
  m.random_shift = 32 - spec.random_bits;
  m.random_scale = std::ldexp(1.0, -spec.random_bits - (m.unbiased ? 1 : 0));
}

void fill_carry(RoundPlan& plan, const Format& format, const RoundSpec& spec, const Grid& grid) {
  CarryPlan& carry = plan.carry;
  const int drop = digits_dropped(plan, grid);
  const int unused = drop - spec.random_bits;
  carry.offset = std::ldexp(1.0F, offset_exponent(plan, grid));
  carry.min_normal = grid.all_fixed ? std::numeric_limits<float>::infinity() : carry.offset;
  carry.drop_mask = (1U << drop) - 1;
  carry.low_shift = drop - kDrawBits;
  carry.high_shift = 32 - drop;
  carry.random_mask = carry.drop_mask >> unused << unused;
  const bool is_unbiased = spec.variant == StochasticVariant::unbiased;
  carry.random_middle = is_unbiased ? 1U << (unused - 1) : 0;
  carry.zero_out = has_negative_zero(format) ? -0.0F : 0.0F;
  carry.is_plain = has_negative_zero(format) && plan.clamps && !is_unbiased &&
                   plan.clamp_low == -plan.clamp_high;
}

Decision decision_of(Rounding rounding, bool by_exponent) {
  switch (rounding) {
    case Rounding::nearest_even:
      return by_exponent ? Decision::nearest_even_exponent : Decision::nearest_even;
    case Rounding::nearest_away:
      return Decision::nearest_away;
    case Rounding::toward_zero:
      return Decision::toward_zero;
    case Rounding::toward_positive:
      return Decision::toward_positive;
    case Rounding::toward_negative:
      return Decision::toward_negative;
    case Rounding::to_odd:
      return by_exponent ? Decision::to_odd_exponent : Decision::to_odd;
    case Rounding::stochastic:
      break;
  }
  return Decision::stochastic;
}

/// Whether binary64's magic numbers, quanta and random fractions exist and sums are exact, whatever
/// the operand.
bool suits_wide(const RoundPlan& plan, const Grid& grid) {
  constexpr int kLongestDraw = 33;
  if (plan.wraps || grid.fixed_quantum < -1074 + kLongestDraw) return false;
  const double end = std::max(-plan.clamp_low, plan.clamp_high);
  if (grid.all_fixed) {
    return grid.fixed_quantum + kDoubleDigits <= 1022 &&
           end <= std::ldexp(1.0, grid.fixed_quantum + kDoubleDigits - 2);
  }
  return grid.precision < kDoubleDigits && std::isfinite(end) &&
         std::ilogb(end) + kDoubleDigits - grid.precision <= 1022;
}

bool wraps_beyond_binary32(const RoundPlan& plan, const Grid& grid) {
  // Infinity is read as binary32's largest number, which must be a multiple of the modulus.
  return plan.wraps && plan.largest - plan.lowest + std::ldexp(1.0, grid.fixed_quantum) > 0x1p104;
}

void adapt_magic(RoundPlan& plan, const Grid& grid) {
  constexpr float kOddMultiple = 0x1.8p23F + 1;
  MagicPlan& magic = plan.magic;
  if (plan.method == RoundMethod::normal_magic) {
    const bool flushes = grid.subnormals == Subnormals::flush_input;
    const int raise = grid.precision - 1 + (flushes ? 1 : 0);
    magic.small_exponent_bits = magic.min_exponent_bits + raise * (1 << 23);
  } else if (plan.method == RoundMethod::parity_magic) {
    // Sums are even where the code is odd, whose upper neighbour then takes the tie.
    magic.magic = grid.odd_bias ? kOddMultiple : kOddMultiple - 1;
  } else if (plan.method == RoundMethod::signed_magic) {
    magic.magic = 2;
  }
}

/// Floats, integers and fixed point.
void plan_grid(RoundPlan& plan, const Format& format, const RoundSpec& spec, Carrier carrier) {
  const Grid grid = grid_of(format);
  fill_clamps(plan, grid);
  const bool by_exponent = grid.precision == 1 && !grid.all_fixed;
  plan.decision = decision_of(spec.rounding, by_exponent);
  if (carrier == Carrier::binary64) {
    plan.method = suits_wide(plan, grid) ? RoundMethod::wide_magnitude : RoundMethod::scalar;
  } else {
    fill_magic(plan, format, spec, grid);
    plan.method = wraps_beyond_binary32(plan, grid) ? RoundMethod::scalar
                                                    : narrow_method(format, plan, spec, grid);
  }
  adapt_magic(plan, grid);
  if (plan.method == RoundMethod::carry) fill_carry(plan, format, spec, grid);
  const bool has_bottom = plan.method == RoundMethod::bottom;
  if (has_bottom || plan.method == RoundMethod::bits) fill_bits(plan, spec, grid);
  if (has_bottom) fill_bottom(plan, grid);
  const bool is_wide = plan.method == RoundMethod::wide_magnitude;
  fill_magnitude(plan, format, spec, grid, is_wide ? kDoubleDigits : kSingleDigits);
}

/// Posits, takums, logarithmic numbers and codebooks.
void plan_ordered(RoundPlan& plan, const Format& format, const RoundSpec& spec, Carrier carrier) {
  constexpr int kLargestTableBits = 16;
  plan.decision = decision_of(spec.rounding, false);
  const auto* posit = std::get_if<PositFormat>(&format);
  if (posit != nullptr && carrier == Carrier::binary32 && posit->bits >= 5 && posit->bits <= 32 &&
      spec.rounding == Rounding::nearest_even) {
    plan.method = RoundMethod::posit;
    plan.posit = make_posit_plan(*posit);
    return;
  }
  const bool has_table =
      spec.rounding != Rounding::stochastic && width(format) <= kLargestTableBits;
  plan.method = has_table ? RoundMethod::steps : RoundMethod::scalar;
}

bool fits_binary64(const Format& format) {
  if (const auto* integer = std::get_if<IntegerFormat>(&format)) {
    return integer->bits <= (integer->is_signed ? 54 : 53);
  }
  const double largest = to_double(max_finite(format));
  const double smallest = to_double(min_positive(format));
  return precision(format) <= kDoubleDigits && std::isfinite(largest) && smallest > 0;
}

void check_carrier(const Format& format, Carrier carrier) {
  const bool is_single = carrier == Carrier::binary32;
  if (is_single ? fits_binary32(format) : fits_binary64(format)) return;
  const std::string name = is_single ? "binary32" : "binary64";
  throw SpecError(to_spec(format) + " does not fit " + name + ", which arrays hold; use at most " +
                      (is_single ? "24" : "53") + " significand bits and " + name + "'s range",
                  1);
}

}  // namespace

RoundPlan make_round_plan(const Format& format, const RoundSpec& spec, Carrier carrier) {
  check_round_spec(format, spec);
  check_carrier(format, carrier);
  RoundPlan plan{};
  fill_policy(plan, format, spec);
  plan.uses_draws = spec.rounding == Rounding::stochastic && spec.random_bits <= kDrawBits;
  const bool is_grid =
      std::holds_alternative<FloatFormat>(format) || std::holds_alternative<IntegerFormat>(format);
  if (is_grid) {
    plan_grid(plan, format, spec, carrier);
  } else {
    plan_ordered(plan, format, spec, carrier);
  }
  RoundTables tables{format, spec};
  if (plan.method == RoundMethod::steps && carrier == Carrier::binary32) {
    tables.steps = make_step_table<float>(
        [&](float x) { return static_cast<float>(answer(format, spec, static_cast<double>(x))); });
  } else if (plan.method == RoundMethod::steps) {
    tables.wide_steps = make_step_table<double>([&](double x) { return answer(format, spec, x); });
  }
  plan.tables = std::make_shared<const RoundTables>(std::move(tables));
  return plan;
}

}  // namespace halfulp
