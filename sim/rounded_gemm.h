// Matrix products under sums of floats that are rounded after each addition, at full speed.
#pragma once

#include <cstdint>

#include "sim/aligned_vector.h"
#include "sim/gemm_task.h"
#include "sim/rounded_plan.h"

namespace halfulp {

/// Buffers that stay from product to product.
struct ChainWorkspace {
  AlignedVector<float> packed, copied, part, tile;
  AlignedVector<std::uint32_t> keys, lines;
};

/// Whether the SIMD target in use has a kernel for the rule.
bool has_rounded_kernel(ChainRule rule);

/// The product under a plan for its facts. Where there is an addend, C holds it, rounded; C becomes
/// the sums.
void rounded_gemm(const ChainPlan& plan, const GemmTask& task);

/// The same under plan_unseen(), without an addend. False where a sum, or a number on the way, was
/// subnormal, rounded below the normal numbers or infinite, or where the target has no marks of
/// that: C is to be computed in another way then.
bool rounded_gemm_unseen(const ChainPlan& plan, const GemmTask& task);

/// The same for the stochastic rules.
void stochastic_gemm(const ChainPlan& plan, const GemmTask& task);

/// Whether the SIMD target in use has kernels for the compound rules, and the product under one.
bool has_compound_kernels();
void compound_gemm(const ChainPlan& plan, const GemmTask& task);

}  // namespace halfulp
