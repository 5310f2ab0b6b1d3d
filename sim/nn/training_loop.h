// The training loop: gradient norm, clipping, updates, evaluation, divergence.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/nn/counters.h"
#include "sim/nn/loss_scaler.h"
#include "sim/nn/loss_statistics.h"
#include "sim/nn/optimizer.h"
#include "sim/nn/schedule.h"
#include "sim/nn/training_task.h"

namespace halfulp::nn {

struct LoopSpec {
  ScheduleConfig schedule;
  OptimizerSpec optimizer;
  LossScaleSpec loss_scale;
  double clip_norm = 1.0;                 ///< largest global gradient norm; 0: no clipping
  std::int64_t evaluate_every = 0;        ///< updates between evaluations; 0: only at the end
  std::int64_t update_metrics_every = 0;  ///< updates between measurements of updates; 0: none
  bool stop_at_non_finite = true;
  double stop_above = 1e308;  ///< training loss that counts as diverged
  /// In the place of the task's own, laid out as weights(); null: the task's.
  std::shared_ptr<const std::vector<float>> initial_weights = {};
  /// Updates after which the weights are kept as TrainResult::reference_weights; -1: never.
  std::int64_t reference_update = -1;
};

struct TrainResult {
  bool diverged = false;
  std::string reason;
  std::int64_t steps_done = 0;
  double validation_loss = 0.0;       ///< after the last update; NaN when diverged
  double validation_accuracy = 0.0;   ///< the same; NaN where the task has no classes
  double final_train_loss = 0.0;      ///< mean of the last tenth of the updates
  std::vector<LossPoint> train_loss;  ///< every update
  std::vector<LossPoint> validation;
  std::vector<LossPoint> gradient_norm;  ///< before clipping, every update that is not skipped
  std::vector<LossPoint> loss_scale;     ///< of every update, skipped or not; empty without scaling
  std::int64_t skipped_updates = 0;      ///< whose gradients were not finite under dynamic scaling
  // Of the measured updates: UpdateMetrics.
  std::vector<LossPoint> update_quality, update_pair_quality, lost_update_share;
  std::vector<LossPoint> second_moment_flushed_share;
  std::vector<float> weights;            ///< after the last update, laid out as parameters()
  std::vector<float> reference_weights;  ///< after LoopSpec::reference_update; else empty
};

/// Called with every curve of a run and its name, to write it out or to overwrite it.
using CurveVisitor = std::function<void(std::string_view, std::vector<LossPoint>&)>;

/// Called after every update with the number of updates made and the loss before the last.
using StepObserver = std::function<void(std::int64_t, double)>;

/// One run, update by update: a pure function of (spec, task, seed).
class TrainingLoop {
 public:
  /// Initializes the task's weights. Throws std::invalid_argument for initial weights of another
  /// size.
  TrainingLoop(const LoopSpec& spec, TrainingTask& task, std::uint64_t seed);

  /// One update (and the evaluation before it that is due); false when it was the last or the run
  /// has diverged. `observer` sees the operands of the update, `counters` counts them.
  bool advance(const OperandObserver* observer = nullptr, CounterRecorder* counters = nullptr);

  std::int64_t updates() const { return result_.steps_done; }

  /// Whether there is an update left.
  bool is_finished() const { return updates() >= spec_.schedule.steps; }

  bool has_diverged() const { return result_.diverged; }

  const TrainingTask& task() const { return task_; }

  double last_loss() const { return result_.train_loss.back().loss; }

  /// The last evaluation, and the result.
  TrainResult finish();

  /// Everything that later updates depend on, and the curves so far are not among it.
  void visit_state(StateVisitor& visitor);

  /// The curves so far.
  void visit_curves(const CurveVisitor& visitor);

 private:
  /// The loss of one update, and whether its gradient was usable.
  struct Outcome {
    double loss, gradient_norm;
    bool is_skipped;
  };

  Outcome update(std::int64_t step, const OperandObserver* observer, CounterRecorder* counters);
  void move_weights(std::int64_t step, double gradient_norm, CounterRecorder* counters);
  void keep_reference();
  double gradient_norm() const;
  Evaluation evaluate();

  LoopSpec spec_;
  TrainingTask& task_;
  std::uint64_t seed_;
  std::unique_ptr<Optimizer> optimizer_;
  LossScaler loss_scaler_;
  TrainResult result_;
};

/// The whole run. `last_update` sees the operands of all linear layers in the last update.
TrainResult train(const LoopSpec& spec, TrainingTask& task, std::uint64_t seed,
                  const StepObserver& progress, const OperandObserver& last_update = {});

}  // namespace halfulp::nn
