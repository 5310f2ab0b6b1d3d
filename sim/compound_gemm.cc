#include "sim/rounded_gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/compound_gemm.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/compound_kernels-inl.h"
#include "sim/rounded_driver-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

#if HALFULP_ROUNDS_IN_INSTRUCTION

template <class Sum>
ChainKernel KernelOf() {
  ChainKernel kernel = {kCompoundRows, kCompoundVectors, RunCompound<Sum, false>,
                        RunCompound<Sum, true>};
  kernel.whole_depth = true;
  return kernel;
}

template <class RoundProduct, class RoundSum>
ChainKernel ProductKernel() {
  constexpr int kRows = 6;
  using Rule = RoundedProductRule<RoundProduct, RoundSum>;
  return {kRows, kCompoundVectors, RunChain<Rule, false, kRows, kCompoundVectors>,
          RunChain<Rule, true, kRows, kCompoundVectors>};
}

template <class Round>
ChainKernel FindCompound(const ChainPlan& plan) {
  if (plan.rule == ChainRule::kahan) return KernelOf<KahanSum<Round>>();
  if (plan.rule == ChainRule::two_sum) return KernelOf<ErrorSum<Round>>();
  if (plan.rule == ChainRule::pairwise) return KernelOf<PairwiseSum<Round>>();
  if (plan.rule == ChainRule::interleaved) return KernelOf<InterleavedSum<Round>>();
  if (plan.product_precision == kBinary32Precision) {
    return ProductKernel<RoundedToBinary32, Round>();
  }
  return plan.product_precision <= kSelfRoundingPrecision ? ProductKernel<RoundedByMean, Round>()
                                                          : ProductKernel<NearestOddRule, Round>();
}

bool HasCompound() { return true; }

void RunCompoundSums(const ChainPlan& plan, const GemmTask& task, ChainWorkspace& work) {
  const ChainKernel kernel = plan.precision <= kSelfRoundingPrecision
                                 ? FindCompound<RoundedByMean>(plan)
                                 : FindCompound<NearestOddRule>(plan);
  ChainProduct(plan, kernel, task, work).run([](const ChainBlock& /*block*/) {
    return DrawLines{};
  });
}

#else

bool HasCompound() { return false; }

void RunCompoundSums(const ChainPlan& /*plan*/, const GemmTask& /*task*/,
                     ChainWorkspace& /*work*/) {}

#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(HasCompound);
HWY_EXPORT(RunCompoundSums);

}  // namespace

bool has_compound_kernels() { return HWY_DYNAMIC_DISPATCH(HasCompound)(); }

void compound_gemm(const ChainPlan& plan, const GemmTask& task) {
  static thread_local ChainWorkspace workspace;
  HWY_DYNAMIC_DISPATCH(RunCompoundSums)(plan, task, workspace);
}

}  // namespace halfulp

#endif  // HWY_ONCE
