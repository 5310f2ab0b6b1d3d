#include "sim/integer_steps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/integer_steps.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "sim/sum_tiles-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// What follows an addition: x is the exact sum, or beyond the range whatever it was rounded to
/// (ends of the range are numbers of the type, and rounding does not change which side x lies on).
template <class D>
struct Saturate {
  using V = hn::Vec<D>;
  static constexpr bool kCounts = false;

  explicit Saturate(const IntegerRange& range)
      : low(hn::Set(D(), static_cast<hn::TFromD<D>>(range.low))),
        high(hn::Set(D(), static_cast<hn::TFromD<D>>(range.high))) {}

  HWY_INLINE V operator()(V x, V& /*mark*/) const { return hn::Min(hn::Max(x, low), high); }

  V low, high;
};

/// Those that count set `mark` to 1 where the sum was outside.
template <class D>
struct CountedSaturate {
  using V = hn::Vec<D>;
  static constexpr bool kCounts = true;

  explicit CountedSaturate(const IntegerRange& range) : saturate(range) {}

  HWY_INLINE V operator()(V x, V& mark) const {
    const V inside = saturate(x, mark);
    mark = hn::IfThenElse(hn::Ne(inside, x), hn::Set(D(), 1.0), mark);
    return inside;
  }

  Saturate<D> saturate;
};

template <class D>
struct CountedWrap {
  using V = hn::Vec<D>;
  static constexpr bool kCounts = true;

  explicit CountedWrap(const IntegerRange& range)
      : low(hn::Set(D(), range.low)),
        modulus(hn::Set(D(), range.high - range.low + 1)),
        inverse(hn::Set(D(), 1 / (range.high - range.low + 1))) {}

  HWY_INLINE V operator()(V x, V& mark) const {
    const D d;
    const V turns = hn::Floor(hn::Mul(hn::Sub(x, low), inverse));
    mark = hn::IfThenElse(hn::Ne(turns, hn::Zero(d)), hn::Set(d, 1.0), mark);
    return hn::Sub(x, hn::Mul(turns, modulus));
  }

  V low, modulus, inverse;
};

/// Tiles of sums in binary32 or binary64, every addition followed by Step.
template <class D, template <class> class Step>
class StepKernel {
 public:
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  static constexpr std::size_t kStepLanes = hn::MaxLanes(D());
  static constexpr std::size_t kColumns = kStepLanes == 1 ? 1 : 2;
  // A step is a chain of three operations of about four cycles each; this many hide it.
  static constexpr std::size_t kRows = kTileVectors == 4 ? 6 : 4;

  explicit StepKernel(const IntegerRange& range) : range_(range) {}

  std::size_t width() const { return kColumns * kStepLanes; }

  void reserve(std::size_t panels, std::size_t depth) {
    depth_ = depth;
    b_.resize(panels * depth * width());
    a_.resize(depth * kRows);
  }

  void set_b(std::size_t panel, const float* b) {
    std::copy_n(b, depth_ * width(), b_.data() + panel * depth_ * width());
  }

  template <std::size_t kTileRows>
  void set_a(const float* a) {
    std::copy_n(a, depth_ * kTileRows, a_.data());
  }

  template <std::size_t kTileRows>
  HWY_NOINLINE void run(std::size_t panel, double* sums, std::size_t stride) {
    const D d;
    const Step<D> step(range_);
    HWY_ALIGN T line[kColumns * kStepLanes];
    V sum[kTileRows][kColumns];
    V mark[kTileRows][kColumns];
    HALFULP_UNROLL(8) for (std::size_t i = 0; i < kTileRows; ++i) {
      for (std::size_t n = 0; n < width(); ++n) line[n] = static_cast<T>(sums[i * stride + n]);
      HALFULP_UNROLL(2)
      for (std::size_t j = 0; j < kColumns; ++j) {
        sum[i][j] = hn::Load(d, line + j * kStepLanes);
        mark[i][j] = hn::Zero(d);
      }
    }
    const T* a = a_.data();
    const T* b = b_.data() + panel * depth_ * width();
    for (std::size_t k = 0; k < depth_; ++k, a += kTileRows, b += kColumns * kStepLanes) {
      V right[kColumns];
      HALFULP_UNROLL(2)
      for (std::size_t j = 0; j < kColumns; ++j) right[j] = hn::Load(d, b + j * kStepLanes);
      HALFULP_UNROLL(8) for (std::size_t i = 0; i < kTileRows; ++i) {
        const V left = hn::Set(d, a[i]);
        HALFULP_UNROLL(2) for (std::size_t j = 0; j < kColumns; ++j) {
          // Products are exact: the same bits with and without fused instructions.
          sum[i][j] = step(hn::MulAdd(left, right[j], sum[i][j]), mark[i][j]);
        }
      }
    }
    HALFULP_UNROLL(8) for (std::size_t i = 0; i < kTileRows; ++i) {
      HALFULP_UNROLL(2)
      for (std::size_t j = 0; j < kColumns; ++j) hn::Store(sum[i][j], d, line + j * kStepLanes);
      for (std::size_t n = 0; n < width(); ++n) sums[i * stride + n] = static_cast<double>(line[n]);
      if constexpr (Step<D>::kCounts) count_ += marked(mark[i]);
    }
  }

  std::uint64_t count() const { return count_; }

 private:
  static std::uint64_t marked(const V (&marks)[kColumns]) {
    const D d;
    V all = marks[0];
    for (std::size_t j = 1; j < kColumns; ++j) all = hn::Add(all, marks[j]);
    return static_cast<std::uint64_t>(hn::GetLane(hn::SumOfLanes(d, all)));
  }

  IntegerRange range_;
  std::size_t depth_ = 0;
  std::uint64_t count_ = 0;
  AlignedVector<T> a_, b_;
};

template <class D, template <class> class Step>
std::uint64_t RunKernel(const GemmTask& task, const IntegerRange& range, const SumStart& start,
                        const SumSink& sink) {
  StepKernel<D, Step> kernel(range);
  RunSumTiles(kernel, task, start, sink);
  return kernel.count();
}

template <class T, template <class> class Step>
std::uint64_t RunSteps(const GemmTask& task, const IntegerRange& range, const SumStart& start,
                       const SumSink& sink) {
  return task.c.cols <= kFewColumns ? RunKernel<hn::CappedTag<T, 1>, Step>(task, range, start, sink)
                                    : RunKernel<hn::ScalableTag<T>, Step>(task, range, start, sink);
}

std::uint64_t IntegerSteps(const GemmTask& task, const IntegerRange& range, bool in_binary32,
                           const SumStart& start, const SumSink& sink) {
  if (in_binary32) return RunSteps<float, Saturate>(task, range, start, sink);
  if (range.wraps) return RunSteps<double, CountedWrap>(task, range, start, sink);
  return range.counts ? RunSteps<double, CountedSaturate>(task, range, start, sink)
                      : RunSteps<double, Saturate>(task, range, start, sink);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {

HWY_EXPORT(IntegerSteps);

}  // namespace

std::uint64_t integer_steps(const GemmTask& task, const IntegerRange& range, bool in_binary32,
                            const SumStart& start, const SumSink& sink) {
  return HWY_DYNAMIC_DISPATCH(IntegerSteps)(task, range, in_binary32, start, sink);
}

}  // namespace halfulp

#endif  // HWY_ONCE
