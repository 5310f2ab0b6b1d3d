#include "formats/evaluate_irrational.h"

#include <mpfr.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "formats/arithmetic.h"
#include "formats/exact_real.h"
#include "formats/power_sum.h"
#include "formats/real.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

constexpr int kFractionBits = 64;
constexpr int128 kUnit = int128{1} << kFractionBits;

/// What rounds the result.
struct Target {
  const Format& format;
  const RoundSpec& spec;
  std::uint64_t random;
  Flags& flags;
};

Number round_sum(const PowerSum& sum, const Target& to) {
  return sum.round(to.format, to.spec, to.random, to.flags);
}

Number round_single(const Operand& x, const Target& to) {
  PowerSum sum;
  sum.add(x);
  return round_sum(sum, to);
}

Operand with_sign(Operand x, bool negative) {
  x.number.negative = negative;
  x.factor.negative = negative;
  return x;
}

/// Without trailing zero bits.
Number odd_part(const Number& x) {
  const int zeros = std::countr_zero(x.significand);
  return {x.kind, x.negative, false, x.exponent + zeros, x.significand >> zeros};
}

int leading_exponent(const Number& x) { return x.exponent + bit_width(x.significand) - 1; }

/// The special operands of an operation decide its result: any number with the same sign does for
/// an irrational one.
Number evaluate_special(Operation operation, std::span<const Operand> operands, const Target& to) {
  std::array<Number, 3> numbers;
  std::transform(operands.begin(), operands.end(), numbers.begin(),
                 [](const Operand& x) { return x.factor; });
  return evaluate(operation, std::span<const Number>(numbers).first(operands.size()), to.format,
                  to.spec, to.random, to.flags);
}

Number divide(const Operand& x, const Operand& y, const Target& to) {
  const Number divisor = odd_part(y.factor);
  int carry = 0;
  int inverted_carry = 0;
  const Root root = multiply(x.root, invert(y.root, inverted_carry), carry);
  WideNumber dividend = widen(x.factor);
  dividend.negative = x.factor.negative != y.factor.negative;
  dividend.exponent += carry + inverted_carry - divisor.exponent;
  PowerSum quotient;
  quotient.add(dividend, root);
  if (divisor.significand == 1) return round_sum(quotient, to);
  return round_real(PowerQuotient(quotient, divisor.significand), to.format, to.spec, to.random,
                    to.flags);
}

/// floor(x + 1/2) for positive x, and its words, least significant first. An odd multiple of 1/2 is
/// no x.
std::vector<std::uint64_t> nearest_whole(const PowerQuotient& x) {
  for (mpfr_prec_t precision = 320;; precision *= 2) {
    Real low(precision), high(precision);
    x.bound(low, high);
    mpfr_rint_round(low, low, MPFR_RNDN);
    mpfr_rint_round(high, high, MPFR_RNDN);
    if (mpfr_equal_p(low, high) == 0) continue;
    std::vector<std::uint64_t> words;
    Real upper(precision);
    while (mpfr_zero_p(low.get()) == 0) {
      mpfr_div_2ui(upper, low, 64, MPFR_RNDN);
      mpfr_rint_trunc(upper, upper, MPFR_RNDN);
      mpfr_mul_2ui(high, upper, 64, MPFR_RNDN);
      mpfr_sub(low, low, high, MPFR_RNDN);
      words.push_back(static_cast<std::uint64_t>(mpfr_get_uj(low, MPFR_RNDN)));
      mpfr_swap(low, upper);
    }
    return words;
  }
}

/// x - n y, for n the whole number nearest to x / y.
Number remainder(const Operand& x, const Operand& y, const Target& to) {
  if (y.factor.kind == Kind::infinity) return round_single(x, to);
  if (x.root == y.root) {  // both factors are powers of two, so x / y is a whole number or <= 1/2
    if (x.factor.exponent < y.factor.exponent) return round_single(x, to);
    return round_to(to.format, to.spec, Number{Kind::zero, x.factor.negative}, to.random, to.flags);
  }
  const Number divisor = odd_part(y.factor);
  int carry = 0;
  int inverted_carry = 0;
  const Root root = multiply(x.root, invert(y.root, inverted_carry), carry);
  WideNumber dividend = widen(x.factor);
  dividend.negative = false;
  dividend.exponent += carry + inverted_carry - divisor.exponent;
  PowerSum ratio;
  ratio.add(dividend, root);
  const std::vector<std::uint64_t> n = nearest_whole(PowerQuotient(ratio, divisor.significand));
  PowerSum rest;
  rest.add(x);
  for (std::size_t i = 0; i < n.size(); ++i) {
    if (n[i] == 0) continue;
    rest.add({Kind::finite, !x.factor.negative, false, y.factor.exponent + static_cast<int>(64 * i),
              uint128{y.factor.significand} * n[i]},
             y.root);
  }
  return round_sum(rest, to);
}

/// The logarithm of x to base 2 in units of 2^-64, where it is one and x is positive.
std::optional<int128> rational_log2(const Operand& x) {
  const Number factor = odd_part(x.factor);
  if (factor.significand != 1 || x.root.log != 0) return std::nullopt;
  return factor.exponent * kUnit + x.root.log2;
}

WideNumber from_fixed(int128 x) {
  if (x == 0) return {};
  const auto magnitude = static_cast<uint128>(x < 0 ? -x : x);
  return {Kind::finite, x < 0, false, -kFractionBits, magnitude};
}

/// x in units of 2^-64 where it is a whole number of them and below 2^20.
std::optional<int128> to_fixed(const Operand& x) {
  if (x.is_irrational()) return std::nullopt;
  const Number factor = odd_part(x.factor);
  if (factor.exponent < -kFractionBits || leading_exponent(factor) >= 20) return std::nullopt;
  const auto magnitude =
      static_cast<int128>(uint128{factor.significand} << (factor.exponent + kFractionBits));
  return factor.negative ? -magnitude : magnitude;
}

/// x^(1/2) or x^(-1/2), where it is a power.
std::optional<Operand> root_of(Operation operation, const Operand& x) {
  const Number factor = odd_part(x.factor);
  if (factor.significand != 1) return std::nullopt;
  const int sign = operation == Operation::sqrt ? 1 : -1;
  const int128 log2 = sign * (factor.exponent * kUnit + x.root.log2);
  const int128 log = sign * x.root.log;
  if (log2 % 2 != 0 || log % 2 != 0) return std::nullopt;
  Operand result = power_of_two(log2 / 2);
  result.root.log = log / 2;
  return result;
}

/// The results of functions that are rational or powers.
std::optional<Number> easy_function(Operation operation, const Operand& x, const Target& to) {
  const auto round_fixed = [&](int128 value) {
    return round_to(to.format, to.spec, from_fixed(value), to.random, to.flags);
  };
  if (operation == Operation::sqrt || operation == Operation::rsqrt) {
    const std::optional<Operand> root = root_of(operation, x);
    if (root) return round_single(*root, to);
  }
  const std::optional<int128> log2 = rational_log2(x);
  if (operation == Operation::log2 && log2) return round_fixed(*log2);
  if (operation == Operation::log && log2 && *log2 == 0) return round_fixed(0);
  if (operation == Operation::log && x.root.log != 0 && x.root.log2 == 0) {
    const Number factor = odd_part(x.factor);
    if (factor.significand == 1 && factor.exponent == 0) return round_fixed(x.root.log);
  }
  const std::optional<int128> fixed = to_fixed(x);
  if (operation == Operation::exp2 && fixed) return round_single(power_of_two(*fixed), to);
  if (operation == Operation::exp && fixed) return round_single(power_of_e(*fixed), to);
  return std::nullopt;
}

/// Results beyond every format, or nearer to 1 than any other decision point.
std::optional<WideNumber> far_result(Operation operation, const Number& x) {
  constexpr int kFar = 1 << 18;
  const int top = leading_exponent(x);
  const WideNumber one_less{Kind::finite, x.negative, true, -128, ~uint128{0}};
  const WideNumber tiny{Kind::finite, false, true, -kFar, 1};
  // 1 - erf(16) < 2^-372, 1 - tanh(128) < 2^-368, 1 - sigmoid(128) < 2^-184.
  const bool saturates =
      operation == Operation::tanh || (operation == Operation::sigmoid && !x.negative);
  if ((saturates && top >= 7) || (operation == Operation::erf && top >= 4)) return one_less;
  const bool is_exponential = operation == Operation::exp || operation == Operation::exp2;
  if (top < 18) return std::nullopt;
  if (is_exponential && !x.negative) return WideNumber{Kind::finite, false, true, kFar, 1};
  if (is_exponential || operation == Operation::sigmoid) return tiny;
  return std::nullopt;
}

Number evaluate_function(Operation operation, const Operand& x, const Target& to) {
  const bool needs_positive = operation == Operation::sqrt || operation == Operation::rsqrt ||
                              operation == Operation::log || operation == Operation::log2;
  if (needs_positive && x.factor.negative) return evaluate_special(operation, {&x, 1}, to);
  if (const std::optional<Number> easy = easy_function(operation, x, to)) return *easy;
  if (const std::optional<WideNumber> far = far_result(operation, x.number)) {
    return round_to(to.format, to.spec, *far, to.random, to.flags);
  }
  return round_real(FunctionValue(operation, x), to.format, to.spec, to.random, to.flags);
}

/// Sums, whose special terms PowerSum knows.
std::optional<PowerSum> sum_of(Operation operation, std::span<const Operand> x) {
  PowerSum sum;
  switch (static_cast<int>(operation)) {
    case static_cast<int>(Operation::add):
      sum.add(x[0]);
      sum.add(x[1]);
      return sum;
    case static_cast<int>(Operation::sub):
      sum.add(x[0]);
      sum.add(with_sign(x[1], !x[1].factor.negative));
      return sum;
    case static_cast<int>(Operation::faa):
      for (const Operand& term : x) sum.add(term);
      return sum;
    case static_cast<int>(Operation::mul):
      sum.add_product(x[0], x[1]);
      return sum;
    case static_cast<int>(Operation::fma):
      sum.add_product(x[0], x[1]);
      sum.add(x[2]);
      return sum;
    default:
      return std::nullopt;
  }
}

}  // namespace

Number evaluate_irrational(Operation operation, std::span<const Operand> operands,
                           const Format& format, const RoundSpec& spec, std::uint64_t random,
                           Flags& flags) {
  const Target to{format, spec, random, flags};
  const Operand& x = operands[0];
  if (const std::optional<PowerSum> sum = sum_of(operation, operands)) return round_sum(*sum, to);
  if (operation == Operation::neg) return round_single(with_sign(x, !x.factor.negative), to);
  if (operation == Operation::abs) return round_single(with_sign(x, false), to);
  if (operation == Operation::copysign) {
    return round_single(with_sign(x, operands[1].factor.negative), to);
  }
  const bool is_special = std::any_of(operands.begin(), operands.end(), [](const Operand& operand) {
    return operand.factor.kind != Kind::finite;
  });
  const bool by_infinity = operation == Operation::rem &&
                           operands[1].factor.kind == Kind::infinity &&
                           x.factor.kind == Kind::finite;
  if (is_special && !by_infinity) return evaluate_special(operation, operands, to);
  if (operation == Operation::div) return divide(x, operands[1], to);
  if (operation == Operation::recip) {
    return divide(exact_operand({Kind::finite, false, false, 0, 1}), x, to);
  }
  if (operation == Operation::rem) return remainder(x, operands[1], to);
  return evaluate_function(operation, x, to);
}

}  // namespace halfulp
