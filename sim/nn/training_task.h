// What the training loop trains: a model together with its data.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sim/nn/model_config.h"
#include "sim/nn/saved_state.h"
#include "sim/nn/step_key.h"

namespace halfulp::nn {

struct Evaluation {
  double loss;  ///< mean over the held-out data, in the task's units
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< where the task has classes
};

/// Batches and evaluation data depend on the seed and the step alone, never on the numerics, so
/// runs under different numerics are paired.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  virtual const std::vector<Parameter>& parameters() const = 0;
  /// All parameters at their offsets, with zeros between.
  virtual std::span<float> weights() = 0;
  virtual std::span<float> gradients() = 0;

  /// Weights from the seed alone.
  virtual void initialize(std::uint64_t seed) = 0;

  /// Loss on the batch of (key.seed, key.step), and gradients() = key.loss_scale * d loss / d
  /// weights.
  virtual double loss_and_gradient(const StepKey& key) = 0;

  /// On held-out data, the same for every run; key.is_evaluation().
  virtual Evaluation evaluate(const StepKey& key) = 0;

  /// What training reads one batch of: tokens, images.
  virtual double samples_per_batch() const = 0;

  /// Running statistics of the model that later steps depend on (amax histories, learned scales
  /// outside of weights()); weights are the loop's business.
  virtual void visit_state(StateVisitor&) {}
};

}  // namespace halfulp::nn
