#include "tests/formats/arithmetic_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp::testing_arithmetic {

using oracle::ExactResult;

struct FormatCheck::Want {
  double value = 0;
  Flags flags = {};
  bool throws_overflow = false;
};

namespace {

bool same_number(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// Operations whose result is an operand, or its sign or magnitude: no arithmetic to round.
bool is_selection(Operation operation) {
  return operation >= Operation::neg && operation <= Operation::maximum_magnitude_number;
}

/// Total order of numbers with -0 below +0.
bool less(double x, double y) { return x < y || (x == y && std::signbit(x) && !std::signbit(y)); }

double selected(std::string_view name, double x, double y) {
  if (name == "neg") return -x;
  if (name == "abs") return std::fabs(x);
  if (name == "copysign") return std::copysign(x, y);
  if (name.ends_with("_number")) {
    if (std::isnan(x)) return y;
    if (std::isnan(y)) return x;
  }
  if (std::isnan(x) || std::isnan(y)) return std::numeric_limits<double>::quiet_NaN();
  const bool minimum = name.starts_with("minimum");
  if (name.find("magnitude") != std::string_view::npos && std::fabs(x) != std::fabs(y)) {
    return (std::fabs(x) < std::fabs(y)) == minimum ? x : y;
  }
  return less(x, y) == minimum ? x : y;
}

bool holds(std::string_view name, double x, double y) {
  if (name == "lt") return x < y;
  if (name == "le") return x <= y;
  if (name == "eq") return x == y;
  if (name == "ge") return x >= y;
  if (name == "gt") return x > y;
  if (name == "ne") return x != y;
  return std::isnan(x) || std::isnan(y);
}

/// Exact results do not depend on the rounding but for the sign of an exact zero sum.
ExactResult exact_of(Operation operation, const double (&v)[3]) {
  const std::string_view name = describe(operation).name;
  if (is_elementary(operation)) return oracle::exact_elementary(name, v[0]);
  if (is_selection(operation)) return {selected(name, v[0], v[1])};
  return oracle::exact_result(name, v[0], v[1], v[2]);
}

bool needs_exact(Operation operation) {
  return !is_predicate(operation) && operation != Operation::next_up &&
         operation != Operation::next_down;
}

std::string describe_case(const Format& format, Operation operation, const double (&v)[3],
                          const RoundSpec& spec, std::uint64_t random) {
  std::string text = to_spec(format) + " " + std::string(describe(operation).name);
  for (int i = 0; i < describe(operation).arity; ++i) text += " " + to_shortest_decimal(v[i]);
  return text + " " + rounding_to_string(spec) + " " + std::string(to_string(spec.overflow)) +
         " R " + std::to_string(random);
}

}  // namespace

bool is_elementary(Operation operation) { return operation >= Operation::exp; }

bool is_in_value_tables(const Format& format) {
  if (const auto* f = std::get_if<FloatFormat>(&format)) {
    return f->non_finite != NonFinite::p3109_finite && f->non_finite != NonFinite::p3109_extended;
  }
  const auto* integer = std::get_if<IntegerFormat>(&format);
  return integer != nullptr && integer->fraction_bits == 0;
}

std::vector<RoundSpec> all_round_specs(const Format& format) {
  std::vector<RoundSpec> specs;
  for (int mode = 0; mode <= static_cast<int>(Rounding::stochastic); ++mode) {
    const Overflow last = is_in_value_tables(format) ? Overflow::error : Overflow::sat_none;
    for (int policy = 0; policy <= static_cast<int>(last); ++policy) {
      RoundSpec spec{static_cast<Rounding>(mode), static_cast<Overflow>(policy)};
      const bool stochastic = spec.rounding == Rounding::stochastic;
      // Neighbours of takums lie so far apart that 53 bits do not tell the fraction between them.
      if (stochastic && std::holds_alternative<TakumFormat>(format)) continue;
      if (stochastic) spec.random_bits = 3;
      try {
        check_round_spec(format, spec);
      } catch (const SpecError&) {
        continue;
      }
      specs.push_back(spec);
      if (!stochastic) continue;
      spec.variant = StochasticVariant::unbiased;
      spec.random_bits = 5;
      specs.push_back(spec);
    }
  }
  return specs;
}

FormatCheck::FormatCheck(const Format& format) : format_(format) {
  if (is_in_value_tables(format)) table_.emplace(format);
  if (width(format) <= 8) {
    for (Code code = 0; code < Code{1} << width(format); ++code) {
      numbers_.push_back(decode_operand(format, code));
      const Number& x = numbers_.back();
      // copysign reads the sign bit of a NaN, which to_double does not keep.
      values_.push_back(std::copysign(to_double(x), x.negative ? -1.0 : 1.0));
    }
  }
  const RoundSpec nearest;
  for (const double value :
       values_) {  // symmetric integers have a code that is no number of theirs
    const bool is_number = std::isfinite(value) && rounded(nearest, value, 0).value == value;
    if (is_number) ascending_.push_back(value);
  }
  std::sort(ascending_.begin(), ascending_.end());
  for (const double value : values_) {
    has_negative_zero_ = has_negative_zero_ || (value == 0 && std::signbit(value));
    if (std::isinf(value)) (value < 0 ? has_negative_infinity_ : has_infinity_) = true;
  }
}

oracle::Rounded FormatCheck::rounded(const RoundSpec& spec, double x, std::uint64_t random) const {
  if (table_) return table_->round(spec, x, random);
  Flags flags;
  try {
    const double value = to_double(round_to(format_, spec, from_double(x), random, flags));
    return {value, flags};
  } catch (const OverflowError&) {
    return {0, {}, true};
  }
}

FormatCheck::Want FormatCheck::neighbour(double x, bool up, Overflow overflow) const {
  if (std::isnan(x)) {
    const oracle::Rounded result = rounded({}, x, 0);
    return {result.value, result.flags};
  }
  const double infinity = std::numeric_limits<double>::infinity();
  if (up) {
    const auto above = std::upper_bound(ascending_.begin(), ascending_.end(), x);
    if (above != ascending_.end()) return {*above == 0 && has_negative_zero_ ? -0.0 : *above};
    if (has_infinity_) return {infinity};
  } else {
    const auto at = std::lower_bound(ascending_.begin(), ascending_.end(), x);
    if (at != ascending_.begin()) return {*(at - 1) == 0 ? 0.0 : *(at - 1)};
    if (has_negative_infinity_) return {-infinity};
  }
  if (overflow == Overflow::nan) return {std::numeric_limits<double>::quiet_NaN()};
  return {up ? ascending_.back() : ascending_.front()};
}

FormatCheck::Want FormatCheck::expected(Operation operation, const double (&v)[3],
                                        const RoundSpec& spec, std::uint64_t random,
                                        const ExactResult& exact) const {
  if (is_predicate(operation)) {
    const bool signals = operation == Operation::lt || operation == Operation::le ||
                         operation == Operation::ge || operation == Operation::gt;
    Want want{holds(describe(operation).name, v[0], v[1]) ? 1.0 : 0.0};
    want.flags.invalid = signals && (std::isnan(v[0]) || std::isnan(v[1]));
    return want;
  }
  if (operation == Operation::next_up) return neighbour(v[0], true, spec.overflow);
  if (operation == Operation::next_down) return neighbour(v[0], false, spec.overflow);

  double value = exact.value;
  if (exact.is_exact_zero_sum && spec.rounding == Rounding::toward_negative) value = -0.0;
  const bool is_quotient =
      operation == Operation::div || operation == Operation::recip || operation == Operation::rsqrt;
  if (exact.divide_by_zero && is_quotient && !has_negative_zero_) {
    value = std::numeric_limits<double>::quiet_NaN();
  }
  const oracle::Rounded result = rounded(spec, value, random);
  Want want{result.value, result.flags, result.overflow_error};
  want.flags.invalid = want.flags.invalid || exact.invalid;
  want.flags.divide_by_zero = exact.divide_by_zero;
  return want;
}

void FormatCheck::check_tuple(Operation operation, const Number (&operands)[3],
                              const double (&values)[3], const std::vector<RoundSpec>& specs,
                              Count& count) {
  const auto arity = static_cast<std::size_t>(describe(operation).arity);
  const ExactResult exact = needs_exact(operation) ? exact_of(operation, values) : ExactResult{};
  bool right = true;
  // Functions of more than 53 bits before the point are beyond this oracle's modulo.
  const bool cannot_wrap = is_elementary(operation) && std::fabs(exact.value) > 0x1p40;
  for (const RoundSpec& spec : specs) {
    if (cannot_wrap && spec.overflow == Overflow::wrap) continue;
    random_ += 0x9E3779B97F4A7C15;  // every residue of the few bits used
    const std::uint64_t random = random_ >> 32;
    const Want want = expected(operation, values, spec, random, exact);
    Flags flags;
    double got = 0;
    bool threw = false;
    try {
      got = to_double(
          evaluate(operation, std::span(operands).first(arity), format_, spec, random, flags));
    } catch (const OverflowError&) {
      threw = true;
    }
    const bool same = threw == want.throws_overflow &&
                      (threw || (same_number(got, want.value) && flags == want.flags));
    if (same) continue;
    if (right && count.wrong < 3) {
      ADD_FAILURE() << describe_case(format_, operation, values, spec, random) << " gave "
                    << (threw ? "overflow" : to_shortest_decimal(got)) << " " << to_string(flags)
                    << ", not " << to_shortest_decimal(want.value) << " " << to_string(want.flags);
    }
    right = false;
  }
  ++count.tuples;
  if (!right) ++count.wrong;
}

Count FormatCheck::check(Operation operation, const std::vector<RoundSpec>& specs,
                         std::uint64_t triples) {
  Count count;
  const std::size_t codes = values_.size();
  const auto run = [&](std::size_t a, std::size_t b, std::size_t c) {
    check_tuple(operation, {numbers_[a], numbers_[b], numbers_[c]},
                {values_[a], values_[b], values_[c]}, specs, count);
  };
  const int arity = describe(operation).arity;
  if (arity == 3 && codes > 64) {
    std::mt19937_64 generator(20261122);
    for (std::uint64_t i = 0; i < triples; ++i) {
      const std::size_t a = generator() % codes;
      const std::size_t b = generator() % codes;
      std::size_t c = generator() % codes;
      if (i % 2 == 0) {  // the third operand nearly cancels the others
        const double rest =
            operation == Operation::fma ? values_[a] * values_[b] : values_[a] + values_[b];
        const auto nearest = std::min_element(
            values_.begin(), values_.end(),
            [&](double x, double y) { return std::fabs(x + rest) < std::fabs(y + rest); });
        c = static_cast<std::size_t>(nearest - values_.begin());
      }
      run(a, b, c);
    }
    return count;
  }
  for (std::size_t a = 0; a < codes; ++a) {
    for (std::size_t b = 0; b < (arity > 1 ? codes : 1); ++b) {
      for (std::size_t c = 0; c < (arity > 2 ? codes : 1); ++c) run(a, b, c);
    }
  }
  return count;
}

}  // namespace halfulp::testing_arithmetic
