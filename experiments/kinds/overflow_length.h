// The experiment kind overflow_length: how long dot products may be before an accumulator
// overflows.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind overflow_length_kind();

}  // namespace halfulp
