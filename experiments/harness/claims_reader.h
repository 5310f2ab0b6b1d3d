// Reads experiments/claims.toml (docs/CLAIMS.md says what is in it).
#pragma once

#include <string>
#include <vector>

#include "experiments/claims/claim.h"
#include "experiments/harness/diagnostics.h"

namespace halfulp::harness {

/// All claims of a file, in its order; every mistake goes to `diagnostics`. Throws ConfigError
/// when the file cannot be read.
std::vector<claims::Claim> read_claims(const std::string& path, Diagnostics& diagnostics);

/// A mistake that shows itself with the rows, at the place of its key.
void complain_of(const claims::Claim& claim, const ConfigError& error, Diagnostics& diagnostics);

}  // namespace halfulp::harness
