// [[fit]] of a sweep file: laws fitted to the merged runs.
#pragma once

#include <string>
#include <vector>

#include "experiments/harness/sweep.h"

namespace halfulp::harness {

/// Fits the laws of the sweep to /runs of `results_file`, stores them there as /fits/<name> and
/// returns a table of what they came to; nothing for a sweep without [[fit]]. A fit that fails (too
/// few rows, a column that no run has) is a line of `remarks`. Throws IoError.
std::string fit_sweep(const Sweep& sweep, const std::string& results_file, int jobs,
                      std::vector<std::string>& remarks);

}  // namespace halfulp::harness
