// The training run of an experiment kind: from the weights it starts from or the checkpoint of an
// interrupted process to the result, with checkpoints and counters on the way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "experiments/kind.h"
#include "experiments/kinds/kept_weights.h"
#include "sim/nn/training_loop.h"

namespace halfulp {

struct TrainingRun {
  nn::TrainResult result;
  CounterTable counters;
};

/// Trains `task`; `inputs` says what else the run depends on (numerics, checksums of data), so that
/// a checkpoint is used for the same inputs only. The keys are those of checkpoint_fields(). The
/// result is the same bits whether the run was interrupted or not. Throws DataError for initial
/// weights that do not fit, IoError when weights of `keep` cannot be stored.
TrainingRun run_training(const Config& config, std::int64_t seed, nn::LoopSpec spec,
                         nn::TrainingTask& task, const StopRules& stop, const std::string& inputs,
                         RunObserver& observer, const KeepPlan& keep = {});

/// How a run ended, and `metrics`, `curves` and `facts` with what every training run reports after
/// them: its updates, the checksum of the weights it started from, its counters.
RunResult training_outcome(const Config& config, TrainingRun&& run, std::vector<Metric> metrics,
                           std::vector<Curve> curves, decltype(RunResult::facts) facts = {});

/// The counters that the configuration asks for.
CounterTable counter_table_of(const Config& config, const nn::CounterSamples& samples);

}  // namespace halfulp
