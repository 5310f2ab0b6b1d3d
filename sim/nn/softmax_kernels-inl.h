// Causal softmax and cross entropy. Compiled once per SIMD target by kernels.cc.
#if defined(HALFULP_SIM_NN_SOFTMAX_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_NN_SOFTMAX_KERNELS_INL_H_
#undef HALFULP_SIM_NN_SOFTMAX_KERNELS_INL_H_
#else
#define HALFULP_SIM_NN_SOFTMAX_KERNELS_INL_H_
#endif

#include "sim/elementary.h"
#include "sim/nn/kernels.h"
#include "sim/nn/vector-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {

/// Largest of n > 0 elements; NaN is not propagated here (the sum does that).
template <class T>
HWY_INLINE T RowMax(const T* x, std::size_t n) {
  const Tag<T> d;
  constexpr std::size_t kLanes = hn::MaxLanes(Tag<T>());
  T best = x[0];
  std::size_t i = 0;
  if (n >= kLanes) {
    auto running = hn::LoadU(d, x);
    for (i = kLanes; i + kLanes <= n; i += kLanes) running = hn::Max(running, hn::LoadU(d, x + i));
    best = hn::GetLane(hn::MaxOfLanes(d, running));
  }
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

/// Replaces x by exp(factor (x - shift)) and returns the lane sum.
template <class T>
HWY_INLINE T ExpRow(T* x, std::size_t n, T shift, T factor) {
  const Tag<T> d;
  const auto vs = hn::Set(d, shift);
  const auto vf = hn::Set(d, factor);
  Map<T>(
      x, n, [&](auto v) HWY_ATTR { return Exp<T>(hn::Mul(vf, hn::Sub(v, vs))); }, x);
  return LaneSum<T>(
      n, [&](std::size_t i) HWY_ATTR { return hn::LoadU(d, x + i); },
      [&](std::size_t i) { return x[i]; });
}

template <class T>
HWY_INLINE void ScaleRow(T* x, std::size_t n, T factor) {
  const auto vf = hn::Set(Tag<T>(), factor);
  Map<T>(
      x, n, [&](auto v) HWY_ATTR { return hn::Mul(v, vf); }, x);
}

template <class T>
void CausalSoftmaxForward(T* scores, std::size_t stride, std::size_t rows, std::size_t cols,
                          std::size_t first, T scale) {
  for (std::size_t r = 0; r < rows; ++r, scores += stride) {
    const std::size_t n = first + r + 1;
    const T sum = ExpRow(scores, n, RowMax(scores, n), scale);
    ScaleRow(scores, n, T{1} / sum);
    for (std::size_t i = n; i < cols; ++i) scores[i] = 0;
  }
}

template <class T>
void CausalSoftmaxBackward(const T* p, T* dp, std::size_t stride, std::size_t rows,
                           std::size_t cols, std::size_t first, T scale) {
  const Tag<T> d;
  const auto vf = hn::Set(d, scale);
  for (std::size_t r = 0; r < rows; ++r, p += stride, dp += stride) {
    const std::size_t n = first + r + 1;
    const T dot = LaneSum<T>(
        n,
        [&](std::size_t i) HWY_ATTR { return hn::Mul(hn::LoadU(d, p + i), hn::LoadU(d, dp + i)); },
        [&](std::size_t i) { return p[i] * dp[i]; });
    const auto vd = hn::Set(d, dot);
    Map<T>(
        dp, n,
        [&](auto probability, auto up)
            HWY_ATTR { return hn::Mul(hn::Mul(probability, hn::Sub(up, vd)), vf); },
        p, dp);
    for (std::size_t i = n; i < cols; ++i) dp[i] = 0;
  }
}

template <class T>
void CrossEntropy(T* logits, const unsigned char* targets, T* losses, std::size_t rows,
                  std::size_t cols, bool gradient, T gradient_scale) {
  for (std::size_t r = 0; r < rows; ++r, logits += cols) {
    const T largest = RowMax(logits, cols);
    const T target = logits[targets[r]];
    const T sum = ExpRow(logits, cols, largest, T{1});
    losses[r] = static_cast<T>(pinned_log(static_cast<double>(sum))) + largest - target;
    if (!gradient) continue;
    ScaleRow(logits, cols, gradient_scale / sum);
    logits[targets[r]] -= gradient_scale;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_NN_SOFTMAX_KERNELS_INL_H_
