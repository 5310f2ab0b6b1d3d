// Verdicts as text, as JSON and as docs/CLAIMS.md.
#pragma once

#include <string>
#include <vector>

#include "experiments/claims/claim.h"

namespace halfulp::claims {

/// A table and the counts of verdicts.
std::string text_report(const std::vector<Evaluated>& claims);

std::string json_report(const std::vector<Evaluated>& claims);

/// The whole document; pictures are those of `figures` (names without ending) that claims name.
std::string markdown_report(const std::vector<Evaluated>& claims,
                            const std::vector<std::string>& figures);

}  // namespace halfulp::claims
