// Products under an exact accumulator (Kulisch accumulator, quire), rounded once.
#pragma once

#include "formats/accumulator.h"
#include "sim/gemm_task.h"

namespace halfulp {

/// task.c under `spec`, bit for bit as accumulate() (formats/accumulate.h). `a` and `b` are the
/// facts of the operands. False, with C untouched, where this is not proved: another method,
/// rounded products, stochastic rounding, counts or errors of overflows, operands that are not
/// finite or whose products spread over more than four windows of bits (window_sums.h).
bool accumulate_exact(const AccumulatorSpec& spec, const GemmTask& task, const OperandFacts& a,
                      const OperandFacts& b);

}  // namespace halfulp
