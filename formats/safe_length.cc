#include "formats/safe_length.h"

#include <algorithm>
#include <variant>

#include "formats/code.h"
#include "formats/exact_sum.h"
#include "formats/properties.h"
#include "formats/wide_number.h"

namespace halfulp {

namespace {

bool is_zero(const WideNumber& x) { return x.significand == 0; }

/// With an odd significand.
WideNumber reduced(WideNumber x) {
  while (!is_zero(x) && (x.significand & 1) == 0) {
    x.significand >>= 1;
    ++x.exponent;
  }
  return x;
}

/// floor(bound / product) of numbers of one sign; 0 for others.
std::int64_t quotient(const WideNumber& bound, const WideNumber& product) {
  const std::int32_t shift = product.exponent - bound.exponent;
  if (is_zero(bound) || bound.negative != product.negative || shift > 127) return 0;
  const uint128 whole = (bound.significand >> shift) / product.significand;
  return static_cast<std::int64_t>(std::min(whole, static_cast<uint128>(kEveryLength - 1)));
}

/// Terms of a chain of one product before it overflows; nothing when that takes too long.
std::optional<std::int64_t> chain_length(const Destination& to, const Number& a, const Number& b,
                                         std::int64_t longest) {
  Number sum;
  for (std::int64_t k = 0; k < longest; ++k) {
    ExactSum next;
    next.add(sum);
    next.add_product(a, b);
    RoundSpec rule = to.rounding;
    if (rule.overflow == Overflow::error) rule.overflow = Overflow::saturate;
    Flags flags;
    const Number rounded = next.round(to.format, rule, 0, flags);
    if (flags.overflow) return k;
    const bool is_idle = rounded.kind == sum.kind && rounded.exponent == sum.exponent &&
                         rounded.significand == sum.significand;
    if (is_idle) return kEveryLength;
    sum = rounded;
  }
  return std::nullopt;
}

struct Rule {
  Destination sum;
  bool is_chain = false;  ///< additions in sequence, each rounded to `sum`
};

/// Nothing where the bound does not hold.
std::optional<Rule> rule_of(const AccumulatorSpec& accumulator) {
  if (accumulator.product || accumulator.promotion) return std::nullopt;
  if (const auto* exact = std::get_if<ExactAccumulation>(&accumulator.method)) {
    return Rule{exact->sum, false};
  }
  const auto* rounded = std::get_if<RoundedSum>(&accumulator.method);
  if (rounded == nullptr || rounded->every != 1) return std::nullopt;
  const Rounding mode = rounded->sum.rounding.rounding;
  const bool is_monotone = mode != Rounding::stochastic && mode != Rounding::to_odd;
  return Rule{rounded->sum, is_monotone && rounded->order.order == Order::sequential};
}

std::optional<std::int64_t> length_of(const Rule& rule, const Number& a, const Number& b,
                                      std::int64_t longest) {
  Flags flags;
  const WideNumber product = reduced(multiply(a, b, flags));
  if (is_zero(product)) return kEveryLength;
  const bool is_integer = std::holds_alternative<IntegerFormat>(rule.sum.format);
  if (is_integer && product.exponent >= integer_quantum(rule.sum.format)) {
    Number end = product.negative ? lowest_finite(rule.sum.format) : max_finite(rule.sum.format);
    WideNumber bound = widen(end);
    const int quantum = integer_quantum(rule.sum.format);
    if (!is_zero(bound)) bound.significand <<= bound.exponent - quantum;
    bound.exponent = quantum;
    return quotient(bound, product);
  }
  return rule.is_chain ? chain_length(rule.sum, a, b, longest) : std::nullopt;
}

}  // namespace

std::optional<SafeLength> safe_length(const AccumulatorSpec& accumulator, const Format& a,
                                      const Format& b, std::int64_t longest_chain) {
  const std::optional<Rule> rule = rule_of(accumulator);
  if (!rule) return std::nullopt;
  SafeLength least{kEveryLength, max_finite(a), max_finite(b)};
  for (const Number& x : {max_finite(a), lowest_finite(a)}) {
    for (const Number& y : {max_finite(b), lowest_finite(b)}) {
      const auto length = length_of(*rule, x, y, longest_chain);
      if (!length) return std::nullopt;
      if (*length < least.length) least = {*length, x, y};
    }
  }
  return least;
}

}  // namespace halfulp
