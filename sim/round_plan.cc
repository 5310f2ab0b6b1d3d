#include "sim/round_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

constexpr int kSingleDigits = 24;
constexpr int kDoubleDigits = 53;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr auto kLargestSingle = static_cast<double>(std::numeric_limits<float>::max());

/// The grid of a format's magnitudes: where the spacing is constant and what it is.
struct Grid {
  int precision;
  int lowest_exponent;  ///< smallest normal exponent
  int fixed_quantum;    ///< exponent of the spacing below it
  bool all_fixed;       ///< one spacing everywhere: integers and floats without an exponent
  bool has_zero;
  Subnormals subnormals;
  bool odd_bias;
  bool is_signed;
};

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

/// The specification's own answer, so that the two cannot disagree.
float answer(const Format& format, const RoundSpec& spec, double x) {
  if (spec.overflow == Overflow::error && std::isinf(x)) return kNan;
  return static_cast<float>(round(format, spec, x));
}

void fill_overflow(RoundPlan& plan, const Format& format, const RoundSpec& spec, const Grid& grid) {
  const double largest = to_double(max_finite(format));
  const double lowest = to_double(lowest_finite(format));
  plan.largest = static_cast<float>(largest);
  plan.lowest = static_cast<float>(lowest);
  plan.wraps = spec.overflow == Overflow::wrap;
  plan.reports = spec.overflow == Overflow::error;
  plan.clamps = spec.overflow == Overflow::saturate || plan.wraps;

  const bool marks = plan.reports;
  plan.overflow_high = marks ? kNan : answer(format, spec, plan.wraps ? 0.0 : 0x1p1000);
  plan.overflow_low = marks ? kNan : answer(format, spec, plan.wraps ? 0.0 : -0x1p1000);
  plan.infinity_high = answer(format, spec, kInfinity);
  plan.infinity_low = answer(format, spec, -kInfinity);
  const float nan = answer(format, spec, std::numeric_limits<double>::quiet_NaN());
  plan.nan_rule = std::isnan(nan) ? NanRule::keep : NanRule::constant;
  plan.nan_bits = std::bit_cast<std::uint32_t>(nan);

  if (plan.wraps) {
    plan.clamp_low = -kLargestSingle;
    plan.clamp_high = kLargestSingle;
  } else if (plan.clamps) {
    plan.clamp_low = lowest;
    plan.clamp_high = largest;
    if (nan == plan.largest) plan.nan_rule = NanRule::highest;
  } else {
    // One step beyond the range in either direction: rounds to itself, so it is seen to be outside.
    const int top = grid.all_fixed
                        ? grid.fixed_quantum
                        : std::max(grid.fixed_quantum, std::ilogb(largest) - grid.precision + 1);
    plan.clamp_high = std::max(largest, -lowest) + std::ldexp(1.0, top);
    plan.clamp_low = -plan.clamp_high;
  }
}

void fill_magic(RoundPlan& plan, const Format& format, const RoundSpec& spec, const Grid& grid) {
  // On a fixed grid all magnitudes count as those of one binade, 2^22 quanta up.
  const int precision = grid.all_fixed ? kSingleDigits - 1 : grid.precision;
  const int lowest = grid.all_fixed ? grid.fixed_quantum + precision - 1 : grid.lowest_exponent;
  const int random_digits =
      spec.random_bits + (spec.variant == StochasticVariant::unbiased ? 1 : 0);
  plan.magic.min_exponent_bits = (lowest + 127) * (1 << 23);
  plan.magic.magic = std::ldexp(1.5F, kSingleDigits - precision);
  plan.magic.quantum = std::ldexp(1.0F, 1 - precision);
  plan.magic.random_unit = -std::ldexp(1.0F, 1 - precision - random_digits);
  plan.magic.sign_mask = has_negative_zero(format) ? 0x80000000U : 0;
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
  if (spec.rounding != Rounding::stochastic) return;
  m.unbiased = spec.variant == StochasticVariant::unbiased;
  m.random_shift = 32 - spec.random_bits;
  m.random_scale = std::ldexp(1.0, -spec.random_bits - (m.unbiased ? 1 : 0));
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

bool suits_bits(const Format& format, const Grid& grid) {
  return has_negative_zero(format) && !grid.all_fixed && grid.subnormals == Subnormals::on &&
         grid.lowest_exponent == -126;
}

/// Whether magic numbers, quanta and random fractions are binary32 numbers and sums are exact.
bool suits_single(const RoundPlan& plan, const RoundSpec& spec, const Grid& grid) {
  const int random_digits =
      spec.random_bits + (spec.variant == StochasticVariant::unbiased ? 1 : 0);
  if (random_digits > kSingleDigits || grid.fixed_quantum - random_digits < -149) return false;
  if (grid.all_fixed) {
    return grid.fixed_quantum + kSingleDigits <= 126 &&
           std::max(-plan.clamp_low, plan.clamp_high) <= std::ldexp(1.0, grid.fixed_quantum + 22);
  }
  return grid.precision < kSingleDigits && grid.lowest_exponent >= -126 &&
         std::ilogb(plan.clamp_high) + kSingleDigits - grid.precision <= 126;
}

bool suits_magic(const RoundSpec& spec, const Grid& grid) {
  const bool is_stochastic = spec.rounding == Rounding::stochastic;
  if (spec.rounding != Rounding::nearest_even && !is_stochastic) return false;
  // (The finest, binary32's own subnormal grid, gets the power 0 and so the identity, as it
  // should.)
  if (grid.all_fixed) return true;
  const int least = is_stochastic ? 1 : 2;
  return grid.precision >= least && grid.precision <= kSingleDigits - 2 && grid.has_zero &&
         grid.subnormals == Subnormals::on;
}

RoundMethod method_for(const Format& format, const RoundPlan& plan, const RoundSpec& spec,
                       const Grid& grid) {
  if (suits_bits(format, grid)) return RoundMethod::bits;
  if (!suits_single(plan, spec, grid)) return RoundMethod::wide_magnitude;
  if (!suits_magic(spec, grid)) return RoundMethod::magnitude;
  const bool is_integer = grid.all_fixed && !has_negative_zero(format);
  if (is_integer && spec.rounding == Rounding::nearest_even) return RoundMethod::integer_magic;
  return RoundMethod::magic;
}

/// What the specification knows and the kernels do not.
void check_kernels(const Format& format, const RoundSpec& spec) {
  const auto* integer = std::get_if<IntegerFormat>(&format);
  if (spec.overflow == Overflow::wrap && integer->fraction_bits != 0) {
    throw SpecError("arrays wrap integers only; use overflow saturate for " + to_spec(format), 1);
  }
  if (spec.overflow == Overflow::propagate && has_infinity(format)) {
    throw SpecError(
        "arrays do not tell infinite operands from overflow; use overflow saturate or "
        "infinity for " +
            to_spec(format),
        1);
  }
  if (spec.rounding == Rounding::stochastic && spec.variant == StochasticVariant::rounded) {
    throw SpecError("arrays have stochastic(" + std::to_string(spec.random_bits) +
                        ") and stochastic(" + std::to_string(spec.random_bits) + ",unbiased) only",
                    1);
  }
}

}  // namespace

RoundPlan make_round_plan(const Format& format, const RoundSpec& spec) {
  check_round_spec(format, spec);
  check_kernels(format, spec);
  if (!fits_binary32(format)) {
    throw SpecError(to_spec(format) + " does not fit binary32, which arrays hold; use at most 24 " +
                        "significand bits and binary32's range",
                    1);
  }
  const Grid grid = grid_of(format);
  RoundPlan plan{};
  fill_overflow(plan, format, spec, grid);
  const bool by_exponent = grid.precision == 1 && !grid.all_fixed;
  plan.decision = decision_of(spec.rounding, by_exponent);
  fill_magic(plan, format, spec, grid);
  plan.method = method_for(format, plan, spec, grid);
  if (plan.method == RoundMethod::bits) fill_bits(plan, spec, grid);
  const bool is_wide = plan.method == RoundMethod::wide_magnitude;
  fill_magnitude(plan, format, spec, grid, is_wide ? kDoubleDigits : kSingleDigits);
  return plan;
}

}  // namespace halfulp
