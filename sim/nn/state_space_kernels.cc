// Owns the dispatch of the state-space kernels: one table per scalar type and SIMD target.
#include "sim/nn/state_space_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/nn/state_space_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "sim/nn/state_space_kernels-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {

template <class T>
const StateSpaceKernels<T>& StateSpaceTable() {
  static const StateSpaceKernels<T> table = {.advance = Advance<T>,
                                             .read = Read<T>,
                                             .back = Back<T>,
                                             .silu_forward = SiluForward<T>,
                                             .silu_backward = SiluBackward<T>};
  return table;
}

const StateSpaceKernels<float>& StateSpaceTableF32() { return StateSpaceTable<float>(); }

const StateSpaceKernels<double>& StateSpaceTableF64() { return StateSpaceTable<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfulp::nn {

HWY_EXPORT(StateSpaceTableF32);
HWY_EXPORT(StateSpaceTableF64);

template <>
const StateSpaceKernels<float>& state_space_kernels<float>() {
  return HWY_DYNAMIC_DISPATCH(StateSpaceTableF32)();
}

template <>
const StateSpaceKernels<double>& state_space_kernels<double>() {
  return HWY_DYNAMIC_DISPATCH(StateSpaceTableF64)();
}

}  // namespace halfulp::nn
#endif
