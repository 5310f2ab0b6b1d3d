#include "sim/nn/counters.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "sim/metrics.h"
#include "sim/nn/counter_kernels.h"

namespace halfulp::nn {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

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

CounterValues values_of(const OperandSums& sums, std::size_t n) {
  CounterValues values = no_values();
  if (n == 0) return values;
  at(values, Counter::zero_share) = share(sums.zeros, n);
  at(values, Counter::amax) = static_cast<double>(sums.amax);
  at(values, Counter::kurtosis) =
      static_cast<double>(n) * sums.fourths / (sums.squares * sums.squares);
  return values;
}

std::size_t count_saturated(const QuantizedOperand& operand) {
  const ConstMatrix& x = operand.before;
  if (operand.unit_rows >= x.rows && operand.unit_cols >= x.cols) {
    const float scale = operand.scales.data[0];
    return count_beyond(x.data, x.rows * x.cols, operand.low * scale, operand.high * scale);
  }
  std::size_t count = 0;
  std::vector<float> own(x.cols);  // the scale of each element of a row
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* row = x.data + r * x.stride;
    const float* scales = operand.scales.data + r / operand.unit_rows * operand.scales.stride;
    if (operand.unit_cols > 1) {
      for (std::size_t c = 0, unit = 0; c < x.cols; c += operand.unit_cols, ++unit) {
        std::fill_n(own.data() + c, std::min(operand.unit_cols, x.cols - c), scales[unit]);
      }
      scales = own.data();
    }
    count += count_beyond(row, scales, x.cols, operand.low, operand.high);
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
      {"saturation", "saturation_share", "1",
       "share of elements beyond the range of the format at its scale"},
      {"underflow", "underflow_share", "1", "share of nonzero elements that became zero"},
      {"zero", "zero_share", "1", "share of elements that are zero before quantization"},
      {"amax", "amax", "1", "largest magnitude before quantization"},
      {"scale", "scale", "1", "scale of the tensor: decoded = scale x element"},
      {"kurtosis", "kurtosis", "1", "mean x^4 / (mean x^2)^2 before quantization"},
      {"sqnr", "sqnr_db", "dB", "signal to quantization noise ratio"},
      {"unchanged", "unchanged_share", "1",
       "share of weights with a gradient that the update did not change"},
  }};
  return table;
}

CounterValues count_values(std::span<const float> x) {
  return values_of(operand_sums(x.data(), x.data(), x.size()), x.size());
}

CounterValues count_quantized(const QuantizedOperand& operand) {
  const float* x = operand.before.data;
  const std::size_t n = operand.before.rows * operand.before.cols;
  const OperandSums sums = operand_sums(x, operand.after.data, n);
  CounterValues values = values_of(sums, n);
  if (n == 0) return values;
  at(values, Counter::saturation_share) = share(count_saturated(operand), n);
  at(values, Counter::underflow_share) = share(sums.flushed, n - sums.zeros);
  at(values, Counter::sqnr_db) = to_db(sums.errors / sums.squares);
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
