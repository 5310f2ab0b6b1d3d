// Counters of a training run: what quantization and updates did to each tensor at sampled steps.
//
// For a tensor x of n elements and what it became, q (sums over the elements):
//   saturation_share  share of x that would round to nearest beyond the format's largest or lowest
//                     number under the scale of its unit (IEEE 754's overflow, whatever the
//                     overflow policy makes of it)
//   underflow_share   share of the nonzero x that became 0
//   zero_share        share of x that are 0
//   amax              max |x|
//   scale             of the tensor, where it has one scale: decoded = scale x element
//   kurtosis          n sum x^4 / (sum x^2)^2: 3 for normal, 6 for Laplace
//   sqnr_db           10 log10(sum x^2 / sum (x - q)^2); infinite where q = x
//   unchanged_share   of weights: share of those with a nonzero gradient that kept their bits in
//                     the update
// Sums are in binary64: sixteen partial sums, partial j adding elements j, j + 16, ... ascending,
// then folded in halves.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/nn/optimizer.h"
#include "sim/nn/step_key.h"
#include "sim/nn/training_task.h"

namespace halfulp::nn {

enum class Counter : std::uint8_t {
  saturation_share,
  underflow_share,
  zero_share,
  amax,
  scale,
  kurtosis,
  sqnr_db,
  unchanged_share,
};

inline constexpr std::size_t kCounters = 8;

struct CounterInfo {
  std::string_view key;  ///< what configurations call it
  std::string_view name, units, long_name;
};

/// By Counter.
const std::array<CounterInfo, kCounters>& counter_table();

/// NaN for what does not apply to a tensor.
using CounterValues = std::array<double, kCounters>;

/// What was counted, one entry for each tensor at each sampled step, in the order of counting.
struct CounterSamples {
  struct Tensor {
    std::string layer;  ///< a linear layer, or the name of a parameter
    std::string role;   ///< "fprop_input", ...; "weight", "gradient", "first_moment", ...
    friend bool operator==(const Tensor&, const Tensor&) = default;
  };

  std::vector<Tensor> tensors;
  std::vector<std::int64_t> steps;    ///< updates made before
  std::vector<std::int64_t> indices;  ///< into tensors
  std::vector<CounterValues> values;
  friend bool operator==(const CounterSamples&, const CounterSamples&) = default;
};

/// Counters of x alone: zero_share, amax, kurtosis.
CounterValues count_values(std::span<const float> x);

/// Counters of a quantized operand. All of its matrices are dense.
CounterValues count_quantized(const QuantizedOperand& operand);

/// Counts the update that TrainingLoop::advance() makes with it. Changes no bit of training.
class CounterRecorder {
 public:
  CounterRecorder();
  CounterRecorder(const CounterRecorder&) = delete;
  CounterRecorder& operator=(const CounterRecorder&) = delete;

  /// What the update of `step` passes to its layers.
  const QuantizationObserver* begin_step(std::int64_t step);
  /// Gradients are there, weights as they were.
  void before_update(TrainingTask& task);
  void after_update(TrainingTask& task, Optimizer& optimizer);

  const CounterSamples& samples() const { return samples_; }

  /// Of a run that is resumed.
  void set_samples(CounterSamples samples) { samples_ = std::move(samples); }

 private:
  void add(std::string_view layer, std::string_view role, const CounterValues& values);

  QuantizationObserver observer_;
  std::int64_t step_ = 0;
  std::vector<float> weights_before_;
  CounterSamples samples_;
};

}  // namespace halfulp::nn
