// From a resolved configuration of train_language_model to what sim/nn trains.
#pragma once

#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/trainer.h"

namespace halfulp {

nn::TrainSpec train_spec(const Config& config);

/// What types and ranges cannot say: shapes that divide, a file for data.corpus = "file", patterns
/// that match a layer.
std::vector<ConfigIssue> check_language_model(const Config& config);

/// Every operand's quantizer, the accumulation and everything that is binary32.
std::string language_model_numerics(const Config& config);

}  // namespace halfulp
