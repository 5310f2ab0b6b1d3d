#include "experiments/kinds/batch_estimates.h"

#include <cmath>

namespace halfulp {

RatioEstimate square_root(const RatioEstimate& estimate) {
  const double root = std::sqrt(estimate.value);
  return {root, root > 0.0 ? estimate.standard_error / (2.0 * root) : 0.0};
}

void add_estimate(std::vector<Metric>& metrics, const std::string& name,
                  const RatioEstimate& estimate, const std::string& units,
                  const std::string& long_name) {
  metrics.push_back({name, estimate.value, units, long_name});
  metrics.push_back({name + "_standard_error", estimate.standard_error, units,
                     "standard error of " + name + " from independent batches"});
}

}  // namespace halfulp
