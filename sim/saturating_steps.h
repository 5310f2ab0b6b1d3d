// Integer sums that saturate after every addition, by instructions made for it.
#pragma once

#include "sim/gemm_task.h"
#include "sim/sum_stages.h"

namespace halfulp {

/// Whether there are such instructions for sums of so many bits (two's complement, both ends): 16
/// on every SIMD target, 32 under AVX-512 with VNNI.
bool has_saturating_steps(int bits);

/// Sums in sequence. Starts lie in the range; A, B and, for 16 bits, the products fit int16.
void saturating_steps(const GemmTask& task, int bits, const SumStart& start, const SumSink& sink);

}  // namespace halfulp
