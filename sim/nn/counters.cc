#include "sim/nn/counters.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "sim/metrics.h"

namespace halfulp::nn {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kLanes = 16;

CounterValues no_values() {
  CounterValues values;
  values.fill(kNan);
  return values;
}

double& at(CounterValues& values, Counter counter) {
  return values[static_cast<std::size_t>(counter)];
}

double share(std::size_t part, std::size_t whole) {
  return whole == 0 ? kNan : static_cast<double>(part) / static_cast<double>(whole);
}

/// Sixteen partial sums of binary64.
struct LaneSums {
  double lanes[kLanes] = {};

  double total() const {
    double folded[kLanes];
    std::copy_n(lanes, kLanes, folded);
    for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
      for (std::size_t j = 0; j < width; ++j) folded[j] += folded[j + width];
    }
    return folded[0];
  }
};

struct Moments {
  LaneSums squares, fourths;
  std::size_t zeros = 0;
  float amax = 0.0F;
};

/// Adds up to sixteen elements, each to its lane.
void add(Moments& moments, const float* x, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    const double square = static_cast<double>(x[j]) * static_cast<double>(x[j]);
    moments.squares.lanes[j] += square;
    moments.fourths.lanes[j] += square * square;
    moments.zeros += x[j] == 0.0F ? 1U : 0U;
    const float magnitude = std::fabs(x[j]);
    moments.amax = magnitude > moments.amax ? magnitude : moments.amax;
  }
}

Moments moments_of(const float* x, std::size_t n) {
  Moments moments;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) add(moments, x + i, kLanes);
  add(moments, x + i, n - i);
  return moments;
}

CounterValues values_of(const Moments& moments, std::size_t n) {
  CounterValues values = no_values();
  if (n == 0) return values;
  const double squares = moments.squares.total();
  at(values, Counter::zero_share) = share(moments.zeros, n);
  at(values, Counter::amax) = static_cast<double>(moments.amax);
  at(values, Counter::kurtosis) =
      static_cast<double>(n) * moments.fourths.total() / (squares * squares);
  return values;
}

double error_squares(const float* x, const float* q, std::size_t n) {
  LaneSums sums;
  const auto add_error = [&](std::size_t i, std::size_t count) {
    for (std::size_t j = 0; j < count; ++j) {
      const double difference = static_cast<double>(q[i + j]) - static_cast<double>(x[i + j]);
      sums.lanes[j] += difference * difference;
    }
  };
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) add_error(i, kLanes);
  add_error(i, n - i);
  return sums.total();
}

std::size_t count_flushed(const float* x, const float* q, std::size_t n) {
  std::uint64_t flushed = 0;
  for (std::size_t i = 0; i < n; ++i) flushed += (x[i] != 0.0F) & (q[i] == 0.0F) ? 1U : 0U;
  return flushed;
}

/// Of n elements under one scale.
std::size_t count_beyond(const float* x, std::size_t n, float low, float high) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < n; ++i) count += (x[i] > high) | (x[i] < low) ? 1U : 0U;
  return count;
}

/// Of n elements under a scale each.
std::size_t count_beyond(const float* x, const float* scales, std::size_t n, float low,
                         float high) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    count += (x[i] > high * scales[i]) | (x[i] < low * scales[i]) ? 1U : 0U;
  }
  return count;
}

std::size_t count_saturated(const QuantizedOperand& operand) {
  const ConstMatrix& x = operand.before;
  std::size_t count = 0;
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* row = x.data + r * x.stride;
    const float* scales = operand.scales.data + r / operand.unit_rows * operand.scales.stride;
    if (operand.unit_cols == 1) {
      count += count_beyond(row, scales, x.cols, operand.low, operand.high);
      continue;
    }
    for (std::size_t c = 0, unit = 0; c < x.cols; c += operand.unit_cols, ++unit) {
      const std::size_t n = std::min(operand.unit_cols, x.cols - c);
      count += count_beyond(row + c, n, operand.low * scales[unit], operand.high * scales[unit]);
    }
  }
  return count;
}

/// The optimizer's moments, where they are laid out as the weights.
class MomentFinder final : public StateVisitor {
 public:
  explicit MomentFinder(std::size_t size) : size_(size) {}

  void visit(std::string_view name, std::span<float> values) override {
    if (values.size() != size_) return;
    if (name == "optimizer.m") first = values;
    if (name == "optimizer.v") second = values;
  }

  void visit(std::string_view, std::span<double>) override {}

  void visit(std::string_view, std::span<std::int64_t>) override {}

  std::span<float> first, second;

 private:
  std::size_t size_;
};

std::span<const float> part(std::span<const float> all, const Parameter& parameter) {
  return all.subspan(parameter.offset, parameter.size());
}

double unchanged_share(std::span<const float> before, std::span<const float> after,
                       std::span<const float> gradient) {
  std::size_t pushed = 0, unchanged = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const bool counts = gradient[i] != 0.0F;
    const bool is_same =
        std::bit_cast<std::uint32_t>(before[i]) == std::bit_cast<std::uint32_t>(after[i]);
    pushed += counts ? 1U : 0U;
    unchanged += counts && is_same ? 1U : 0U;
  }
  return share(unchanged, pushed);
}

}  // namespace

const std::array<CounterInfo, kCounters>& counter_table() {
  static const std::array<CounterInfo, kCounters> table = {{
      {"saturation", "saturation_share", "1", "share of elements beyond the range of the format at its scale"},
      {"underflow", "underflow_share", "1", "share of nonzero elements that became zero"},
      {"zero", "zero_share", "1", "share of elements that are zero before quantization"},
      {"amax", "amax", "1", "largest magnitude before quantization"},
      {"scale", "scale", "1", "scale of the tensor: decoded = scale x element"},
      {"kurtosis", "kurtosis", "1", "mean x^4 / (mean x^2)^2 before quantization"},
      {"sqnr", "sqnr_db", "dB", "signal to quantization noise ratio"},
      {"unchanged", "unchanged_share", "1", "share of weights with a gradient that the update did not change"},
  }};
  return table;
}

CounterValues count_values(std::span<const float> x) {
  return values_of(moments_of(x.data(), x.size()), x.size());
}

CounterValues count_quantized(const QuantizedOperand& operand) {
  const float* x = operand.before.data;
  const std::size_t n = operand.before.rows * operand.before.cols;
  const Moments moments = moments_of(x, n);
  CounterValues values = values_of(moments, n);
  if (n == 0) return values;
  const float* q = operand.after.data;
  at(values, Counter::saturation_share) = share(count_saturated(operand), n);
  at(values, Counter::underflow_share) = share(count_flushed(x, q, n), n - moments.zeros);
  at(values, Counter::sqnr_db) = to_db(error_squares(x, q, n) / moments.squares.total());
  if (operand.scales.rows == 1 && operand.scales.cols == 1) {
    at(values, Counter::scale) = static_cast<double>(operand.scales.data[0]);
  }
  return values;
}

CounterRecorder::CounterRecorder()
    : observer_([this](const QuantizedOperand& operand) {
        add(operand.layer, operand.operand, count_quantized(operand));
      }) {}

const QuantizationObserver* CounterRecorder::begin_step(std::int64_t step) {
  step_ = step;
  return &observer_;
}

void CounterRecorder::before_update(TrainingTask& task) {
  const std::span<float> weights = task.weights();
  weights_before_.assign(weights.begin(), weights.end());
}

void CounterRecorder::after_update(TrainingTask& task, Optimizer& optimizer) {
  MomentFinder moments(task.weights().size());
  optimizer.visit_state(moments);
  for (const Parameter& parameter : task.parameters()) {
    const auto before = part(weights_before_, parameter);
    const auto gradient = part(task.gradients(), parameter);
    CounterValues values = count_values(before);
    at(values, Counter::unchanged_share) =
        unchanged_share(before, part(task.weights(), parameter), gradient);
    add(parameter.name, "weight", values);
    add(parameter.name, "gradient", count_values(gradient));
    if (!moments.first.empty()) {
      add(parameter.name, "first_moment", count_values(part(moments.first, parameter)));
    }
    if (!moments.second.empty()) {
      add(parameter.name, "second_moment", count_values(part(moments.second, parameter)));
    }
  }
}

void CounterRecorder::add(std::string_view layer, std::string_view role,
                          const CounterValues& values) {
  auto& tensors = samples_.tensors;
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& tensor) {
    return tensor.layer == layer && tensor.role == role;
  });
  const auto index = found - tensors.begin();
  if (found == tensors.end()) tensors.push_back({std::string(layer), std::string(role)});
  samples_.steps.push_back(step_);
  samples_.indices.push_back(index);
  samples_.values.push_back(values);
}

}  // namespace halfulp::nn
