#include "sim/aligned_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/aligned_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/aligned_narrow-inl.h"
#include "sim/aligned_wide-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

template <class Kernel>
void RunAligned(const GemmTask& task, const AlignedPlan& plan, const SumStart& start,
                const SumSink& sink) {
  Kernel kernel(plan);
  RunSumTiles(kernel, task, start, sink);
}

template <class D, int kSumLanes>
void RunWide(const GemmTask& task, const AlignedPlan& plan, const SumStart& start,
             const SumSink& sink) {
  if (plan.rule.alignment == Rounding::toward_zero) {
    RunAligned<WideAlignedKernel<D, kSumLanes, Rounding::toward_zero>>(task, plan, start, sink);
  } else if (plan.rule.alignment == Rounding::nearest_even) {
    RunAligned<WideAlignedKernel<D, kSumLanes, Rounding::nearest_even>>(task, plan, start, sink);
  } else {
    RunAligned<WideAlignedKernel<D, kSumLanes, Rounding::toward_negative>>(task, plan, start, sink);
  }
}

template <int kSumLanes>
void RunLanes(const GemmTask& task, const AlignedPlan& plan, const SumStart& start,
              const SumSink& sink) {
  if (task.c.cols <= kFewColumns) {
    return RunWide<hn::CappedTag<double, 1>, kSumLanes>(task, plan, start, sink);
  }
#if HWY_TARGET != HWY_SCALAR
  if (plan.in_binary32) return RunAligned<NarrowAlignedKernel<kSumLanes>>(task, plan, start, sink);
#endif
  RunWide<hn::ScalableTag<double>, kSumLanes>(task, plan, start, sink);
}

void AlignedSums(const GemmTask& task, const AlignedPlan& plan, const SumStart& start,
                 const SumSink& sink) {
  if (plan.rule.lanes == 2) return RunLanes<2>(task, plan, start, sink);
  RunLanes<1>(task, plan, start, sink);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {

HWY_EXPORT(AlignedSums);

}  // namespace

void aligned_sums(const GemmTask& task, const AlignedPlan& plan, const SumStart& start,
                  const SumSink& sink) {
  HWY_DYNAMIC_DISPATCH(AlignedSums)(task, plan, start, sink);
}

}  // namespace halfulp

#endif  // HWY_ONCE
