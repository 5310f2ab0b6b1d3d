#include "sim/nn/training_loop.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "sim/nn/kernels.h"
#include "sim/nn/update_metrics.h"

namespace halfulp::nn {
namespace {

/// Why an update ends the run, or empty. `gradient_norm` is 0 where it says nothing.
std::string divergence(const LoopSpec& spec, double loss, double gradient_norm, std::int64_t step) {
  const std::string at = " at step " + std::to_string(step);
  if (spec.stop_at_non_finite && !std::isfinite(loss)) return "training loss is not finite" + at;
  if (spec.stop_at_non_finite && !std::isfinite(gradient_norm)) {
    return "gradient norm is not finite" + at;
  }
  if (loss > spec.stop_above) {
    return "training loss " + std::to_string(loss) + " above " + std::to_string(spec.stop_above) +
           at;
  }
  return {};
}

}  // namespace

TrainingLoop::TrainingLoop(const LoopSpec& spec, TrainingTask& task, std::uint64_t seed)
    : spec_(spec),
      task_(task),
      seed_(seed),
      optimizer_(make_optimizer(spec.optimizer, task.parameters())),
      loss_scaler_(spec.loss_scale) {
  task_.initialize(seed);
  if (spec_.initial_weights) {
    const std::span<float> weights = task_.weights();
    if (spec_.initial_weights->size() != weights.size()) {
      throw std::invalid_argument("the initial weights are of another model");
    }
    std::copy(spec_.initial_weights->begin(), spec_.initial_weights->end(), weights.begin());
  }
  optimizer_->initialize(seed, task_.weights());
  if (spec_.reference_update >= 0) keep_reference();
}

void TrainingLoop::keep_reference() {
  result_.reference_weights.assign(task_.weights().begin(), task_.weights().end());
}

double TrainingLoop::gradient_norm() const {
  double squares = 0.0;
  for (const Parameter& p : task_.parameters()) {
    squares += kernels<float>().sum_of_squares(task_.gradients().data() + p.offset, p.size());
  }
  return std::sqrt(squares);
}

void TrainingLoop::move_weights(std::int64_t step, double gradient_norm,
                                CounterRecorder* counters) {
  const bool clipped = spec_.clip_norm > 0.0 && gradient_norm > spec_.clip_norm;
  const bool measured = spec_.update_metrics_every > 0 && step % spec_.update_metrics_every == 0;
  UpdateMetrics metrics;
  if (counters != nullptr) counters->before_update(task_);
  optimizer_->update({.seed = seed_,
                      .step = step,
                      .learning_rate = learning_rate(spec_.schedule, step),
                      .gradient_scale = clipped ? spec_.clip_norm / gradient_norm : 1.0,
                      .observer = measured ? &metrics : nullptr},
                     task_.weights(), task_.gradients());
  if (counters != nullptr) counters->after_update(task_, *optimizer_);
  if (!measured) return;
  result_.update_quality.push_back({step, metrics.quality()});
  result_.update_pair_quality.push_back({step, metrics.pair_quality()});
  result_.lost_update_share.push_back({step, metrics.lost_share()});
  result_.second_moment_flushed_share.push_back({step, metrics.flushed_share()});
}

TrainingLoop::Outcome TrainingLoop::update(std::int64_t step, const OperandObserver* observer,
                                           CounterRecorder* counters) {
  const double scale = loss_scaler_.scale();
  StepKey key = {seed_, static_cast<std::uint32_t>(step), observer, scale};
  if (counters != nullptr) key.quantization = counters->begin_step(step);
  const double loss = task_.loss_and_gradient(key);
  if (loss_scaler_.is_active()) result_.loss_scale.push_back({step, scale});
  const bool is_usable = loss_scaler_.unscale(task_.gradients());
  const double norm = gradient_norm();
  if (is_usable) {
    move_weights(step, norm, counters);
  } else {
    ++result_.skipped_updates;
  }
  return {loss, norm, !is_usable};
}

Evaluation TrainingLoop::evaluate() {
  return task_.evaluate(
      {seed_, StepKey::kEvaluation | static_cast<std::uint32_t>(result_.steps_done)});
}

bool TrainingLoop::advance(const OperandObserver* observer, CounterRecorder* counters) {
  const std::int64_t step = result_.steps_done;
  if (step == spec_.reference_update) keep_reference();
  if (spec_.evaluate_every > 0 && step % spec_.evaluate_every == 0) {
    result_.validation.push_back({step, evaluate().loss});
  }
  const Outcome outcome = update(step, observer, counters);
  result_.train_loss.push_back({step, outcome.loss});
  if (!outcome.is_skipped) result_.gradient_norm.push_back({step, outcome.gradient_norm});
  result_.steps_done = step + 1;
  result_.reason =
      divergence(spec_, outcome.loss, outcome.is_skipped ? 0.0 : outcome.gradient_norm, step);
  result_.diverged = !result_.reason.empty();
  return !result_.diverged && result_.steps_done < spec_.schedule.steps;
}

TrainResult TrainingLoop::finish() {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const Evaluation last = result_.diverged ? Evaluation{kNone, kNone} : evaluate();
  result_.validation_loss = last.loss;
  result_.validation_accuracy = last.accuracy;
  result_.validation.push_back({result_.steps_done, result_.validation_loss});
  result_.final_train_loss = mean_of_last_tenth(result_.train_loss);
  result_.weights.assign(task_.weights().begin(), task_.weights().end());
  return std::move(result_);
}

void TrainingLoop::visit_state(StateVisitor& visitor) {
  visitor.visit("loop.updates", std::span<std::int64_t>(&result_.steps_done, 1));
  visitor.visit("loop.skipped_updates", std::span<std::int64_t>(&result_.skipped_updates, 1));
  visitor.visit("weights", task_.weights());
  if (spec_.reference_update >= 0) {
    visitor.visit("reference_weights", std::span<float>(result_.reference_weights));
  }
  loss_scaler_.visit_state(visitor);
  optimizer_->visit_state(visitor);
  task_.visit_state(visitor);
}

void TrainingLoop::visit_curves(const CurveVisitor& visitor) {
  visitor("train_loss", result_.train_loss);
  visitor("validation", result_.validation);
  visitor("gradient_norm", result_.gradient_norm);
  visitor("loss_scale", result_.loss_scale);
  visitor("update_quality", result_.update_quality);
  visitor("update_pair_quality", result_.update_pair_quality);
  visitor("lost_update_share", result_.lost_update_share);
  visitor("second_moment_flushed_share", result_.second_moment_flushed_share);
}

TrainResult train(const LoopSpec& spec, TrainingTask& task, std::uint64_t seed,
                  const StepObserver& progress, const OperandObserver& last_update) {
  TrainingLoop loop(spec, task, seed);
  bool goes_on = spec.schedule.steps > 0;
  while (goes_on) {
    const bool observed = last_update && loop.updates() + 1 == spec.schedule.steps;
    goes_on = loop.advance(observed ? &last_update : nullptr);
    progress(loop.updates(), loop.last_loss());
  }
  return loop.finish();
}

}  // namespace halfulp::nn
