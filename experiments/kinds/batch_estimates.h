// Means and ratios with standard errors from independent batches.
#pragma once

#include <string>
#include <vector>

#include "experiments/kind.h"
#include "sim/metrics.h"

namespace halfulp {

/// The square root of an estimate, with its standard error to first order.
RatioEstimate square_root(const RatioEstimate& estimate);

/// Adds NAME and NAME_standard_error.
void add_estimate(std::vector<Metric>& metrics, const std::string& name,
                  const RatioEstimate& estimate, const std::string& units,
                  const std::string& long_name);

}  // namespace halfulp
