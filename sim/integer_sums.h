// Products of integers under an integer accumulator that wraps, saturates or reports overflow.
#pragma once

#include "formats/accumulator.h"
#include "sim/gemm_task.h"

namespace halfulp {

/// task.c under `spec`, bit for bit as accumulate() (formats/accumulate.h); the report gains the
/// elements in which an addition left the range. `a` and `b` are the facts of the operands. False,
/// with C and the report untouched, where this is not proved or has to be told otherwise: operands
/// that are not integers, another method, format or order, products or sums beyond 2^53, an
/// overflow under Overflow::error.
bool accumulate_integers(const AccumulatorSpec& spec, const GemmTask& task, const OperandFacts& a,
                         const OperandFacts& b);

}  // namespace halfulp
