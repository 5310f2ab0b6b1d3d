// Weights of another run to start from: the key train.initial_weights.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/training_task.h"

namespace halfulp {

/// Laid out as task.weights(); null where the key is empty. The file is read once in a process (and
/// by the workers that it forks not again). Throws DataError, naming the tensor, when the file has
/// not exactly the tensors of the model: rows x cols, or cols for a single row.
std::shared_ptr<const std::vector<float>> initial_weights(const Config& config,
                                                          nn::TrainingTask& task);

/// Checksum of the file; empty where the key is.
std::string initial_weights_checksum(const Config& config);

}  // namespace halfulp
