// From the keys model.* to a model's shape.
#pragma once

#include <vector>

#include "experiments/config.h"
#include "sim/nn/model_config.h"

namespace halfulp {

nn::ModelConfig model_config(const Config& config);

/// What types and ranges cannot say: shapes that divide, a file for data.corpus = "file".
std::vector<ConfigIssue> check_model_and_data(const Config& config);

}  // namespace halfulp
