#include "sim/accumulated_gemm.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "formats/accumulator_spec.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "sim/accumulated_blocks.h"
#include "sim/accumulated_reference.h"
#include "sim/aligned_sums.h"
#include "sim/aligned_vector.h"
#include "sim/exact_sums.h"
#include "sim/gemm.h"
#include "sim/gemm_task.h"
#include "sim/integer_sums.h"
#include "sim/rounded_gemm.h"
#include "sim/rounded_plan.h"
#include "sim/rounder.h"

namespace halfulp {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw SpecError(message, 1); }

void check_draws(const Destination& to) {
  constexpr int kDrawBits = 16;
  if (to.rounding.rounding == Rounding::stochastic && to.rounding.random_bits > kDrawBits) {
    refuse("matrix products round with at most 16 random bits: use stochastic(16)");
  }
}

void check_spec(const AccumulatorSpec& spec) {
  check_accumulator(spec);
  check_draws(sum_destination(spec));
  if (spec.product) check_draws(*spec.product);
  if (spec.promotion) check_draws(spec.promotion->outer);
  if (spec.result) check_draws(*spec.result);
  if (!fits_binary32(last_destination(spec).format)) {
    refuse("results in " + to_spec(last_destination(spec).format) +
           " do not fit the binary32 arrays of matrix products: round them last, as in "
           "result(binary32)");
  }
}

void multiply_by(float factor, ConstMatrix in, Matrix out) {
  for (std::size_t r = 0; r < in.rows; ++r) {
    const float* const from = in.data + r * in.stride;
    float* const to = out.data + r * out.stride;
    for (std::size_t c = 0; c < in.cols; ++c) to[c] = from[c] * factor;
  }
}

/// Sums of numbers too small for the kernels: ChainPlan::shift.
void run_shifted(const ChainPlan& plan, GemmTask task) {
  static thread_local AlignedVector<float> shifted;
  const std::size_t size = task.a.rows * task.a.cols;
  if (shifted.size() < size) shifted.resize(size);
  const Matrix a = {shifted.data(), task.a.rows, task.a.cols, task.a.cols};
  multiply_by(std::ldexp(1.0F, plan.shift), task.a, a);
  task.a = a;
  rounded_gemm(plan, task);
  multiply_by(std::ldexp(1.0F, -plan.shift), task.c, task.c);
}

}  // namespace

struct AccumulatedGemm::Impl {
  AccumulatorSpec spec;
  bool is_binary32_chain;
  std::optional<Rounder> start;     ///< where a kernel of rounded_gemm.h may run
  std::optional<ChainPlan> unseen;  ///< where it may without a look at operands

  std::unique_ptr<AccumulatedBlocks> blocks;  ///< null where the definition has to do

  /// By those kernels, where they are proved to give the same bits. They run where nothing
  /// overflows, so that a report stays as it is.
  bool run_chain(const GemmTask& task) const {
    if (!start) return false;
    const bool is_unseen = unseen && task.addend.data == nullptr && task.depth > 0;
    if (is_unseen && rounded_gemm_unseen(*unseen, task)) return true;
    const std::optional<ChainPlan> plan = plan_of(task);
    if (!plan || task.depth == 0 || !has_rounded_kernel(plan->rule)) return false;
    for (std::size_t m = 0; task.addend.data != nullptr && m < task.c.rows; ++m) {
      start->round(task.addend.data + m * task.addend.stride, task.c.data + m * task.c.stride,
                   task.c.cols);
    }
    if (plan->shift > 0) {
      run_shifted(*plan, task);
    } else {
      rounded_gemm(*plan, task);
    }
    return true;
  }

  std::optional<ChainPlan> plan_of(const GemmTask& task) const {
    const OperandFacts addend =
        task.addend.data != nullptr ? operand_facts(task.addend) : OperandFacts{};
    const OperandFacts a = operand_bounds(task.a);
    const OperandFacts b = operand_bounds(task.b);
    const auto plan = plan_chain(spec, a, b, addend, task.depth);
    if (plan && !may_gain_by_facts(*plan, a, b)) return plan;
    return plan_chain(spec, operand_facts(task.a), operand_facts(task.b), addend, task.depth);
  }

  /// By the kernels for aligned, integer and exact sums.
  bool run_wide_sum(const GemmTask& task) const {
    const auto* rounded = std::get_if<RoundedSum>(&spec.method);
    const bool is_other = rounded != nullptr
                              ? !std::holds_alternative<IntegerFormat>(rounded->sum.format)
                              : std::holds_alternative<CompensatedSum>(spec.method);
    if (is_other) return false;
    const OperandFacts a = operand_facts(task.a);
    const OperandFacts b = operand_facts(task.b);
    if (rounded != nullptr) return accumulate_integers(spec, task, a, b);
    return accumulate_aligned(spec, task, a, b) || accumulate_exact(spec, task, a, b);
  }

  void run(const GemmTask& task) const {
    if (task.c.rows == 0 || task.c.cols == 0) return;
    if (is_binary32_chain && task.addend.data == nullptr && task.report == nullptr) {
      if (task.a_transposed) {
        gemm_tn(task.a, task.b, task.c);
      } else {
        (task.b_transposed ? gemm_nt : gemm_nn)(task.a, task.b, task.c);
      }
      return;
    }
    if (run_wide_sum(task) || run_chain(task)) return;
    if (blocks && task.report == nullptr) {
      blocks->run(task);
      return;
    }
    accumulated_reference(spec, task);
  }
};

AccumulatedGemm::AccumulatedGemm(const AccumulatorSpec& spec) {
  check_spec(spec);
  std::optional<Rounder> start;
  if (const std::optional<Destination> to = chain_start(spec)) {
    RoundSpec rounding = to->rounding;
    // Kernels start from numbers of the format only, then.
    if (rounding.random_bits > 0) rounding = {Rounding::nearest_even, rounding.overflow};
    start.emplace(to->format, rounding);
  }
  impl_ = std::make_unique<Impl>(Impl{spec, spec == binary32_accumulator(), std::move(start),
                                      plan_unseen(spec), AccumulatedBlocks::make(spec)});
}

AccumulatedGemm::~AccumulatedGemm() = default;
AccumulatedGemm::AccumulatedGemm(AccumulatedGemm&&) noexcept = default;
AccumulatedGemm& AccumulatedGemm::operator=(AccumulatedGemm&&) noexcept = default;

const AccumulatorSpec& AccumulatedGemm::spec() const { return impl_->spec; }

bool AccumulatedGemm::is_binary32_chain() const { return impl_->is_binary32_chain; }

void AccumulatedGemm::nn(ConstMatrix a, ConstMatrix b, Matrix c, ConstMatrix addend,
                         const RandomStream& stream, AccumulatorReport* report,
                         std::uint64_t first_row) const {
  impl_->run({a, b, c, addend, a.cols, false, false, stream, report, first_row});
}

void AccumulatedGemm::nt(ConstMatrix a, ConstMatrix b, Matrix c, ConstMatrix addend,
                         const RandomStream& stream, AccumulatorReport* report,
                         std::uint64_t first_row) const {
  impl_->run({a, b, c, addend, a.cols, false, true, stream, report, first_row});
}

void AccumulatedGemm::tn(ConstMatrix a, ConstMatrix b, Matrix c, ConstMatrix addend,
                         const RandomStream& stream, AccumulatorReport* report,
                         std::uint64_t first_row) const {
  impl_->run({a, b, c, addend, a.rows, true, false, stream, report, first_row});
}

}  // namespace halfulp
