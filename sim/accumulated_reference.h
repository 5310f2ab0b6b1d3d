// Matrix products under an accumulator by their definition, element by element: what no kernel
// covers, and what kernels are tested against.
#pragma once

#include "formats/accumulator.h"
#include "sim/gemm_task.h"

namespace halfulp {

/// Every element of C by accumulate() (formats/accumulate.h), with the random bits of
/// accumulator_draws.h. Throws OverflowError under Overflow::error, naming row and column.
void accumulated_reference(const AccumulatorSpec& spec, const GemmTask& task);

}  // namespace halfulp
