// [claim.statistic] of experiments/claims.toml.
#pragma once

#include "experiments/claims/claim.h"
#include "experiments/harness/toml_tree.h"

namespace halfulp::harness {

/// Reads the table into claim.statistic and checks what can be checked without rows: kinds, laws,
/// the syntax of formulas and conditions, what belongs together.
void read_statistic(const TomlNode& table, claims::Claim& claim, Diagnostics& diagnostics);

}  // namespace halfulp::harness
