// Keys that kinds which train other models than transformers share with train_language_model:
// train.* and precision.*, without those that mean nothing to them.
#pragma once

#include <span>
#include <vector>

#include "experiments/config.h"
#include "experiments/kind.h"
#include "sim/nn/numerics.h"
#include "sim/nn/training_loop.h"

namespace halfulp {

/// `own`, then those of training_fields() and precision_fields() that `own` does not have (so `own`
/// may give another default) and that say nothing of text, attention or embeddings.
std::vector<Field> network_fields(std::span<const Field> own);

/// `config` with every key of precision_fields() that network_fields() leaves out at its default.
Config with_all_precision(const Config& config);

/// Schedule, optimizer, clipping, evaluation and when to stop, for train.steps updates.
nn::LoopSpec network_loop(const Config& config, const StopRules& stop);

}  // namespace halfulp
