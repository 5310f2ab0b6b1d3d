#include "formats/accumulate.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "formats/accumulate_aligned.h"
#include "formats/arithmetic.h"
#include "formats/exact_sum.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

const Destination kBinary32 = {FloatFormat{8, 23, 127},
                               {Rounding::nearest_even, Overflow::infinity}};

/// One dot product while it is evaluated: counts the draws, collects the flags.
class DotProduct {
 public:
  DotProduct(const AccumulatorSpec& spec, std::span<const Number> a, std::span<const Number> b,
             const DrawFunction& draws, Flags& flags)
      : spec_(spec), a_(a), b_(b), draws_(draws), flags_(flags) {}

  Number operator()(const Number& addend) {
    Number sum = spec_.promotion ? promoted(spec_.addend_last ? Number{} : addend)
                                 : running_sum(0, a_.size(), spec_.addend_last ? Number{} : addend);
    if (spec_.addend_last) sum = add(sum, addend, last_destination());
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
    return exact_sum(std::get<ExactAccumulation>(spec_.method).sum, from, to, start);
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

  const Destination& last_destination() const {
    if (spec_.promotion) return spec_.promotion->outer;
    return std::visit([](const auto& method) -> const Destination& { return method.sum; },
                      spec_.method);
  }

  Number rounded_sum(const RoundedSum& rule, std::size_t from, std::size_t to,
                     const Number& start) {
    const std::size_t terms = to - from;
    Number sum = round(start, rule.sum);
    if (rule.order.order == Order::sequential) return chain(rule, from, to, 1, sum);
    const auto length = static_cast<std::size_t>(rule.order.length);
    if (rule.order.order == Order::interleaved) {
      std::vector<Number> lanes;
      for (std::size_t lane = 0; lane < std::min(length, terms); ++lane) {
        lanes.push_back(chain(rule, from + lane, to, length, Number{}));
      }
      return lanes.empty() ? sum : add(sum, tree(rule.sum, lanes), rule.sum);
    }
    const std::size_t block = length == 0 ? std::max<std::size_t>(terms, 1) : length;
    for (std::size_t k = from; k < to; k += block) {
      const std::size_t end = std::min(k + block, to);
      const Number part = rule.order.order == Order::blocked ? chain(rule, k, end, 1, Number{})
                                                             : tree_of_terms(rule.sum, k, end);
      sum = add(sum, part, rule.sum);
    }
    return sum;
  }

  /// Terms from, from + stride, ... below `to`, added to `sum` in sequence.
  Number chain(const RoundedSum& rule, std::size_t from, std::size_t to, std::size_t stride,
               Number sum) {
    int waiting = 0;
    for (std::size_t k = from; k < to; k += stride) {
      sum = add_term(sum, k, rule.every == 1 ? rule.sum : kBinary32);
      if (rule.every > 1 && ++waiting == rule.every) {
        sum = round(sum, rule.sum);
        waiting = 0;
      }
    }
    return waiting > 0 ? round(sum, rule.sum) : sum;
  }

  /// The terms themselves rounded, then a left-complete tree of additions.
  Number tree_of_terms(const Destination& to, std::size_t from, std::size_t end) {
    if (end - from == 1) return add_term(Number{}, from, to);
    const std::size_t half = left_half(end - from);
    const Number left = tree_of_terms(to, from, from + half);
    return add(left, tree_of_terms(to, from + half, end), to);
  }

  Number tree(const Destination& to, std::span<const Number> terms) {
    if (terms.size() == 1) return terms[0];
    const std::size_t half = left_half(terms.size());
    const Number left = tree(to, terms.first(half));
    return add(left, tree(to, terms.subspan(half)), to);
  }

  /// The largest power of two below `n`.
  static std::size_t left_half(std::size_t n) {
    std::size_t half = 1;
    while (2 * half < n) half *= 2;
    return half;
  }

  Number aligned_sum(const AlignedSum& rule, std::size_t from, std::size_t to,
                     const Number& start) {
    Number sum = round(start, rule.sum);
    const auto terms = static_cast<std::size_t>(rule.terms);
    for (std::size_t k = from; k < to; k += terms) {
      const std::size_t count = std::min(terms, to - k);
      if (rule.addend == AlignedSum::Addend::separate) {
        const WideNumber products =
            aligned_addition(rule, a_.subspan(k, count), b_.subspan(k, count), Number{}, flags_);
        sum = add(sum, round(products, rule.sum), rule.addition.value_or(rule.sum));
      } else {
        sum = round(aligned_addition(rule, a_.subspan(k, count), b_.subspan(k, count), sum, flags_),
                    rule.sum);
      }
    }
    return sum;
  }

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
      const Number part = subtract(next, sum, to);
      const Number sum_error = subtract(sum, subtract(next, part, to), to);
      const Number term_error = subtract(term, part, to);
      lost = add(lost, add(sum_error, term_error, to), to);
      sum = next;
    }
    return add(sum, lost, to);
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

  /// sum + a[k] b[k], fused unless products are rounded.
  Number add_term(const Number& sum, std::size_t k, const Destination& to) {
    if (spec_.product) return add(sum, rounded_product(k), to);
    const WideNumber exact = fused_multiply_add(a_[k], b_[k], sum, to.format, to.rounding, flags_);
    return round(exact, to);
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

}  // namespace

AccumulatorSpec binary32_accumulator() {
  return {std::nullopt, RoundedSum{kBinary32, 1, {}}, std::nullopt, std::nullopt, false, false};
}

Number accumulate(const AccumulatorSpec& spec, std::span<const Number> a, std::span<const Number> b,
                  const Number& addend, const DrawFunction& draws, Flags& flags) {
  if (a.size() != b.size()) throw std::invalid_argument("operands of different lengths");
  return DotProduct(spec, a, b, draws, flags)(addend);
}

double accumulate(const AccumulatorSpec& spec, std::span<const double> a, std::span<const double> b,
                  double addend, const DrawFunction& draws) {
  Flags flags;
  return to_double(accumulate(spec, numbers(a), numbers(b), from_double(addend), draws, flags));
}

}  // namespace halfulp
