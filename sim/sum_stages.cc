#include "sim/sum_stages.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "formats/properties.h"
#include "sim/odd_rounder.h"

namespace halfulp {

namespace {

constexpr std::size_t kFewColumns = 8;

bool is_plain(const Destination& to) {
  return to.rounding.rounding != Rounding::stochastic && to.rounding.overflow != Overflow::error;
}

/// Whether sums rounded to odd in binary64 can be rounded to the format.
bool fits_odd_sums(const Format& format) {
  constexpr int kMostBits = 51;
  const auto* integer = std::get_if<IntegerFormat>(&format);
  return fits_binary32(format) || (integer != nullptr && integer->bits <= kMostBits);
}

/// The k from `first` on, without an addend.
GemmTask part_of(const GemmTask& task, std::size_t first, std::size_t depth) {
  GemmTask part = task;
  part.a.data += task.a_transposed ? first * task.a.stride : first;
  part.b.data += task.b_transposed ? first : first * task.b.stride;
  (task.a_transposed ? part.a.rows : part.a.cols) = depth;
  (task.b_transposed ? part.b.cols : part.b.rows) = depth;
  part.depth = depth;
  part.addend = {};
  return part;
}

float* element(const GemmTask& task, std::size_t row, std::size_t column) {
  return task.c.data + row * task.c.stride + column;
}

void store(const double* values, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<float>(values[i]);
}

/// The stages after the sums, with what they need at hand.
class Stages {
 public:
  Stages(const AccumulatorSpec& spec, const GemmTask& task) : spec_(spec), task_(task) {
    if (spec.result) result_.emplace(*spec.result);
    if (spec.promotion) outer_.emplace(spec.promotion->outer);
    const Destination& last = spec.promotion ? spec.promotion->outer : sum_destination(spec);
    if (spec.addend_last) last_.emplace(last);
  }

  void run(const RunningSums& sums) {
    if (spec_.promotion) return run_promoted(sums);
    GemmTask whole = task_;
    if (spec_.addend_last) whole.addend = {};
    sums(whole, [this](std::size_t row, std::size_t column, double* values, std::size_t count) {
      finish(row, column, values, count);
    });
  }

 private:
  void run_promoted(const RunningSums& sums) {
    const std::size_t cols = task_.c.cols;
    std::vector<double> outer(task_.c.rows * cols);
    if (!spec_.addend_last) {
      for (std::size_t m = 0; m < task_.c.rows; ++m) {
        load_addend(task_, m, 0, outer.data() + m * cols, cols);
      }
    }
    outer_->round(outer.data(), outer.size());
    const auto interval = static_cast<std::size_t>(spec_.promotion->interval);
    for (std::size_t k = 0; k < task_.depth; k += interval) {
      sums(part_of(task_, k, std::min(interval, task_.depth - k)),
           [&](std::size_t row, std::size_t column, const double* values, std::size_t count) {
             double* const to = outer.data() + row * cols + column;
             for (std::size_t i = 0; i < count; ++i) to[i] = add_to_odd(to[i], values[i]);
             outer_->round(to, count);
           });
    }
    for (std::size_t m = 0; m < task_.c.rows; ++m) finish(m, 0, outer.data() + m * cols, cols);
  }

  void finish(std::size_t row, std::size_t column, double* values, std::size_t count) {
    if (spec_.addend_last) {
      for (std::size_t i = 0; i < count; ++i) {
        values[i] = add_to_odd(values[i], static_cast<double>(task_.start(row, column + i)));
      }
      last_->round(values, count);
    }
    if (spec_.result) result_->round(values, count);
    store(values, count, element(task_, row, column));
  }

  const AccumulatorSpec& spec_;
  GemmTask task_;
  std::optional<OddRounder> outer_, last_, result_;  ///< where there is such a stage
};

}  // namespace

bool can_run_stages(const AccumulatorSpec& spec) {
  if (spec.result && !is_plain(*spec.result)) return false;
  const auto adds_plainly = [](const Destination& to) {
    return is_plain(to) && fits_odd_sums(to.format) &&
           to.rounding.rounding != Rounding::toward_negative;
  };
  if (spec.promotion && !adds_plainly(spec.promotion->outer)) return false;
  return !spec.addend_last || spec.promotion || adds_plainly(sum_destination(spec));
}

void run_stages(const AccumulatorSpec& spec, const GemmTask& task, const RunningSums& sums) {
  Stages(spec, task).run(sums);
}

void run_oriented(const GemmTask& task, const SumSink& sink,
                  const std::function<void(const GemmTask&, const SumSink&, bool)>& product) {
  const std::size_t rows = task.c.rows;
  const std::size_t cols = task.c.cols;
  if (cols >= kFewColumns || rows <= cols) return product(task, sink, false);
  GemmTask other = task;
  other.a = task.b;
  other.b = task.a;
  other.a_transposed = !task.b_transposed;
  other.b_transposed = !task.a_transposed;
  other.c = {task.c.data, cols, rows, rows};
  std::vector<float> addend;
  if (task.addend.data != nullptr) {
    addend.resize(rows * cols);
    for (std::size_t m = 0; m < rows; ++m) {
      for (std::size_t n = 0; n < cols; ++n) addend[n * rows + m] = task.start(m, n);
    }
    other.addend = {addend.data(), cols, rows, rows};
  }
  std::vector<double> sums(rows * cols);
  product(
      other,
      [&](std::size_t row, std::size_t column, const double* values, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) sums[(column + i) * cols + row] = values[i];
      },
      true);
  for (std::size_t m = 0; m < rows; ++m) sink(m, 0, sums.data() + m * cols, cols);
}

void load_addend(const GemmTask& task, std::size_t row, std::size_t column, double* starts,
                 std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    starts[i] = static_cast<double>(task.start(row, column + i));
}

double add_to_odd(double x, double y) {
  const double sum = x + y;
  const double y_part = sum - x;
  const double error = (x - (sum - y_part)) + (y - y_part);
  if (!(error < 0 || error > 0)) return sum;
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  if ((bits & 1) != 0) return sum;
  // The odd neighbour on the exact sum's side: up in magnitude where error and sum agree in sign.
  return std::bit_cast<double>((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
}

}  // namespace halfulp
