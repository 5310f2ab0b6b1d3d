#include "sim/rounded_gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/rounded_gemm.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/rounded_driver-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

#if HWY_NATIVE_FMA && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

#if HALFULP_ROUNDS_IN_INSTRUCTION
constexpr int kChainRows = 8;
constexpr int kPlainVectors = 4;
#else
constexpr int kChainRows = 5;
constexpr int kPlainVectors = 2;
#endif
constexpr int kChainVectors = 2;
constexpr int kPlainRows = 6;

template <class Rule>
ChainKernel KernelOf() {
  return {kChainRows, kChainVectors, RunChain<Rule, false, kChainRows, kChainVectors>,
          RunChain<Rule, true, kChainRows, kChainVectors>};
}

template <class Round>
ChainKernel FindNearest(ChainRule rule) {
  if (rule == ChainRule::nearest) return KernelOf<NearestRule<Round>>();
  if (rule == ChainRule::every) {
    return {kPlainRows, kPlainVectors,
            RunStretches<PlainRule, RoundEach<Round>, false, kPlainRows, kPlainVectors>,
            RunStretches<PlainRule, RoundEach<Round>, true, kPlainRows, kPlainVectors>};
  }
#if HALFULP_ROUNDS_IN_INSTRUCTION
  if (rule == ChainRule::nearest_mean) {
    ChainKernel kernel = {kChainRows, kChainVectors,
                          RunStretches<MeanRule, Doubled, false, kChainRows, kChainVectors>,
                          RunStretches<MeanRule, Doubled, true, kChainRows, kChainVectors>};
    kernel.doubles = true;
    return kernel;
  }
  if (rule == ChainRule::nearest_guarded) {
    return {kChainRows, kChainVectors, RunGuarded<false, kChainRows, kChainVectors>,
            RunGuarded<true, kChainRows, kChainVectors>};
  }
  if (rule == ChainRule::nearest_odd) return KernelOf<NearestOddRule>();
  if (rule == ChainRule::toward_zero) return KernelOf<TowardZeroRule>();
  if (rule == ChainRule::nearest_away) return KernelOf<NearestAwayRule>();
#endif
  return {};
}

ChainKernel FindKernel(ChainRule rule, int precision) {
  return precision <= kSelfRoundingPrecision ? FindNearest<SelfRounding>(rule)
                                             : FindNearest<MagicRounding>(rule);
}

bool HasRounded(ChainRule rule) {
  if (rule == ChainRule::shared_draws || rule == ChainRule::independent_draws) {
    return HALFULP_ROUNDS_IN_INSTRUCTION;
  }
  return FindKernel(rule, kSelfRoundingPrecision).run != nullptr;
}

void RunRounded(const ChainPlan& plan, const GemmTask& task, ChainWorkspace& work) {
  const ChainKernel kernel = FindKernel(plan.rule, plan.precision);
  ChainProduct(plan, kernel, task, work).run([](const ChainBlock& /*block*/) {
    return DrawLines{};
  });
}

#if HWY_ARCH_X86

/// Numbers of ChainRule::every in range are rounded as in the definition. Others leave marks in
/// MXCSR: sums that are subnormal when they are added to or rounded (denormal operand), products
/// and sums that lose bits below the normal numbers (underflow), overflow, and infinities, which
/// the rounding subtracts from each other. NaN leaves none and is the result in either way.
bool RunUnseen(const ChainPlan& plan, const GemmTask& task, ChainWorkspace& work) {
  constexpr unsigned int kMarks =
      _MM_EXCEPT_INVALID | _MM_EXCEPT_DENORM | _MM_EXCEPT_OVERFLOW | _MM_EXCEPT_UNDERFLOW;
  _mm_setcsr(_mm_getcsr() & ~kMarks);
  RunRounded(plan, task, work);
  return (_mm_getcsr() & kMarks) == 0;
}

#else

bool RunUnseen(const ChainPlan& /*plan*/, const GemmTask& /*task*/, ChainWorkspace& /*work*/) {
  return false;
}

#endif

#else

bool RunUnseen(const ChainPlan& /*plan*/, const GemmTask& /*task*/, ChainWorkspace& /*work*/) {
  return false;
}

bool HasRounded(ChainRule /*rule*/) { return false; }

void RunRounded(const ChainPlan& /*plan*/, const GemmTask& /*task*/, ChainWorkspace& /*work*/) {}

#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(HasRounded);
HWY_EXPORT(RunRounded);
HWY_EXPORT(RunUnseen);

}  // namespace

bool rounded_gemm_unseen(const ChainPlan& plan, const GemmTask& task) {
  static thread_local ChainWorkspace workspace;
  return HWY_DYNAMIC_DISPATCH(RunUnseen)(plan, task, workspace);
}

bool has_rounded_kernel(ChainRule rule) {
  return is_compound(rule) ? has_compound_kernels() : HWY_DYNAMIC_DISPATCH(HasRounded)(rule);
}

void rounded_gemm(const ChainPlan& plan, const GemmTask& task) {
  if (plan.random_bits > 0) {
    stochastic_gemm(plan, task);
  } else if (is_compound(plan.rule)) {
    compound_gemm(plan, task);
  } else {
    static thread_local ChainWorkspace workspace;
    HWY_DYNAMIC_DISPATCH(RunRounded)(plan, task, workspace);
  }
}

}  // namespace halfulp

#endif  // HWY_ONCE
