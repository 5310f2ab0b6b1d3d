// From the keys precision.* to a model's numerics, and their complete description.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/model_config.h"
#include "sim/nn/numerics.h"
#include "sim/nn/operand_check.h"

namespace halfulp {

/// Format and rounding of a function's operations: a quantizer without scale, with infinity where
/// the format has one; none for binary32.
std::optional<Destination> function_destination(const Config& config, const char* key);

/// Of all linear layers that nothing else is said of.
nn::LinearNumerics linear_numerics(const Config& config);

/// Everything but the switch, which needs the number of updates: set_switch(). Throws SpecError for
/// lines of precision.layers that cannot be read.
nn::ModelNumerics model_numerics(const Config& config);

/// The keys precision.switch_* for a run of `updates`: the first update with the new operands is
/// the first whose number, counted from 0, is at least the share of the updates.
void set_switch(const Config& config, std::int64_t updates, nn::ModelNumerics& numerics);

/// Formats and accumulators that cannot be used where they are named, and patterns that match none
/// of `layers`.
std::vector<ConfigIssue> check_precision(const Config& config,
                                         const std::vector<std::string>& layers,
                                         std::size_t blocks);

/// The same for the layers of `model`, attention's products among them.
std::vector<ConfigIssue> check_precision(const Config& config, const nn::ModelConfig& model);

/// The fault of an operand under the key that its text is from; `where` comes before the message.
ConfigIssue operand_issue(const Config& config, const nn::OperandFault& fault,
                          const std::string& where = "");

/// Every operand's quantizer, the accumulation and everything that is binary32.
std::string numerics_text(const nn::ModelNumerics& numerics);

}  // namespace halfulp
