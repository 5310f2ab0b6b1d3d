#include "sim/window_sums.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/window_sums.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "formats/exact_sum.h"
#include "formats/format.h"
#include "sim/sum_tiles-inl.h"

#ifndef HALFULP_SIM_WINDOW_SUMS_CC_ONCE_
#define HALFULP_SIM_WINDOW_SUMS_CC_ONCE_

namespace halfulp {

double odd_sum(const double* parts, std::size_t count, std::size_t stride) {
  ExactSum sum;
  for (std::size_t i = 0; i < count; ++i) sum.add(from_double(parts[i * stride]));
  Flags flags;
  return to_double(
      sum.round(FloatFormat{11, 52, 1023}, {Rounding::to_odd, Overflow::infinity}, 0, flags));
}

}  // namespace halfulp

#endif  // HALFULP_SIM_WINDOW_SUMS_CC_ONCE_

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

constexpr int kColumns = 2;  // vectors, where they have several lanes

/// a + b = sum + error, exactly (Knuth).
template <class V>
HWY_INLINE void TwoSum(V& a, V& b) {
  const V sum = hn::Add(a, b);
  const V b_part = hn::Sub(sum, a);
  const V error = hn::Add(hn::Sub(a, hn::Sub(sum, b_part)), hn::Sub(b, b_part));
  a = sum;
  b = error;
}

/// The sum of the windows, rounded to odd.
template <class D, int kWindows, class V = hn::Vec<D>>
HWY_INLINE V OddSum(D d, V (&w)[kWindows]) {
  constexpr std::size_t kDoubles = hn::MaxLanes(D());
  const hn::RebindToUnsigned<D> du;
  if constexpr (kWindows == 1) return w[0];
  HWY_ALIGN double parts[kWindows * kDoubles];
  for (std::size_t i = 0; i < kWindows; ++i) hn::Store(w[i], d, parts + i * kDoubles);
  for (int sweep = 1; sweep < kWindows; ++sweep) {
    for (int i = kWindows - 2; i >= 0; --i) TwoSum(w[i], w[i + 1]);
  }
  // Each part is far below the one before, or the sign of what is lost is not that of w[1].
  auto is_open = hn::FirstN(d, 0);
  for (int i = 1; i + 1 < kWindows; ++i) {
    is_open =
        hn::Or(is_open, hn::Gt(hn::Abs(w[i + 1]), hn::Mul(hn::Abs(w[i]), hn::Set(d, 0x1p-50))));
  }
  const auto inexact = hn::Ne(w[1], hn::Zero(d));
  const auto one = hn::Set(du, 1);
  const auto bits = hn::BitCast(du, w[0]);
  const auto opposite = hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, w[1])));
  const auto step = hn::Sub(one, hn::Add(opposite, opposite));
  const auto even_mask = hn::Sub(hn::Zero(du), hn::AndNot(bits, one));
  const auto move_mask = hn::And(hn::BitCast(du, hn::VecFromMask(d, inexact)), even_mask);
  const V odd = hn::BitCast(d, hn::Add(bits, hn::And(step, move_mask)));
  if (kWindows == 2 || hn::AllFalse(d, is_open)) return odd;
  HWY_ALIGN double lanes[kDoubles];
  HWY_ALIGN double open[kDoubles];
  hn::Store(odd, d, lanes);
  hn::Store(hn::IfThenElse(is_open, hn::Set(d, 1.0), hn::Zero(d)), d, open);
  for (std::size_t i = 0; i < kDoubles; ++i) {
    if (open[i] != 0) lanes[i] = odd_sum(parts + i, kWindows, kDoubles);
  }
  return hn::Load(d, lanes);
}

/// Sums that lie in windows. Window i is 1.5 * 2^(52 + u_i) plus a multiple of 2^u_i, and stays
/// between 2^(52 + u_i) and 2^(53 + u_i): adding a term rounds it to a multiple of 2^u_i and adds
/// that exactly, and what was rounded off is exact too and goes to the next window.
template <class D, int kWindows>
class WindowKernel {
 public:
  using Double = hn::Vec<D>;
  static constexpr std::size_t kDoubles = hn::MaxLanes(D());
  static constexpr std::size_t kVectors = kDoubles == 1 ? 1 : kColumns;
  static constexpr std::size_t kRows = kWindows == 1 ? 6 : kWindows == 2 ? 3 : 2;

  explicit WindowKernel(const Windows& windows) {
    for (int i = 0; i + 1 < kWindows; ++i) magic_[i] = std::ldexp(1.5, 52 + windows.units[i]);
  }

  std::size_t width() const { return kVectors * kDoubles; }

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
  HWY_NOINLINE void run(std::size_t panel, double* sums, std::size_t stride) const {
    const D d;
    Double w[kTileRows][kVectors][kWindows];
    HALFULP_UNROLL(8) for (std::size_t i = 0; i < kTileRows; ++i) {
      HALFULP_UNROLL(2) for (std::size_t j = 0; j < kVectors; ++j) {
        HALFULP_UNROLL(4) for (int p = 0; p + 1 < kWindows; ++p) w[i][j][p] = hn::Set(d, magic_[p]);
        w[i][j][kWindows - 1] = hn::Zero(d);
        AddTerm(hn::LoadU(d, sums + i * stride + j * kDoubles), hn::Set(d, 1.0), w[i][j]);
      }
    }
    const double* a = a_.data();
    const double* b = b_.data() + panel * depth_ * width();
    for (std::size_t k = 0; k < depth_; ++k, a += kTileRows, b += kVectors * kDoubles) {
      Double right[kVectors];
      HALFULP_UNROLL(2)
      for (std::size_t j = 0; j < kVectors; ++j) right[j] = hn::Load(d, b + j * kDoubles);
      HALFULP_UNROLL(8) for (std::size_t i = 0; i < kTileRows; ++i) {
        const Double left = hn::Set(d, a[i]);
        HALFULP_UNROLL(2)
        for (std::size_t j = 0; j < kVectors; ++j) AddTerm(left, right[j], w[i][j]);
      }
    }
    for (std::size_t i = 0; i < kTileRows; ++i) {
      for (std::size_t j = 0; j < kVectors; ++j) {
        for (int p = 0; p + 1 < kWindows; ++p) {
          w[i][j][p] = hn::Sub(w[i][j][p], hn::Set(d, magic_[p]));
        }
        hn::StoreU(OddSum(d, w[i][j]), d, sums + i * stride + j * kDoubles);
      }
    }
  }

 private:
  /// Products of binary32 numbers are exact in binary64, so MulAdd rounds once with and without
  /// fused instructions.
  static HWY_INLINE void AddTerm(Double a, Double b, Double (&w)[kWindows]) {
    if constexpr (kWindows == 1) {
      w[0] = hn::MulAdd(a, b, w[0]);
      return;
    }
    const Double next = hn::MulAdd(a, b, w[0]);
    Double rest = hn::MulSub(a, b, hn::Sub(next, w[0]));
    w[0] = next;
    HALFULP_UNROLL(4) for (int p = 1; p + 1 < kWindows; ++p) {
      const Double sum = hn::Add(w[p], rest);
      rest = hn::Sub(rest, hn::Sub(sum, w[p]));
      w[p] = sum;
    }
    w[kWindows - 1] = hn::Add(w[kWindows - 1], rest);
  }

  double magic_[kMostWindows] = {};
  std::size_t depth_ = 0;
  AlignedVector<double> a_, b_;
};

template <int kWindows>
void RunWindows(const GemmTask& task, const Windows& windows, const SumStart& start,
                const SumSink& sink) {
  if (task.c.cols <= kFewColumns) {
    WindowKernel<hn::CappedTag<double, 1>, kWindows> kernel(windows);
    RunSumTiles(kernel, task, start, sink);
  } else {
    WindowKernel<hn::ScalableTag<double>, kWindows> kernel(windows);
    RunSumTiles(kernel, task, start, sink);
  }
}

void WindowSums(const GemmTask& task, const Windows& windows, const SumStart& start,
                const SumSink& sink) {
  switch (windows.count) {
    case 1:
      return RunWindows<1>(task, windows, start, sink);
    case 2:
      return RunWindows<2>(task, windows, start, sink);
    case 3:
      return RunWindows<3>(task, windows, start, sink);
    default:
      return RunWindows<4>(task, windows, start, sink);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {

HWY_EXPORT(WindowSums);

}  // namespace

std::optional<Windows> find_windows(int top, int bottom, std::uint64_t terms) {
  const int carries = static_cast<int>(std::bit_width(terms));
  Windows windows;
  windows.count = 0;
  // A plain last window holds 53 bits. Before it, sums stay below 2^(50 + unit) of 2^(51 + unit)
  // that keep a window in its binade, and leave at most half a unit to the next.
  while (top + carries > bottom + 53) {
    if (windows.count == kMostWindows - 1) return std::nullopt;
    const int unit = top + carries - 50;
    windows.units[windows.count++] = unit;
    top = unit;
  }
  ++windows.count;
  return windows;
}

void window_sums(const GemmTask& task, const Windows& windows, const SumStart& start,
                 const SumSink& sink) {
  HWY_DYNAMIC_DISPATCH(WindowSums)(task, windows, start, sink);
}

}  // namespace halfulp

#endif  // HWY_ONCE
