#include "sim/accumulated_blocks.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "formats/properties.h"
#include "sim/accumulator_draws.h"
#include "sim/block_arithmetic.h"

namespace halfulp {

namespace {

using Block = NumberBlock;

/// A destination, prepared.
struct Target {
  BlockRounding rounding;
  int random_bits;
};

std::optional<Target> prepare(const Destination& to) {
  const bool is_grid = std::holds_alternative<FloatFormat>(to.format) ||
                       std::holds_alternative<IntegerFormat>(to.format);
  if (!is_grid || !fits_binary32(to.format)) return std::nullopt;
  const RoundSpec& spec = to.rounding;
  if (spec.overflow == Overflow::wrap || spec.overflow == Overflow::error) return std::nullopt;
  RoundPlan plan = make_round_plan(to.format, spec, Carrier::binary64);
  if (plan.method != RoundMethod::wide_magnitude) return std::nullopt;
  const bool downward = spec.rounding == Rounding::toward_negative;
  return Target{{std::move(plan), downward}, spec.random_bits};
}

/// The destinations of a spec.
struct Targets {
  Target binary32, sum;
  std::optional<Target> product, outer, result;
  double least = 0;  ///< results of sums that are smaller become zeros of their sign
};

/// A number that is too small, or a zero of either sign, is +0 (RoundedSum::flush).
double flushed(double x, double least) { return std::abs(x) < least || x == 0 ? 0.0 : x; }

/// 8 x 8 dot products while they are evaluated; compare DotProduct in formats/accumulate.cc.
class BlockProduct {
 public:
  BlockProduct(const AccumulatorSpec& spec, const Targets& targets, const GemmTask& task,
               std::span<const double> a, std::span<const double> b, std::size_t row,
               std::size_t column)
      : spec_(spec),
        to_(targets),
        task_(task),
        a_(a),
        b_(b),
        column_(column),
        op_(block_operations()) {
    for (std::size_t r = 0; r < kBlockSide && uses_draws(); ++r) {
      keys_[r] = draw_key(task.stream, task.first_row + row + r);
    }
  }

  Block operator()(const Block& addend) {
    const Block start = spec_.addend_last ? Block{} : addend;
    Block sum = spec_.promotion ? promoted(start) : running_sum(0, task_.depth, start);
    if (spec_.addend_last) sum = add(sum, addend, to_.outer ? *to_.outer : to_.sum);
    return to_.result ? round(sum, *to_.result) : sum;
  }

 private:
  bool uses_draws() const {
    const auto draws = [](const std::optional<Target>& to) { return to && to->random_bits > 0; };
    return to_.sum.random_bits > 0 || draws(to_.product) || draws(to_.outer) || draws(to_.result);
  }

  Block running_sum(std::size_t from, std::size_t to, const Block& start) {
    if (const auto* rounded = std::get_if<RoundedSum>(&spec_.method)) {
      return rounded_sum(*rounded, from, to, start);
    }
    const auto& compensated = std::get<CompensatedSum>(spec_.method);
    return compensated.method == CompensatedSum::Method::kahan ? kahan_sum(from, to, start)
                                                               : two_sum(from, to, start);
  }

  Block promoted(const Block& start) {
    const auto interval = static_cast<std::size_t>(spec_.promotion->interval);
    Block outer = round(start, *to_.outer);
    for (std::size_t from = 0; from < task_.depth; from += interval) {
      const Block inner = running_sum(from, std::min(from + interval, task_.depth), Block{});
      outer = add(outer, inner, *to_.outer);
    }
    return outer;
  }

  Block rounded_sum(const RoundedSum& rule, std::size_t from, std::size_t to, const Block& start) {
    const std::size_t terms = to - from;
    Block first = start;
    for (double& x : first.value) {
      if (to_.least > 0) x = flushed(x, to_.least);
    }
    Block sum = round(first, to_.sum);
    if (rule.order.order == Order::sequential) return chain(rule, from, to, 1, sum);
    const auto length = static_cast<std::size_t>(rule.order.length);
    if (rule.order.order == Order::interleaved) {
      std::vector<Block> lanes;
      for (std::size_t lane = 0; lane < std::min(length, terms); ++lane) {
        lanes.push_back(chain(rule, from + lane, to, length, Block{}));
      }
      return lanes.empty() ? sum : add_sums(sum, tree(lanes));
    }
    const std::size_t block = length == 0 ? std::max<std::size_t>(terms, 1) : length;
    for (std::size_t k = from; k < to; k += block) {
      const std::size_t end = std::min(k + block, to);
      const Block part = rule.order.order == Order::blocked ? chain(rule, k, end, 1, Block{})
                                                            : tree_of_terms(k, end);
      sum = add_sums(sum, part);
    }
    return sum;
  }

  Block chain(const RoundedSum& rule, std::size_t from, std::size_t to, std::size_t stride,
              const Block& start) {
    Block sum = start;
    int waiting = 0;
    for (std::size_t k = from; k < to; k += stride) {
      sum = rule.every == 1 ? add_to_sum(sum, k) : add_term(sum, k, to_.binary32);
      if (rule.every > 1 && ++waiting == rule.every) {
        sum = round(sum, to_.sum);
        waiting = 0;
      }
    }
    return waiting > 0 ? round(sum, to_.sum) : sum;
  }

  Block tree_of_terms(std::size_t from, std::size_t end) {
    if (end - from == 1) return add_to_sum(Block{}, from);
    const std::size_t half = left_half(end - from);
    const Block left = tree_of_terms(from, from + half);
    return add_sums(left, tree_of_terms(from + half, end));
  }

  Block tree(std::span<const Block> terms) {
    if (terms.size() == 1) return terms[0];
    const std::size_t half = left_half(terms.size());
    const Block left = tree(terms.first(half));
    return add_sums(left, tree(terms.subspan(half)));
  }

  Block add_to_sum(const Block& sum, std::size_t k) { return flush(add_term(sum, k, to_.sum)); }

  Block add_sums(const Block& x, const Block& y) { return flush(add(x, y, to_.sum)); }

  Block flush(const Block& exact) const {
    Block sum = exact;
    if (to_.least == 0) return sum;
    for (double& x : sum.value) {
      if (std::abs(x) < to_.least) x = std::copysign(0.0, x);
    }
    return sum;
  }

  static std::size_t left_half(std::size_t n) {
    std::size_t half = 1;
    while (2 * half < n) half *= 2;
    return half;
  }

  Block kahan_sum(std::size_t from, std::size_t end, const Block& start) {
    Block sum = round(start, to_.sum);
    Block lost;
    for (std::size_t k = from; k < end; ++k) {
      for (double& x : lost.value) x = -x;
      const Block term = add_term(lost, k, to_.sum);
      const Block next = add(sum, term, to_.sum);
      const Block gained = subtract(next, sum, to_.sum);
      lost = subtract(gained, term, to_.sum);
      sum = next;
    }
    return sum;
  }

  Block two_sum(std::size_t from, std::size_t end, const Block& start) {
    Block sum = round(start, to_.sum);
    Block lost;
    for (std::size_t k = from; k < end; ++k) {
      const Block term = add_term(Block{}, k, to_.sum);
      const Block next = add(sum, term, to_.sum);
      const Block part = subtract(next, sum, to_.sum);
      const Block rest = subtract(next, part, to_.sum);
      const Block sum_error = subtract(sum, rest, to_.sum);
      const Block term_error = subtract(term, part, to_.sum);
      lost = add(lost, add(sum_error, term_error, to_.sum), to_.sum);
      sum = next;
    }
    return add(sum, lost, to_.sum);
  }

  Block add_term(const Block& sum, std::size_t k, const Target& to) {
    const double* const a = a_.data() + k * kBlockSide;
    const double* const b = b_.data() + k * kBlockSide;
    Block out;
    if (to_.product) {
      op_.product(to_.product->rounding, a, b, words(*to_.product), out);
      return add(sum, out, to);
    }
    op_.fused(to.rounding, a, b, sum, words(to), out);
    return out;
  }

  Block add(const Block& x, const Block& y, const Target& to) {
    Block out;
    op_.add(to.rounding, x, y, false, words(to), out);
    return out;
  }

  Block subtract(const Block& x, const Block& y, const Target& to) {
    Block out;
    op_.add(to.rounding, x, y, true, words(to), out);
    return out;
  }

  Block round(const Block& x, const Target& to) {
    Block out;
    op_.round(to.rounding, x, words(to), out);
    return out;
  }

  /// The bits of the next rounding: accumulator_draw() of all elements.
  const WordBlock& words(const Target& to) {
    if (to.random_bits == 0) return words_;
    const std::uint64_t groups = (task_.c.cols + kBlockSide - 1) / kBlockSide;
    const AesBlock state = draw_state(task_.stream, draw_count_++ * groups + column_ / kBlockSide);
    for (std::size_t r = 0; r < kBlockSide; ++r) {
      AesBlock block = state;
      for (std::size_t i = 0; i < block.size(); ++i) block[i] ^= keys_[r][i];
      if (!spec_.shared_draws) block = aes_round(block);
      for (std::size_t c = 0; c < kBlockSide; ++c) {
        const auto draw = static_cast<std::uint32_t>(block[2 * c] | block[2 * c + 1] << 8);
        words_.word[r * kBlockSide + c] = draw << (32 - to.random_bits);
      }
    }
    return words_;
  }

  const AccumulatorSpec& spec_;
  const Targets& to_;
  const GemmTask& task_;
  std::span<const double> a_, b_;  ///< k after k, 8 rows or columns
  std::size_t column_;
  BlockOperations op_;
  std::uint64_t draw_count_ = 0;
  AesBlock keys_[kBlockSide] = {};
  WordBlock words_;
};

class Blocks final : public AccumulatedBlocks {
 public:
  Blocks(AccumulatorSpec spec, Targets targets)
      : spec_(std::move(spec)), targets_(std::move(targets)) {
    const auto* rounded = std::get_if<RoundedSum>(&spec_.method);
    if (rounded == nullptr || !rounded->flush) return;
    for (std::size_t i = 0; i < 2; ++i) {
      least_operands_[i] = std::ldexp(1.0, rounded->flush->operand_exponents[i]);
    }
  }

  void run(const GemmTask& task) const override {
    std::vector<double> rows(task.depth * kBlockSide);
    std::vector<double> columns(task.depth * kBlockSide);
    for (std::size_t n = 0; n < task.c.cols; n += kBlockSide) {
      const std::size_t cols = std::min(kBlockSide, task.c.cols - n);
      for (std::size_t k = 0; k < task.depth; ++k) {
        for (std::size_t c = 0; c < cols; ++c) {
          columns[k * kBlockSide + c] = operand(task.right(k, n + c), least_operands_[1]);
        }
      }
      for (std::size_t m = 0; m < task.c.rows; m += kBlockSide) {
        const std::size_t count = std::min(kBlockSide, task.c.rows - m);
        for (std::size_t k = 0; k < task.depth; ++k) {
          for (std::size_t r = 0; r < count; ++r) {
            rows[k * kBlockSide + r] = operand(task.left(m + r, k), least_operands_[0]);
          }
        }
        run_block(task, rows, columns, {m, n}, {count, cols});
      }
    }
  }

 private:
  static double operand(float x, double least) {
    const auto wide = static_cast<double>(x);
    return least > 0 ? flushed(wide, least) : wide;
  }

  struct Pair {
    std::size_t row, column;
  };

  void run_block(const GemmTask& task, std::span<const double> rows,
                 std::span<const double> columns, Pair first, Pair size) const {
    NumberBlock addend;
    for (std::size_t r = 0; r < size.row; ++r) {
      for (std::size_t c = 0; c < size.column; ++c) {
        addend.value[r * kBlockSide + c] =
            static_cast<double>(task.start(first.row + r, first.column + c));
      }
    }
    BlockProduct product(spec_, targets_, task, rows, columns, first.row, first.column);
    const NumberBlock sums = product(addend);
    for (std::size_t r = 0; r < size.row; ++r) {
      float* const c_row = task.c.data + (first.row + r) * task.c.stride + first.column;
      for (std::size_t c = 0; c < size.column; ++c) {
        c_row[c] = static_cast<float>(sums.value[r * kBlockSide + c]);
      }
    }
  }

  AccumulatorSpec spec_;
  Targets targets_;
  double least_operands_[2] = {0, 0};  ///< smaller ones are read as +0; 0: none
};

}  // namespace

std::unique_ptr<AccumulatedBlocks> AccumulatedBlocks::make(const AccumulatorSpec& spec) {
  std::optional<Target> sum;
  if (const auto* rounded = std::get_if<RoundedSum>(&spec.method)) sum = prepare(rounded->sum);
  if (const auto* other = std::get_if<CompensatedSum>(&spec.method)) sum = prepare(other->sum);
  if (!sum) return nullptr;
  const Destination binary32 = std::get<RoundedSum>(binary32_accumulator().method).sum;
  Targets targets{*prepare(binary32), std::move(*sum), {}, {}, {}};
  if (const auto* rounded = std::get_if<RoundedSum>(&spec.method); rounded && rounded->flush) {
    if (rounded->every > 1 || spec.product) return nullptr;
    targets.least = to_double(min_normal(rounded->sum.format));
  }
  if (spec.product) targets.product = prepare(*spec.product);
  if (spec.promotion) targets.outer = prepare(spec.promotion->outer);
  if (spec.result) targets.result = prepare(*spec.result);
  const bool is_complete = targets.product.has_value() == spec.product.has_value() &&
                           targets.outer.has_value() == spec.promotion.has_value() &&
                           targets.result.has_value() == spec.result.has_value();
  if (!is_complete) return nullptr;
  return std::make_unique<Blocks>(spec, std::move(targets));
}

}  // namespace halfulp
