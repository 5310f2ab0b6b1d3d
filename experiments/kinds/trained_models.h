// Models trained in binary32, to be used by experiments.
#pragma once

#include <cstdint>

#include "experiments/config.h"
#include "sim/nn/trainer.h"

namespace halfulp {

/// The result of a training run by the keys of model, data and train, with its weights, or how it
/// diverged. A model is trained once in a process and shared by the workers that fork from it.
/// Throws DataError.
const nn::TrainResult& trained_model(const Config& config, std::int64_t seed);

}  // namespace halfulp
