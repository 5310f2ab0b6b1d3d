#include "formats/accumulate.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "formats/accumulate_aligned.h"
#include "formats/accumulator_spec.h"
#include "formats/arithmetic.h"
#include "formats/exact_sum.h"
#include "formats/properties.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

const Destination kBinary32 = {FloatFormat{8, 23, 127},
                               {Rounding::nearest_even, Overflow::infinity}};

/// One dot product while it is evaluated: counts the draws, collects the flags.
class DotProduct {
 public:
  DotProduct(const AccumulatorSpec& spec, std::span<const Number> a, std::span<const Number> b,
             const BlockScales& scales, const DrawFunction& draws, Flags& flags)
      : spec_(spec), a_(a), b_(b), scales_(scales), draws_(draws), flags_(flags) {}

  Number operator()(const Number& addend) {
    Number sum = spec_.promotion ? promoted(spec_.addend_last ? Number{} : addend)
                                 : running_sum(0, a_.size(), spec_.addend_last ? Number{} : addend);
    if (spec_.addend_last) sum = add(sum, addend, outermost());
    return spec_.result ? round(sum, *spec_.result) : sum;
  }

 private:
  /// Terms from .. to - 1 added to `start`, without promotion.
  Number running_sum(std::size_t from, std::size_t to, const Number& start) {
    if (const auto* rounded = std::get_if<RoundedSum>(&spec_.method)) {
      return rounded_sum(*rounded, from, to, start);
    }
    if (const auto* aligned = std::get_if<AlignedSum>(&spec_.method)) {
      return aligned_sum(*aligned, from, to, start);
    }
    if (const auto* compensated = std::get_if<CompensatedSum>(&spec_.method)) {
      return compensated->method == CompensatedSum::Method::kahan
                 ? kahan_sum(compensated->sum, from, to, start)
                 : two_sum(compensated->sum, from, to, start);
    }
    return exact_sum(std::get<ExactAccumulation>(spec_.method), from, to, start);
  }

  Number promoted(const Number& start) {
    const auto interval = static_cast<std::size_t>(spec_.promotion->interval);
    Number outer = round(start, spec_.promotion->outer);
    for (std::size_t from = 0; from < a_.size(); from += interval) {
      const Number inner = running_sum(from, std::min(from + interval, a_.size()), Number{});
      outer = add(outer, inner, spec_.promotion->outer);
    }
    return outer;
  }

  const Destination& outermost() const {
    return spec_.promotion ? spec_.promotion->outer : sum_destination(spec_);
  }

  // ---- RoundedSum

  Number rounded_sum(const RoundedSum& rule, std::size_t from, std::size_t to,
                     const Number& start) {
    const std::size_t terms = to - from;
    Number sum = round(rule.flush ? flushed(start, rule) : start, rule.sum);
    if (rule.order.order == Order::sequential) return chain(rule, from, to, 1, sum);
    const auto length = static_cast<std::size_t>(rule.order.length);
    if (rule.order.order == Order::interleaved) {
      std::vector<Number> lanes;
      for (std::size_t lane = 0; lane < std::min(length, terms); ++lane) {
        lanes.push_back(chain(rule, from + lane, to, length, Number{}));
      }
      return lanes.empty() ? sum : add(rule, sum, tree(rule, lanes));
    }
    const std::size_t block = length == 0 ? std::max<std::size_t>(terms, 1) : length;
    for (std::size_t k = from; k < to; k += block) {
      const std::size_t end = std::min(k + block, to);
      const Number part = rule.order.order == Order::blocked ? chain(rule, k, end, 1, Number{})
                                                             : tree_of_terms(rule, k, end);
      sum = add(rule, sum, part);
    }
    return sum;
  }

  /// Terms from, from + stride, ... below `to`, added to `sum` in sequence.
  Number chain(const RoundedSum& rule, std::size_t from, std::size_t to, std::size_t stride,
               Number sum) {
    int waiting = 0;
    for (std::size_t k = from; k < to; k += stride) {
      if (rule.every == 1) {
        sum = add_term(rule, sum, k);
        continue;
      }
      sum = add_term(sum, k, kBinary32);
      if (++waiting < rule.every) continue;
      sum = round(sum, rule.sum);
      waiting = 0;
    }
    return waiting > 0 ? round(sum, rule.sum) : sum;
  }

  /// A left-complete tree of additions, whose leaves are +0 + a[k] b[k].
  Number tree_of_terms(const RoundedSum& rule, std::size_t from, std::size_t end) {
    if (end - from == 1) return add_term(rule, Number{}, from);
    const std::size_t half = left_half(end - from);
    const Number left = tree_of_terms(rule, from, from + half);
    return add(rule, left, tree_of_terms(rule, from + half, end));
  }

  Number tree(const RoundedSum& rule, std::span<const Number> terms) {
    if (terms.size() == 1) return terms[0];
    const std::size_t half = left_half(terms.size());
    const Number left = tree(rule, terms.first(half));
    return add(rule, left, tree(rule, terms.subspan(half)));
  }

  /// The largest power of two below `n`.
  static std::size_t left_half(std::size_t n) {
    std::size_t half = 1;
    while (2 * half < n) half *= 2;
    return half;
  }

  Number add_term(const RoundedSum& rule, const Number& sum, std::size_t k) {
    if (!rule.flush) return add_term(sum, k, rule.sum);
    const Number a = flushed(a_[k], rule.flush->operand_exponents[0]);
    const Number b = flushed(b_[k], rule.flush->operand_exponents[1]);
    return flushed_result(rule, fused(a, b, sum, rule.sum));
  }

  Number add(const RoundedSum& rule, const Number& x, const Number& y) {
    const Number sum = add(x, y, rule.sum);
    return rule.flush ? flushed_result(rule, sum) : sum;
  }

  /// An input that is too small, or a zero of either sign, is +0.
  static Number flushed(const Number& x, int least) {
    const bool is_small = x.kind == Kind::zero || (x.kind == Kind::finite && exponent(x) < least);
    return is_small ? Number{} : x;
  }

  static Number flushed(const Number& x, const RoundedSum& rule) {
    return flushed(x, static_cast<int>(exponent(min_normal(rule.sum.format))));
  }

  Number flushed_result(const RoundedSum& rule, const Number& x) {
    if (x.kind != Kind::finite || exponent(x) >= exponent(min_normal(rule.sum.format))) return x;
    flags_.inexact = flags_.underflow = true;
    return {Kind::zero, x.negative, false, 0, 0};
  }

  /// floor(log2 |x|).
  static std::int64_t exponent(const Number& x) {
    return std::int64_t{x.exponent} + bit_width(x.significand) - 1;
  }

  // ---- AlignedSum

  Number aligned_sum(const AlignedSum& rule, std::size_t from, std::size_t to,
                     const Number& start) {
    Number sum = round(start, rule.sum);
    const auto terms = static_cast<std::size_t>(rule.terms);
    const std::size_t together = rule.interleave > 0 ? 2 * terms : terms;
    for (std::size_t k = from; k < to; k += together) {
      const std::size_t end = std::min(k + together, to);
      if (rule.interleave == 0) {
        sum = aligned_addition_to(rule, sum, scaled_products(k, end, 0, 0));
        continue;
      }
      const auto run = static_cast<std::size_t>(rule.interleave);
      for (std::size_t part = 0; part < 2; ++part) {
        const std::vector<ScaledProduct> products = scaled_products(k, end, part, run);
        if (!products.empty()) sum = aligned_addition_to(rule, sum, products);
      }
    }
    return sum;
  }

  /// The terms from .. end - 1; with `run` neighbours that stay together and part 0 or 1, those
  /// that go to the first or to the second of two additions. run = 0: all.
  std::vector<ScaledProduct> scaled_products(std::size_t from, std::size_t end, std::size_t part,
                                             std::size_t run) const {
    std::vector<ScaledProduct> products;
    for (std::size_t k = from; k < end; ++k) {
      if (run > 0 && (k - from) / run % 2 != part) continue;
      ScaledProduct product{a_[k], b_[k]};
      if (!scales_.a.empty()) product.scale_a = scales_.a[k / scales_.length];
      if (!scales_.b.empty()) product.scale_b = scales_.b[k / scales_.length];
      products.push_back(product);
    }
    return products;
  }

  Number aligned_addition_to(const AlignedSum& rule, const Number& sum,
                             std::span<const ScaledProduct> products) {
    const WideNumber exact = aligned_addition(rule, products, sum, scales_.least_exponent, flags_);
    const Number rounded = round_aligned(exact, rule.sum);
    const bool is_separate = rule.addend == AlignedSum::Addend::separate;
    return is_separate ? add(sum, rounded, rule.addition.value_or(rule.sum)) : rounded;
  }

  /// Beyond the range lies infinity, in every rounding mode.
  Number round_aligned(const WideNumber& x, const Destination& to) {
    Flags own;
    Number rounded = round_to(to.format, to.rounding, x, draw(to), own);
    if (own.overflow && to.rounding.overflow == Overflow::infinity) {
      rounded = {Kind::infinity, x.negative, false, 0, 0};
    }
    merge(own);
    return rounded;
  }

  void merge(const Flags& own) {
    flags_.inexact = flags_.inexact || own.inexact;
    flags_.overflow = flags_.overflow || own.overflow;
    flags_.underflow = flags_.underflow || own.underflow;
    flags_.invalid = flags_.invalid || own.invalid;
  }

  // ---- CompensatedSum, ExactAccumulation

  Number kahan_sum(const Destination& to, std::size_t from, std::size_t end, const Number& start) {
    Number sum = round(start, to);
    Number lost;
    for (std::size_t k = from; k < end; ++k) {
      const Number term = add_term(negated(lost), k, to);
      const Number next = add(sum, term, to);
      lost = subtract(subtract(next, sum, to), term, to);
      sum = next;
    }
    return sum;
  }

  Number two_sum(const Destination& to, std::size_t from, std::size_t end, const Number& start) {
    Number sum = round(start, to);
    Number lost;
    for (std::size_t k = from; k < end; ++k) {
      const Number term = add_term(Number{}, k, to);
      const Number next = add(sum, term, to);
      const Number term_part = subtract(next, sum, to);
      const Number sum_part = subtract(next, term_part, to);
      const Number sum_error = subtract(sum, sum_part, to);
      const Number term_error = subtract(term, term_part, to);
      const Number error = add(sum_error, term_error, to);
      lost = add(lost, error, to);
      sum = next;
    }
    return add(sum, lost, to);
  }

  Number exact_sum(const ExactAccumulation& rule, std::size_t from, std::size_t end,
                   const Number& start) {
    const std::size_t every = rule.every == 0 ? std::max<std::size_t>(end - from, 1)
                                              : static_cast<std::size_t>(rule.every);
    Number sum = start;
    std::size_t k = from;
    do {
      const std::size_t next = std::min(k + every, end);
      sum = exact_sum(rule.sum, k, next, sum);
      k = next;
    } while (k < end);
    return sum;
  }

  Number exact_sum(const Destination& to, std::size_t from, std::size_t end, const Number& start) {
    ExactSum sum;
    sum.add(start);
    for (std::size_t k = from; k < end; ++k) {
      if (spec_.product) {
        sum.add(rounded_product(k));
      } else {
        sum.add_product(a_[k], b_[k]);
      }
    }
    return sum.round(to.format, to.rounding, draw(to), flags_);
  }

  // ---- steps

  /// sum + a[k] b[k], fused unless products are rounded.
  Number add_term(const Number& sum, std::size_t k, const Destination& to) {
    if (spec_.product) return add(sum, rounded_product(k), to);
    return fused(a_[k], b_[k], sum, to);
  }

  Number fused(const Number& a, const Number& b, const Number& sum, const Destination& to) {
    return round(fused_multiply_add(a, b, sum, to.format, to.rounding, flags_), to);
  }

  Number rounded_product(std::size_t k) {
    return round(multiply(a_[k], b_[k], flags_), *spec_.product);
  }

  Number add(const Number& x, const Number& y, const Destination& to) {
    return round(halfulp::add(x, y, to.format, to.rounding, flags_), to);
  }

  Number subtract(const Number& x, const Number& y, const Destination& to) {
    return add(x, negated(y), to);
  }

  template <class N>
  Number round(const N& x, const Destination& to) {
    return round_to(to.format, to.rounding, x, draw(to), flags_);
  }

  std::uint64_t draw(const Destination& to) {
    if (to.rounding.rounding != Rounding::stochastic) return 0;
    if (!draws_) throw std::invalid_argument("stochastic rounding needs a source of random bits");
    return draws_(draw_count_++);
  }

  const AccumulatorSpec& spec_;
  std::span<const Number> a_, b_;
  const BlockScales& scales_;
  const DrawFunction& draws_;
  Flags& flags_;
  std::uint64_t draw_count_ = 0;
};

std::vector<Number> numbers(std::span<const double> values) {
  std::vector<Number> result;
  result.reserve(values.size());
  for (const double x : values) result.push_back(from_double(x));
  return result;
}

void check_scales(const AccumulatorSpec& spec, std::size_t terms, const BlockScales& scales) {
  if (scales.a.empty() && scales.b.empty()) return;
  const auto* rule = std::get_if<AlignedSum>(&spec.method);
  if (rule == nullptr) throw std::invalid_argument("block scales are for aligned sums");
  if (scales.length == 0) throw std::invalid_argument("a block has at least one element");
  const std::size_t blocks = (terms + scales.length - 1) / scales.length;
  for (const std::span<const Number> side : {scales.a, scales.b}) {
    if (!side.empty() && side.size() < blocks) throw std::invalid_argument("too few block scales");
  }
  if (scales.length % static_cast<std::size_t>(rule->exact_products) != 0) {
    throw std::invalid_argument("a group of exact products lies in one block");
  }
}

}  // namespace

AccumulatorSpec binary32_accumulator() {
  return {std::nullopt, RoundedSum{kBinary32, 1, {}, {}}, std::nullopt, std::nullopt, false, false};
}

const Destination& sum_destination(const AccumulatorSpec& spec) {
  return std::visit([](const auto& method) -> const Destination& { return method.sum; },
                    spec.method);
}

const Destination& last_destination(const AccumulatorSpec& spec) {
  if (spec.result) return *spec.result;
  if (spec.promotion) return spec.promotion->outer;
  const auto* aligned = std::get_if<AlignedSum>(&spec.method);
  const bool ends_with_sum = aligned == nullptr || !aligned->addition || spec.addend_last;
  return ends_with_sum ? sum_destination(spec) : *aligned->addition;
}

Number accumulate(const AccumulatorSpec& spec, std::span<const Number> a, std::span<const Number> b,
                  const Number& addend, const DrawFunction& draws, Flags& flags,
                  const BlockScales& scales) {
  check_accumulator(spec);
  if (a.size() != b.size()) throw std::invalid_argument("operands of different lengths");
  check_scales(spec, a.size(), scales);
  return DotProduct(spec, a, b, scales, draws, flags)(addend);
}

double accumulate(const AccumulatorSpec& spec, std::span<const double> a, std::span<const double> b,
                  double addend, const DrawFunction& draws) {
  Flags flags;
  return to_double(accumulate(spec, numbers(a), numbers(b), from_double(addend), draws, flags));
}

}  // namespace halfulp
