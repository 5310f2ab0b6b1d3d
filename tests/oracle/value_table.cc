#include "tests/oracle/value_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace halfulp::oracle {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeast = std::numeric_limits<double>::denorm_min();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Whether the upper of two neighbouring magnitudes is taken; `fraction` is where between them x
/// lies.
bool takes_upper(const RoundSpec& spec, double fraction, bool lower_is_odd, bool negative,
                 std::uint64_t random) {
  const double count = std::ldexp(1.0, spec.random_bits);
  switch (spec.rounding) {
    case Rounding::nearest_even:
      return fraction > 0.5 || (fraction == 0.5 && lower_is_odd);
    case Rounding::nearest_away:
      return fraction >= 0.5;
    case Rounding::toward_zero:
      return false;
    case Rounding::toward_positive:
      return fraction > 0 && !negative;
    case Rounding::toward_negative:
      return fraction > 0 && negative;
    case Rounding::to_odd:
      return fraction > 0 && !lower_is_odd;
    case Rounding::stochastic:
      break;
  }
  const double r = static_cast<double>(random % (std::uint64_t{1} << spec.random_bits));
  if (spec.variant == StochasticVariant::truncate) {
    return std::floor(fraction * count) + r >= count;
  }
  if (spec.variant == StochasticVariant::rounded) {
    return std::nearbyint(fraction * count) + r >= count;  // ties to even by default
  }
  return std::floor(fraction * 2 * count) + (2 * r + 1) >= 2 * count;
}

bool rounds_overflow_to_infinity(Rounding rounding, bool negative) {
  if (rounding == Rounding::toward_zero || rounding == Rounding::to_odd) return false;
  if (rounding == Rounding::toward_positive) return !negative;
  if (rounding == Rounding::toward_negative) return negative;
  return true;
}

}  // namespace

ValueTable::ValueTable(const Format& format) : format_(format) {
  if (const auto* f = std::get_if<FloatFormat>(&format)) {
    fill_float(*f);
  } else {
    fill_integer(std::get<IntegerFormat>(format));
  }
}

void ValueTable::fill_float(const FloatFormat& f) {
  const int steps = 1 << f.trailing_bits;
  const int codes = steps << f.exponent_bits;
  int finite = codes;
  if (f.non_finite == NonFinite::ieee) finite = codes - steps;
  if (f.non_finite == NonFinite::fn) finite = codes - 1;
  for (int code = 0; code < finite + 2; ++code) {
    const int field = f.exponent_bits == 0 && f.has_zero ? 0 : code / steps;
    const int trailing = field == 0 && f.exponent_bits == 0 ? code : code % steps;
    const bool normal = field > 0 || !f.has_zero;
    const double significand = (normal ? 1.0 : 0.0) + static_cast<double>(trailing) / steps;
    const int exponent = (normal ? field : 1) - f.bias;
    const bool dropped = f.subnormals == Subnormals::off && !normal && trailing != 0;
    if (dropped) continue;
    magnitudes_.push_back(std::ldexp(significand, exponent));
    odd_.push_back(code % 2 != 0);
  }
  max_ = magnitudes_[magnitudes_.size() - 3];
  has_zero_ = f.has_zero;
  lowest_ = f.is_signed ? -max_ : magnitudes_.front();
  const bool grid = f.exponent_bits == 0 && f.has_zero;
  min_normal_ = grid ? 0 : std::ldexp(1.0, (f.has_zero ? 1 : 0) - f.bias);
  flushes_input_ = f.subnormals == Subnormals::flush_input;
  no_subnormals_ = f.subnormals == Subnormals::off;
  has_infinity_ = f.non_finite == NonFinite::ieee;
  has_nan_ = f.non_finite == NonFinite::fn || f.non_finite == NonFinite::fnuz ||
             (f.non_finite == NonFinite::ieee && f.trailing_bits > 0);
  has_negative_zero_ = f.is_signed && f.has_zero && f.non_finite != NonFinite::fnuz;
}

void ValueTable::fill_integer(const IntegerFormat& f) {
  const double half_range = std::ldexp(1.0, f.bits - 1);
  quantum_ = std::ldexp(1.0, -f.fraction_bits);
  max_ = quantum_ * (f.is_signed ? half_range - 1 : 2 * half_range - 1);
  lowest_ = quantum_ * (f.is_signed ? -half_range + (f.symmetric ? 1 : 0) : 0);
  for (double count = 0; count * quantum_ <= std::max(max_, -lowest_) + 2 * quantum_; ++count) {
    magnitudes_.push_back(count * quantum_);
    odd_.push_back(std::fmod(count, 2.0) != 0);
  }
}

Rounded ValueTable::out_of_range(const RoundSpec& spec, bool negative) const {
  Rounded result;
  result.flags.overflow = true;
  result.flags.inexact = true;
  result.overflow_error = spec.overflow == Overflow::error;
  const bool infinity_exists = has_infinity_ && (!negative || lowest_ < 0);
  result.value = negative ? lowest_ : max_;
  if (spec.overflow == Overflow::nan) result.value = kNaN;
  if (spec.overflow == Overflow::infinity && infinity_exists &&
      rounds_overflow_to_infinity(spec.rounding, negative)) {
    result.value = negative ? -kInfinity : kInfinity;
  }
  return result;
}

Rounded ValueTable::round_special(const RoundSpec& spec, double x) const {
  if (std::isnan(x)) {
    Rounded result{kNaN, {}};
    if (!has_nan_) {
      result.value = std::holds_alternative<IntegerFormat>(format_) ? 0 : max_;
      result.flags.invalid = true;
    }
    return result;
  }
  if (spec.overflow == Overflow::wrap) return {0, {.invalid = true}};
  const bool negative = x < 0;
  const bool keeps = spec.overflow == Overflow::infinity || spec.overflow == Overflow::propagate;
  if (keeps && has_infinity_ && (!negative || lowest_ < 0)) return {x, {}};
  return out_of_range(spec, negative);
}

Rounded ValueTable::wrap(double whole) const {
  const auto& f = std::get<IntegerFormat>(format_);
  const double modulus = std::ldexp(quantum_, f.bits);
  double value = std::fmod(whole, modulus);
  if (value < lowest_) value += modulus;
  if (value > max_) value -= modulus;
  return {value + 0.0, {.inexact = true, .overflow = true}};
}

Rounded ValueTable::round(const RoundSpec& spec, double x, std::uint64_t random) const {
  if (std::isnan(x) || std::isinf(x)) return round_special(spec, x);
  const bool negative = std::signbit(x);
  const double magnitude = std::abs(x);
  const double zero = negative && has_negative_zero_ ? -0.0 : 0.0;
  const bool tiny = magnitude < min_normal_;
  if (magnitude == 0 && has_zero_) return {zero, {}};
  if (!has_zero_ && magnitude > 0 && negative && lowest_ > 0) return out_of_range(spec, true);
  if (!has_zero_ && tiny) {
    const double smallest = magnitudes_.front();
    return {negative && lowest_ < 0 ? -smallest : smallest, {.inexact = true, .underflow = true}};
  }
  if (flushes_input_ && tiny) return {zero, {.inexact = true, .underflow = true}};

  // Beyond the table every mode agrees: the neighbours are both out of range. Only wrapping needs
  // them.
  double chosen = 0;
  if (magnitude >= magnitudes_.back()) {
    const double rest = std::fmod(magnitude, quantum_);
    const double below = magnitude - rest;
    const bool odd = std::fmod(below, 2 * quantum_) != 0;
    const bool up = takes_upper(spec, rest / quantum_, odd, negative, random);
    chosen = below + (up ? quantum_ : 0);
    if (spec.overflow == Overflow::wrap) return wrap(negative ? -chosen : chosen);
    return out_of_range(spec, negative);
  }
  const auto upper = std::upper_bound(magnitudes_.begin(), magnitudes_.end(), magnitude);
  const auto index = static_cast<std::size_t>(upper - magnitudes_.begin()) - 1;
  const double below = magnitudes_[index];
  const double gap = magnitudes_[index + 1] - below;  // a power of two: the quotient is exact
  const bool odd = odd_[index] && !(no_subnormals_ && index == 0);
  const bool exact = magnitude == below;
  double fraction = (magnitude - below) / gap;
  if (!exact) fraction = std::max(fraction, kLeast);  // the quotient of the least number underflows
  chosen = takes_upper(spec, fraction, odd, negative, random) ? magnitudes_[index + 1] : below;

  const double value = negative ? -chosen : chosen;
  if (chosen == 0) return {zero, {.inexact = true, .underflow = tiny}};
  if (value > max_ || value < lowest_) {
    return spec.overflow == Overflow::wrap ? wrap(value) : out_of_range(spec, negative);
  }
  return {value, {.inexact = !exact, .underflow = tiny && !exact}};
}

std::vector<double> deciding_inputs(const ValueTable& table, std::size_t stride) {
  std::vector<double> inputs = {0.0,   kInfinity, kNaN, kLeast, 1e-300,
                                1e-41, 1.5,       3e5,  1e300,  std::numeric_limits<double>::max()};
  const std::vector<double>& values = table.magnitudes();
  const auto add_around = [&](double x) {
    inputs.push_back(x);
    inputs.push_back(std::nextafter(x, kInfinity));
    inputs.push_back(std::nextafter(x, 0.0));
  };
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    const bool near_an_end = i < 4 || i + 8 > values.size();
    if (i % stride != 0 && !near_an_end) continue;
    for (int quarter = 0; quarter < 4; ++quarter) {
      add_around(values[i] + (values[i + 1] - values[i]) * quarter / 4);
    }
  }
  const std::size_t positive = inputs.size();
  for (std::size_t i = 0; i < positive; ++i) inputs.push_back(-inputs[i]);
  return inputs;
}

}  // namespace halfulp::oracle
