// The experiment kind gemm_error: matrix products under an accumulator against exact ones.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind gemm_error_kind();

}  // namespace halfulp
