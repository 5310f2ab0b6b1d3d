#include "sim/exact_sums.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "sim/odd_rounder.h"
#include "sim/sum_stages.h"
#include "sim/window_sums.h"

namespace halfulp {

namespace {

/// Windows for all products and the addend. A promoted sum starts from zero, so that more is
/// provided for than there is.
std::optional<Windows> windows_of(const GemmTask& task, const OperandFacts& a,
                                  const OperandFacts& b, const OperandFacts& addend) {
  const bool has_products = !a.is_zero && !b.is_zero;
  const int top = has_products ? a.largest_exponent + b.largest_exponent + 2 : 0;
  const int bottom = has_products ? a.quantum_exponent + b.quantum_exponent : top;
  const bool has_addend = !addend.is_zero;
  return find_windows(has_addend ? std::max(top, addend.largest_exponent + 1) : top,
                      has_addend ? std::min(bottom, addend.quantum_exponent) : bottom,
                      task.depth + 1);
}

}  // namespace

bool accumulate_exact(const AccumulatorSpec& spec, const GemmTask& task, const OperandFacts& a,
                      const OperandFacts& b) {
  const auto* method = std::get_if<ExactAccumulation>(&spec.method);
  if (method == nullptr || method->every != 0 || spec.product || task.report != nullptr)
    return false;
  const Rounding rounding = method->sum.rounding.rounding;
  // Toward negative, the sign of a sum of zeros depends on the signs of its terms; so it does where
  // there is a minus zero to start from.
  if (rounding == Rounding::stochastic || rounding == Rounding::toward_negative) return false;
  if (method->sum.rounding.overflow == Overflow::error || !can_run_stages(spec)) return false;
  OperandFacts addend;
  if (task.addend.data != nullptr) addend = operand_facts(task.addend);
  if (!a.is_finite || !b.is_finite || !addend.is_finite || addend.has_negative_zero) return false;
  const auto windows = windows_of(task, a, b, addend);
  if (!windows) return false;
  const OddRounder rounder(method->sum);
  const auto sums = [&](const GemmTask& part, const SumSink& sink) {
    const auto rounded = [&](std::size_t row, std::size_t column, double* values,
                             std::size_t count) {
      rounder.round(values, count);
      sink(row, column, values, count);
    };
    run_oriented(part, rounded, [&](const GemmTask& task_to_run, const SumSink& to, bool) {
      const auto start = [&](std::size_t row, std::size_t column, double* starts,
                             std::size_t count) {
        load_addend(task_to_run, row, column, starts, count);
      };
      window_sums(task_to_run, *windows, start, to);
    });
  };
  run_stages(spec, task, sums);
  return true;
}

}  // namespace halfulp
