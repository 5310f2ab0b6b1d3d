// From the keys train.* and evaluation.* to the training loop.
#pragma once

#include <cstdint>

#include "experiments/config.h"
#include "sim/nn/model_config.h"
#include "sim/nn/training_loop.h"

namespace halfulp {

/// Updates after which a model has seen this many bytes per block parameter, rounded up.
std::int64_t updates_at(const Config& config, const nn::ModelConfig& model,
                        double tokens_per_parameter);

/// Updates of the whole training.
std::int64_t step_count(const Config& config, const nn::ModelConfig& model);

/// Schedule, optimizer and clipping; needs only the keys train.*.
nn::LoopSpec loop_spec(const Config& config, const nn::ModelConfig& model);

/// The same for a given number of updates.
nn::LoopSpec loop_spec(const Config& config, std::int64_t steps);

}  // namespace halfulp
