// Owns the dispatch of the training kernels: one table per scalar type and SIMD target.
#include "sim/nn/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/nn/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "sim/nn/activation_kernels-inl.h"
#include "sim/nn/elementwise_kernels-inl.h"
#include "sim/nn/norm_kernels-inl.h"
#include "sim/nn/softmax_kernels-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {

template <class T>
const Kernels<T>& Table() {
  static const Kernels<T> table = {
      .norm_forward = NormForward<T>,
      .norm_backward = NormBackward<T>,
      .gelu_forward = GeluForward<T>,
      .gelu_backward = GeluBackward<T>,
      .swiglu_forward = SwigluForward<T>,
      .swiglu_backward = SwigluBackward<T>,
      .causal_softmax_forward = CausalSoftmaxForward<T>,
      .causal_softmax_backward = CausalSoftmaxBackward<T>,
      .cross_entropy = CrossEntropy<T>,
      .rotate_positions = RotatePositions<T>,
      .add = Add<T>,
      .scale = Scale<T>,
      .weighted_add = WeightedAdd<T>,
      .sum_of_squares = SumOfSquares<T>,
      .adamw_update = AdamWUpdate<T>,
  };
  return table;
}

const Kernels<float>& TableF32() { return Table<float>(); }

const Kernels<double>& TableF64() { return Table<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfulp::nn {

HWY_EXPORT(TableF32);
HWY_EXPORT(TableF64);

template <>
const Kernels<float>& kernels<float>() {
  return HWY_DYNAMIC_DISPATCH(TableF32)();
}

template <>
const Kernels<double>& kernels<double>() {
  return HWY_DYNAMIC_DISPATCH(TableF64)();
}

}  // namespace halfulp::nn
#endif
