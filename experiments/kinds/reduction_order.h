// Experiment kind reduction_order: trains one transformer in binary32, lets it continue prompts
// greedily under several orders of addition, and reports where the outputs part.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind reduction_order_kind();

}  // namespace halfulp
