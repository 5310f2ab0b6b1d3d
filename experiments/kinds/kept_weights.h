// Weights that a training run passes by: the key train.keep_weights_at, and what says which
// training they are of.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "experiments/kind.h"
#include "sim/nn/training_task.h"

namespace halfulp {

std::span<const Field> kept_weights_fields();

/// Points that are no positive numbers or lie beyond the end of the training.
std::vector<ConfigIssue> check_kept_weights(const Config& config);

/// Updates after which weights are kept.
std::set<std::int64_t> kept_updates(const Config& config);

/// Everything that the weights of a run depend on, one "key=value" a line: model.*, data.*,
/// train.*, precision.*, the seed and checksums of what is read. How a run is evaluated and stored
/// is not among it, so any sweep that trains this model can have trained it.
std::string training_identity(const Config& config, std::int64_t seed,
                              const std::string& corpus_checksum);

/// What of a run's weights is kept.
struct KeepPlan {
  std::set<std::int64_t> updates = {};  ///< after which they are kept
  double bytes_per_update = 0.0, parameters = 0.0;
  std::map<std::string, std::string> metadata = {};  ///< of every file
};

/// The plan of train.keep_weights_at.
KeepPlan keep_plan(const Config& config, std::int64_t seed, const std::string& corpus_checksum);

/// Stores the weights of `task`, which has made this many updates, where the plan has a point.
void keep_weights(const KeepPlan& plan, std::int64_t updates, nn::TrainingTask& task,
                  RunObserver& observer);

/// Whether every point up to `updates` has been stored, so that a run may go on from there.
bool has_kept_until(const KeepPlan& plan, std::int64_t updates, RunObserver& observer);

}  // namespace halfulp
