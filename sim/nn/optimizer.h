// Optimizers: from gradients to weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/nn/model_config.h"
#include "sim/nn/saved_state.h"

namespace halfulp::nn {

struct OptimizerSpec {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0.1;
};

struct UpdateStep {
  std::uint64_t seed = 0;
  std::int64_t step = 0;        ///< 0-based number of this update
  double learning_rate = 0.0;   ///< of the schedule; each parameter has a factor to it
  double gradient_scale = 1.0;  ///< from clipping and loss scaling
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual void update(const UpdateStep& step, std::span<float> weights,
                      std::span<const float> gradients) = 0;
  /// Moments and counters, under names that start with "optimizer.".
  virtual void visit_state(StateVisitor& visitor) = 0;
};

/// For weights laid out as `parameters`, which must outlive it.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerSpec& spec,
                                          const std::vector<Parameter>& parameters);

}  // namespace halfulp::nn
