// evaluate(): from operation to exact result to rounded result. The exact results are in
// arithmetic.cc, exact_sum.cc and elementary.cc.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "formats/arithmetic.h"
#include "formats/elementary.h"
#include "formats/evaluate_irrational.h"
#include "formats/exact_real.h"
#include "formats/properties.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

constexpr Number kOne{Kind::finite, false, false, 0, 1};

Number with_sign(Number x, bool negative) {
  x.negative = negative && x.kind != Kind::nan;
  return x;
}

/// x < y, with -0 below +0.
bool is_below(const Number& x, const Number& y) {
  if (x.kind == Kind::zero && y.kind == Kind::zero) return x.negative && !y.negative;
  return compare(x, y) < 0;
}

Number extremum(Operation operation, const Number& x, const Number& y) {
  using enum Operation;
  const bool passes_over_nan = operation == minimum_number || operation == maximum_number ||
                               operation == minimum_magnitude_number ||
                               operation == maximum_magnitude_number;
  if (passes_over_nan && x.kind == Kind::nan) return y;
  if (passes_over_nan && y.kind == Kind::nan) return x;
  if (x.kind == Kind::nan || y.kind == Kind::nan) return {Kind::nan};

  const bool by_magnitude = operation == minimum_magnitude || operation == maximum_magnitude ||
                            operation == minimum_magnitude_number ||
                            operation == maximum_magnitude_number;
  const bool wants_minimum = operation == minimum || operation == minimum_number ||
                             operation == minimum_magnitude ||
                             operation == minimum_magnitude_number;
  if (by_magnitude) {
    const std::partial_ordering order = compare(with_sign(x, false), with_sign(y, false));
    if (order != 0) return (order < 0) == wants_minimum ? x : y;
  }
  return is_below(x, y) == wants_minimum ? x : y;
}

bool predicate(Operation operation, const Number& x, const Number& y, Flags& flags) {
  const std::partial_ordering order = compare(x, y);
  const bool is_unordered = order == std::partial_ordering::unordered;
  if (operation == Operation::eq) return order == 0;
  if (operation == Operation::ne) return order != 0;
  if (operation == Operation::unordered) return is_unordered;
  flags.invalid = flags.invalid || is_unordered;
  if (operation == Operation::lt) return order < 0;
  if (operation == Operation::le) return order <= 0;
  return operation == Operation::gt ? order > 0 : order >= 0;
}

/// Significant bits that decide the rounding to `format`: fewer are faster.
int deciding_bits(const Format& format, const RoundSpec& spec) {
  const auto* f = std::get_if<FloatFormat>(&format);
  const bool short_one =
      f != nullptr && f->exponent_bits > 0 && f->trailing_bits + spec.random_bits + 4 <= 64;
  return short_one ? 64 : 128;
}

/// The result before rounding, for the operations that round.
WideNumber exact_result(Operation operation, std::span<const Number> operands, const Format& format,
                        const RoundSpec& spec, Flags& flags) {
  using enum Operation;
  const Number& x = operands[0];
  if (operation == add) return halfulp::add(x, operands[1], format, spec, flags);
  if (operation == sub) return halfulp::add(x, negated(operands[1]), format, spec, flags);
  if (operation == mul) return multiply(x, operands[1], flags);
  if (operation == div) return divide(x, operands[1], flags);
  if (operation == fma) return fused_multiply_add(x, operands[1], operands[2], format, spec, flags);
  if (operation == faa) return fused_add_add(x, operands[1], operands[2], format, spec, flags);
  if (operation == rem) return remainder(x, operands[1], flags);
  if (operation == recip) return divide(kOne, x, flags);
  if (operation == neg) return widen(negated(x));
  if (operation == abs) return widen(with_sign(x, false));
  if (operation == copysign) return widen(with_sign(x, operands[1].negative));
  if (operation >= minimum && operation <= maximum_magnitude_number) {
    return widen(extremum(operation, x, operands[1]));
  }
  return elementary(operation, x, deciding_bits(format, spec), flags);
}

/// A quotient by zero, whose sign a format with one zero does not know.
bool is_unsigned_infinity(Operation operation, const Format& format) {
  const bool divides =
      operation == Operation::div || operation == Operation::recip || operation == Operation::rsqrt;
  return divides && !has_negative_zero(format);
}

/// A finite number or zero moved by less than any spacing of the format.
WideNumber moved_a_hair(const Format& format, const Number& x, bool up) {
  if (x.kind == Kind::zero) {
    const Number least = min_positive(format);  // zero where every number is negative
    WideNumber tiny = widen(least.kind == Kind::zero ? lowest_finite(format) : least);
    tiny.negative = !up;
    tiny.exponent -= 2200;  // also below numbers of the other sign, in codebooks
    return tiny;
  }
  WideNumber moved = widen(x);
  const int shift = 128 - bit_width(x.significand);
  moved.significand = uint128{x.significand} << shift;
  moved.exponent -= shift;
  const bool grows = x.negative != up;
  if (!grows && !x.sticky) moved.significand -= 1;
  moved.sticky = true;
  return moved;
}

/// The nearest number of `format` above or below `x`.
Number neighbour(const Format& format, const Number& x, bool up, Overflow overflow) {
  if (x.kind == Kind::nan) return x;
  const auto is_beyond = [&](const Number& a, const Number& b) {
    return up ? compare(a, b) > 0 : compare(a, b) < 0;
  };
  const Number first = up ? lowest_finite(format) : max_finite(format);
  const Number last = up ? max_finite(format) : lowest_finite(format);
  if (is_beyond(first, x)) return first;
  if (!is_beyond(last, x)) {
    const bool ends_in_infinity = has_infinity(format) && (up || last.negative);
    if (ends_in_infinity) return {Kind::infinity, !up};
    return overflow == Overflow::nan ? Number{Kind::nan} : last;
  }
  const RoundSpec spec{up ? Rounding::toward_positive : Rounding::toward_negative,
                       Overflow::saturate};
  Flags ignored;
  const Number result = round_to(format, spec, moved_a_hair(format, x, up), 0, ignored);
  if (is_beyond(result, x)) return result;
  // Formats that flush small numbers, or have no zero, step over the gap.
  return with_sign(min_normal(format), !up);
}

void check_operands(Operation operation, std::size_t count) {
  const OperationRow& row = describe(operation);
  if (count != static_cast<std::size_t>(row.arity)) {
    throw std::invalid_argument(std::string(row.name) + " takes " + std::to_string(row.arity) +
                                " operands");
  }
}

std::array<Operand, 3> exact_operands(std::span<const Number> numbers) {
  std::array<Operand, 3> operands;
  std::transform(numbers.begin(), numbers.end(), operands.begin(), exact_operand);
  return operands;
}

void add_flags(Flags& flags, const Flags& raised) {
  flags.inexact = flags.inexact || raised.inexact;
  flags.overflow = flags.overflow || raised.overflow;
  flags.underflow = flags.underflow || raised.underflow;
  flags.invalid = flags.invalid || raised.invalid;
  flags.divide_by_zero = flags.divide_by_zero || raised.divide_by_zero;
}

}  // namespace

Number next_up(const Format& format, const Number& x, Overflow overflow) {
  return neighbour(format, x, true, overflow);
}

Number next_down(const Format& format, const Number& x, Overflow overflow) {
  return neighbour(format, x, false, overflow);
}

Number evaluate(Operation operation, std::span<const Number> operands, const Format& format,
                const RoundSpec& spec, std::uint64_t random, Flags& flags) {
  check_operands(operation, operands.size());
  if (is_predicate(operation)) {
    return predicate(operation, operands[0], operands[1], flags) ? kOne : Number{};
  }
  Flags raised;
  const bool steps = operation == Operation::next_up || operation == Operation::next_down;
  if (steps && operands[0].kind == Kind::nan) {
    const Number result = round_to(format, spec, operands[0], random, raised);
    add_flags(flags, raised);
    return result;
  }
  if (steps) {
    return neighbour(format, operands[0], operation == Operation::next_up, spec.overflow);
  }
  WideNumber exact = exact_result(operation, operands, format, spec, raised);
  if (raised.divide_by_zero && is_unsigned_infinity(operation, format)) exact = {Kind::nan};
  const bool lacks_trailing_bits = spec.overflow == Overflow::wrap && exact.sticky &&
                                   exact.kind == Kind::finite &&
                                   exact.exponent > integer_quantum(format) - 34;
  if (lacks_trailing_bits) {
    throw std::invalid_argument("the result of " + std::string(describe(operation).name) +
                                " is too large to wrap");
  }
  Number result;
  // The leading bits of an irrational number do not decide whether it is a value of such a format.
  if (exact.sticky && exact.kind == Kind::finite && has_irrational_values(format)) {
    const std::array<Operand, 3> same = exact_operands(operands);
    result = evaluate_irrational(operation, std::span(same).first(operands.size()), format, spec,
                                 random, raised);
  } else {
    result = round_to(format, spec, exact, random, raised);
  }
  add_flags(flags, raised);
  return result;
}

Number evaluate(Operation operation, std::span<const Operand> operands, const Format& format,
                const RoundSpec& spec, std::uint64_t random, Flags& flags) {
  check_operands(operation, operands.size());
  const bool computes = operation <= Operation::copysign || operation >= Operation::exp;
  const bool is_irrational = std::any_of(operands.begin(), operands.end(),
                                         [](const Operand& x) { return x.is_irrational(); });
  if (computes && is_irrational) {
    Flags raised;
    const Number result = evaluate_irrational(operation, operands, format, spec, random, raised);
    add_flags(flags, raised);
    return result;
  }
  std::array<Number, 3> numbers;
  std::transform(operands.begin(), operands.end(), numbers.begin(),
                 [](const Operand& x) { return x.number; });
  return evaluate(operation, std::span<const Number>(numbers).first(operands.size()), format, spec,
                  random, flags);
}

}  // namespace halfulp
