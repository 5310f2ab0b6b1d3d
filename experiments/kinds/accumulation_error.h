// The experiment kind accumulation_error: what an accumulator does to dot products.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind accumulation_error_kind();

}  // namespace halfulp
