// Products under the block fused multiply-add of matrix engines (tensor cores).
#pragma once

#include "formats/accumulator.h"
#include "sim/gemm_task.h"

namespace halfulp {

/// task.c under `spec`, bit for bit as accumulate() (formats/accumulate.h). `a` and `b` are the
/// facts of the operands. False, with C untouched, where this is not proved: another method,
/// rounded products, exact groups of products, stochastic rounding, counts or errors of overflows,
/// operands that are not finite, sums in formats other than floats of 3 to 24 bits precision
/// rounded to nearest even or toward zero, aligned sums of more than 53 bits.
bool accumulate_aligned(const AccumulatorSpec& spec, const GemmTask& task, const OperandFacts& a,
                        const OperandFacts& b);

}  // namespace halfulp
