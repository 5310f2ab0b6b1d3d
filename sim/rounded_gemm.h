// Matrix products under sums of floats that are rounded after each addition, at full speed.
#pragma once

#include "sim/gemm_task.h"
#include "sim/rounded_plan.h"

namespace halfulp {

/// Whether the SIMD target in use has a kernel for the rule.
bool has_rounded_kernel(ChainRule rule);

/// The product under a plan for its facts. C holds what sums start from, rounded, and becomes the
/// sums.
void rounded_gemm(const ChainPlan& plan, const GemmTask& task);

/// The same for the stochastic rules.
void stochastic_gemm(const ChainPlan& plan, const GemmTask& task);

}  // namespace halfulp
