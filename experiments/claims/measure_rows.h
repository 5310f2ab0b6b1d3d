// Statistics of rows: pairs, shares, rank correlations.
#pragma once

#include <string>

#include "experiments/claims/claim.h"

namespace halfulp::claims {

// Each throws as measure().
Measurement measure_paired(const Claim& claim, const laws::Table& table, int jobs);
Measurement measure_share(const Claim& claim, const laws::Table& table);
Measurement measure_correlation(const Claim& claim, const laws::Table& table, int jobs);

/// What a request selects, in words; begins with "; " when there is anything.
std::string rows_text(const laws::FitRequest& request);

}  // namespace halfulp::claims
