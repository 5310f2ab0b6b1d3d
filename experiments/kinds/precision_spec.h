// From the keys precision.* to a model's numerics, and their complete description.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/model_config.h"
#include "sim/nn/numerics.h"

namespace halfulp {

/// Format and rounding of a function's operations: a quantizer without scale, with infinity where
/// the format has one; none for binary32.
std::optional<Destination> function_destination(const Config& config, const char* key);

nn::ModelNumerics model_numerics(const Config& config);

/// Formats and accumulators that cannot be used where they are named, and patterns that match none
/// of `layers`.
std::vector<ConfigIssue> check_precision(const Config& config,
                                         const std::vector<std::string>& layers,
                                         std::size_t blocks);

/// The same for the layers of `model`, attention's products among them.
std::vector<ConfigIssue> check_precision(const Config& config, const nn::ModelConfig& model);

/// Every operand's quantizer, the accumulation and everything that is binary32.
std::string numerics_text(const nn::ModelNumerics& numerics);

}  // namespace halfulp
