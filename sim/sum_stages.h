// What surrounds the running sums of a product under an accumulator: promotion to an outer sum, an
// addend that comes last, the last rounding. Kernels that give exact running sums share it.
#pragma once

#include <cstddef>
#include <functional>

#include "formats/accumulator.h"
#include "sim/gemm_task.h"

namespace halfulp {

/// Takes the running sums of adjacent elements of one row of C; may write over them.
using SumSink =
    std::function<void(std::size_t row, std::size_t column, double* sums, std::size_t count)>;

/// What the running sums of adjacent elements start from.
using SumStart =
    std::function<void(std::size_t row, std::size_t column, double* starts, std::size_t count)>;

/// Gives the finished running sums of `part` to `sink`, each element once, after the addend of that
/// element was read; part.c is for its shape only. The sums are exact, or rounded as their format
/// says.
using RunningSums = std::function<void(const GemmTask& part, const SumSink& sink)>;

/// Whether run_stages() can do what the spec asks around the running sums: no stochastic rounding,
/// no OverflowError, no sign of a sum of zeros that depends on the rounding, and nothing added in
/// formats beyond binary32 but integers of at most 51 bits.
bool can_run_stages(const AccumulatorSpec& spec);

/// C from running sums, as accumulate() (formats/accumulate.h). The addend may be C itself.
void run_stages(const AccumulatorSpec& spec, const GemmTask& task, const RunningSums& sums);

/// Calls `product` for the task, or where few columns would leave vectors empty for the transposed
/// one, whose rows and columns it swaps back: C^T = B^T A^T.
void run_oriented(
    const GemmTask& task, const SumSink& sink,
    const std::function<void(const GemmTask&, const SumSink&, bool transposed)>& product);

/// The addend, or zeros, of adjacent elements.
void load_addend(const GemmTask& task, std::size_t row, std::size_t column, double* starts,
                 std::size_t count);

/// x + y, rounded to odd: binary32 numbers, or a binary64 number and one of at most 53 bits.
double add_to_odd(double x, double y);

}  // namespace halfulp
