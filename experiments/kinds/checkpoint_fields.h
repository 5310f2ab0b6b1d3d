// The keys of kinds whose runs train: checkpoints, weights to start from, counters.
#pragma once

#include <span>

#include "experiments/config.h"

namespace halfulp {

std::span<const Field> checkpoint_fields();

/// Faults of their values that no type shows.
std::vector<ConfigIssue> check_checkpoint_fields(const Config& config);

}  // namespace halfulp
