// Walks a product tile by tile for kernels that keep whole sums in registers: packs A and B, has
// the kernel run over all k, hands rows of finished sums on. Included once per target, after
// hwy/foreach_target.h.
#if defined(HALFULP_SIM_SUM_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_SUM_TILES_INL_H_
#undef HALFULP_SIM_SUM_TILES_INL_H_
#else
#define HALFULP_SIM_SUM_TILES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "sim/aligned_vector.h"
#include "sim/gemm_pack-inl.h"
#include "sim/gemm_task.h"
#include "sim/sum_stages.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// Elements of B that are packed at a time; they stay in L2 while the rows of A go by.
inline constexpr std::size_t kBlockElements = 256 * 1024;

/// Products with no more columns are computed element by element, in vectors of one lane: empty
/// lanes would cost as much as full ones.
inline constexpr std::size_t kFewColumns = 2;

template <std::size_t kRows>
void PackRowsOfA(const GemmTask& task, std::size_t first, float* HWY_RESTRICT out) {
  if (task.a_transposed) {
    const float* a = task.a.data + first;
    for (std::size_t k = 0; k < task.depth; ++k, a += task.a.stride, out += kRows) {
      for (std::size_t i = 0; i < kRows; ++i) out[i] = a[i];
    }
    return;
  }
  const float* const a = task.a.data + first * task.a.stride;
  for (std::size_t k = 0; k < task.depth; ++k, out += kRows) {
    for (std::size_t i = 0; i < kRows; ++i) out[i] = a[i * task.a.stride + k];
  }
}

inline void PackColumnsOfB(const GemmTask& task, std::size_t first, std::size_t width, float* out) {
  const std::size_t cols = std::min(width, task.c.cols - first);
  if (task.b_transposed) {
    PackTransposedPanel(task.b.data + first * task.b.stride, task.b.stride, task.depth, cols, width,
                        out);
  } else {
    PackPanel(task.b.data + first, task.b.stride, task.depth, cols, width, out);
  }
}

/// C of `task` in tiles of Kernel::kRows rows (or one) and kernel.width() columns. A kernel has
///   set_b(panel, floats)  for B packed as [k][width],   set_a<rows>(floats)  for A as [k][rows],
///   run<rows>(panel, sums, stride): sums[row * stride + column], from the start to the end.
template <class Kernel>
void RunSumTiles(Kernel& kernel, const GemmTask& task, const SumStart& start, const SumSink& sink) {
  const std::size_t width = kernel.width();
  const std::size_t depth = std::max<std::size_t>(task.depth, 1);
  const std::size_t all = (task.c.cols + width - 1) / width;
  const std::size_t most = std::clamp<std::size_t>(kBlockElements / (depth * width), 1, all);
  AlignedVector<float> packed(depth * std::max(width, Kernel::kRows));
  AlignedVector<double> sums(Kernel::kRows * most * width);
  kernel.reserve(most, depth);
  for (std::size_t block = 0; block < all; block += most) {
    const std::size_t panels = std::min(most, all - block);
    const std::size_t first = block * width;
    const std::size_t cols = std::min(panels * width, task.c.cols - first);
    const std::size_t stride = panels * width;
    for (std::size_t i = 0; i < panels; ++i) {
      PackColumnsOfB(task, first + i * width, width, packed.data());
      kernel.set_b(i, packed.data());
    }
    const auto run_rows = [&]<std::size_t kRows>(std::size_t m) {
      PackRowsOfA<kRows>(task, m, packed.data());
      kernel.template set_a<kRows>(packed.data());
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::size_t i = 0; i < kRows; ++i) start(m + i, first, sums.data() + i * stride, cols);
      for (std::size_t i = 0; i < panels; ++i) {
        kernel.template run<kRows>(i, sums.data() + i * width, stride);
      }
      for (std::size_t i = 0; i < kRows; ++i) sink(m + i, first, sums.data() + i * stride, cols);
    };
    std::size_t m = 0;
    for (; m + Kernel::kRows <= task.c.rows; m += Kernel::kRows) {
      run_rows.template operator()<Kernel::kRows>(m);
    }
    for (; m < task.c.rows; ++m) run_rows.template operator()<1>(m);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_SUM_TILES_INL_H_
