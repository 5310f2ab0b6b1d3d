#include "sim/saturating_steps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/saturating_steps.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "sim/sum_tiles-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// Whole numbers of 16 bits.
struct Steps16 {
  using D = hn::ScalableTag<std::int16_t>;
  using V = hn::Vec<D>;

  static std::int16_t left(float x) { return static_cast<std::int16_t>(x); }

  static HWY_INLINE V add(V a, V b, V sum) { return hn::SaturatedAdd(sum, hn::Mul(a, b)); }
};

/// Targets that may have sums of pairs.
#undef HALFULP_MAY_ADD_PAIRS
#define HALFULP_MAY_ADD_PAIRS (HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86)

#if HALFULP_MAY_ADD_PAIRS

/// Sums of 32 bits: VPDPWSSDS adds two products of int16 and saturates once, and the upper number
/// of each pair in A is zero. The assembler knows it whatever the target of the compiler is.
struct Steps32 {
  using D = hn::ScalableTag<std::int32_t>;
  using V = hn::Vec<D>;

  static std::int32_t left(float x) { return static_cast<std::int32_t>(x) & 0xFFFF; }

  static HWY_INLINE V add(V a, V b, V sum) {
    asm("vpdpwssds %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
    return sum;
  }
};
#endif

/// A kernel for RunSumTiles.
template <class Steps>
class SaturatingKernel {
 public:
  using D = typename Steps::D;
  using T = hn::TFromD<D>;
  using V = typename Steps::V;
  static constexpr std::size_t kStepLanes = hn::MaxLanes(D());
  static constexpr std::size_t kColumns = HWY_TARGET == HWY_SCALAR ? 1 : 2;
  static constexpr std::size_t kRows = kTileVectors == 4 ? 8 : 4;

  std::size_t width() const { return kColumns * kStepLanes; }

  void reserve(std::size_t panels, std::size_t depth) {
    depth_ = depth;
    b_.resize(panels * depth * width());
    a_.resize(depth * kRows);
  }

  void set_b(std::size_t panel, const float* b) {
    T* const out = b_.data() + panel * depth_ * width();
    for (std::size_t i = 0; i < depth_ * width(); ++i) {
      out[i] = static_cast<T>(static_cast<std::int32_t>(b[i]));
    }
  }

  template <std::size_t kTileRows>
  void set_a(const float* a) {
    for (std::size_t i = 0; i < depth_ * kTileRows; ++i) a_[i] = Steps::left(a[i]);
  }

  template <std::size_t kTileRows>
  HWY_NOINLINE void run(std::size_t panel, double* sums, std::size_t stride) {
    const D d;
    HWY_ALIGN T line[kColumns * kStepLanes];
    V sum[kTileRows][kColumns];
    HALFULP_UNROLL(8) for (std::size_t i = 0; i < kTileRows; ++i) {
      for (std::size_t n = 0; n < kColumns * kStepLanes; ++n) {
        line[n] = static_cast<T>(static_cast<std::int32_t>(sums[i * stride + n]));
      }
      HALFULP_UNROLL(2)
      for (std::size_t j = 0; j < kColumns; ++j) sum[i][j] = hn::Load(d, line + j * kStepLanes);
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
          sum[i][j] = Steps::add(left, right[j], sum[i][j]);
        }
      }
    }
    HALFULP_UNROLL(8) for (std::size_t i = 0; i < kTileRows; ++i) {
      HALFULP_UNROLL(2)
      for (std::size_t j = 0; j < kColumns; ++j) hn::Store(sum[i][j], d, line + j * kStepLanes);
      for (std::size_t n = 0; n < kColumns * kStepLanes; ++n) {
        sums[i * stride + n] = static_cast<double>(line[n]);
      }
    }
  }

 private:
  std::size_t depth_ = 0;
  AlignedVector<T> a_, b_;
};

bool HasSteps32() {
#if HALFULP_MAY_ADD_PAIRS
  return __builtin_cpu_supports("avx512vnni") != 0;
#else
  return false;
#endif
}

void SaturatingSteps(const GemmTask& task, int bits, const SumStart& start, const SumSink& sink) {
  if (bits == 16) {
    SaturatingKernel<Steps16> kernel;
    RunSumTiles(kernel, task, start, sink);
    return;
  }
#if HALFULP_MAY_ADD_PAIRS
  SaturatingKernel<Steps32> kernel;
  RunSumTiles(kernel, task, start, sink);
#endif
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {

HWY_EXPORT(HasSteps32);
HWY_EXPORT(SaturatingSteps);

}  // namespace

bool has_saturating_steps(int bits) {
  return bits == 16 || (bits == 32 && HWY_DYNAMIC_DISPATCH(HasSteps32)());
}

void saturating_steps(const GemmTask& task, int bits, const SumStart& start, const SumSink& sink) {
  HWY_DYNAMIC_DISPATCH(SaturatingSteps)(task, bits, start, sink);
}

}  // namespace halfulp

#endif  // HWY_ONCE
