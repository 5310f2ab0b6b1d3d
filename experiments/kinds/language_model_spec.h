// From a resolved configuration of train_language_model to what sim/nn trains.
#pragma once

#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/trainer.h"

namespace halfulp {

nn::TrainSpec train_spec(const Config& config);

/// The same with every operand in binary32 and evaluation at its defaults; needs only the keys of
/// model, data and train.
nn::TrainSpec binary32_train_spec(const Config& config);

/// The keys of model, data and train with their values: equal for equal training runs of one seed.
std::string training_key(const Config& config);

/// Weights of the blocks' linear layers, in the order the layers run forward.
std::vector<nn::Parameter> block_layers(const nn::ModelConfig& model);

/// Estimated work of a training run with its evaluations, seconds on one core.
double training_seconds(const nn::TrainSpec& spec);

/// What types and ranges cannot say: check_model_and_data() and check_precision().
std::vector<ConfigIssue> check_language_model(const Config& config);

/// Every operand's quantizer, the accumulation and everything that is binary32.
std::string language_model_numerics(const Config& config);

}  // namespace halfulp
