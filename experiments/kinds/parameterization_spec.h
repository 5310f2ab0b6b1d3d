// From the keys model.parameterization and those around it to a parameterization.
#pragma once

#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/parameterization.h"

namespace halfulp {

nn::ParameterizationSpec parameterization_of(const Config& config);

/// Head and embedding that share weights, clipping of gradients whose size means nothing, decay
/// that leaves no weights, a base that nothing uses.
std::vector<ConfigIssue> check_parameterization(const Config& config);

/// "; parameterization=u_mup, ..." for the numerics string, empty for standard: what changes the
/// values that operands take.
std::string parameterization_text(const Config& config);

}  // namespace halfulp
