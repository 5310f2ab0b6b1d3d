#include "sim/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/gemm.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "sim/aligned_vector.h"
#include "sim/gemm_kernels-inl.h"
#include "sim/gemm_pack-inl.h"

// Blocking: k is cut into blocks; for each, a block of B is brought into the order of the kernels
// and stays in L2 while tiles of C go by, row of tiles after row of tiles. Later blocks of k start
// from the sums in C, so that the chain of each element is the one that gemm.h declares, whatever
// the blocks.
#ifndef HALFULP_SIM_GEMM_CC_ONCE_
#define HALFULP_SIM_GEMM_CC_ONCE_

namespace halfulp {
namespace {

/// The three forms in one: how A and B are stored, and the length of the chains.
struct Product {
  ConstMatrix a;
  ConstMatrix b;
  Matrix c;
  std::size_t depth;
  bool a_transposed;  ///< A is stored K x M
  bool b_transposed;  ///< B is stored N x K
};

constexpr std::size_t kPackedFloats = 256 * 1024;  // block of B: half of a 2 MiB L2
constexpr std::size_t kDepthBlock = 512;
constexpr std::size_t kDepthBlockTransposed =
    256;  // A is then read across its rows: fewer lines in L1
constexpr std::size_t kCopiedRows = 60;
constexpr std::size_t kCopiedStride = 80;  // rows start in all cache sets: an odd number of lines
// Strides (in floats) from which a copy costs less than what reading in place loses in cache
// conflicts.
constexpr std::size_t kLongStrideOfA = 768;
constexpr std::size_t kLongStrideOfB = 1024;
constexpr std::size_t kFewRows = 72;  // too few to pay for packing B
constexpr std::size_t kWorkspaceFloats = kPackedFloats + kDepthBlockTransposed * kCopiedStride;

/// `total` cut into equal pieces of at most `largest`, the first ones longer by one where needed.
struct EvenSplit {
  EvenSplit(std::size_t total, std::size_t largest)
      : count((total + largest - 1) / largest), size(total / count), longer(total % count) {}

  std::size_t start(std::size_t i) const { return i * size + std::min(i, longer); }

  std::size_t length(std::size_t i) const { return size + (i < longer ? 1 : 0); }

  std::size_t count;
  std::size_t size;
  std::size_t longer;
};

/// A block of the sum: k from `first` on.
struct DepthBlock {
  std::size_t first;
  std::size_t depth;
};

}  // namespace
}  // namespace halfulp

#endif  // HALFULP_SIM_GEMM_CC_ONCE_

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// As many columns as a tile has, or fewer at the right edge of C.
struct Panel {
  const float* b;
  std::ptrdiff_t stride;  ///< of k
  std::size_t first;      ///< column of C
  std::size_t cols;       ///< columns of C, the rest of the vectors is padding
  std::size_t vectors;
};

/// Columns first .. first + cols - 1 of B for one block of k, cut into panels.
class PanelsOfB {
 public:
  PanelsOfB(const Product& p, const DepthBlock& block, std::size_t first, std::size_t cols,
            float* packed)
      : p_(p),
        block_(block),
        first_(first),
        cols_(cols),
        packed_(packed),
        in_place_(!p.b_transposed && (p.b.stride < kLongStrideOfB || p.c.rows <= kFewRows)),
        vectors_((cols + kLanes - 1) / kLanes, kTileVectors) {
    for (std::size_t i = 0; i < vectors_.count; ++i) pack(i);
  }

  std::size_t count() const { return vectors_.count; }

  Panel operator[](std::size_t i) const {
    const std::size_t n = vectors_.start(i) * kLanes;
    const std::size_t width = vectors_.length(i) * kLanes;
    const std::size_t cols = std::min(width, cols_ - n);
    Panel panel{packed_ + n * block_.depth, static_cast<std::ptrdiff_t>(width), first_ + n, cols,
                vectors_.length(i)};
    if (in_place_ && cols == width) {
      panel.b = p_.b.data + block_.first * p_.b.stride + first_ + n;
      panel.stride = static_cast<std::ptrdiff_t>(p_.b.stride);
    }
    return panel;
  }

 private:
  void pack(std::size_t i) {
    const std::size_t n = vectors_.start(i) * kLanes;
    const std::size_t width = vectors_.length(i) * kLanes;
    const std::size_t cols = std::min(width, cols_ - n);
    float* const out = packed_ + n * block_.depth;
    if (p_.b_transposed) {
      PackTransposedPanel(p_.b.data + (first_ + n) * p_.b.stride + block_.first, p_.b.stride,
                          block_.depth, cols, width, out);
    } else if (!in_place_ || cols != width) {
      PackPanel(p_.b.data + block_.first * p_.b.stride + first_ + n, p_.b.stride, block_.depth,
                cols, width, out);
    }
  }

  const Product& p_;
  DepthBlock block_;
  std::size_t first_;
  std::size_t cols_;
  float* packed_;
  bool in_place_;
  EvenSplit vectors_;
};

/// Runs `kernel` where the panel is wider than what is left of C: on a copy of that part of C.
HWY_NOINLINE void RunEdgeTile(TileFunction kernel, TileOperands tile, std::size_t rows,
                              const Panel& panel) {
  HWY_ALIGN float whole[kMostTileFloats] = {};
  const std::size_t width = panel.vectors * kLanes;
  float* const target = tile.c;
  const auto stride = static_cast<std::size_t>(tile.c_stride);
  for (std::size_t i = 0; tile.accumulate && i < rows; ++i) {
    std::copy_n(target + i * stride, panel.cols, whole + i * width);
  }
  tile.c = whole;
  tile.c_stride = static_cast<std::ptrdiff_t>(width);
  kernel(tile);
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy_n(whole + i * width, panel.cols, target + i * stride);
  }
}

/// Rows first .. first + rows - 1 of C times all panels. `a` points at the first row and the first
/// k; `a_stride` is as in TileOperands.
template <bool kATransposed>
void MultiplyRows(const Product& p, const PanelsOfB& panels, const DepthBlock& block,
                  const float* a, std::size_t a_stride, std::size_t first, std::size_t rows) {
  const EvenSplit split(rows, FindTiles<kATransposed>(panels[0].vectors).rows);
  for (std::size_t i = 0; i < split.count; ++i) {
    const std::size_t m = split.start(i);
    for (std::size_t j = 0; j < panels.count(); ++j) {
      const Panel panel = panels[j];
      TileOperands tile{};
      tile.a = a + (kATransposed ? m : m * a_stride);
      tile.a_stride = static_cast<std::ptrdiff_t>(a_stride);
      tile.b = panel.b;
      tile.b_stride = panel.stride;
      tile.c = p.c.data + (first + m) * p.c.stride + panel.first;
      tile.c_stride = static_cast<std::ptrdiff_t>(p.c.stride);
      tile.depth = block.depth;
      tile.accumulate = block.first > 0;
      const TileFunction kernel = FindTiles<kATransposed>(panel.vectors).run[split.length(i) - 1];
      if (panel.cols == panel.vectors * kLanes) {
        kernel(tile);
      } else {
        RunEdgeTile(kernel, tile, split.length(i), panel);
      }
    }
  }
}

/// All rows of C, for A stored M x K.
void MultiplyAllRows(const Product& p, const PanelsOfB& panels, const DepthBlock& block) {
  MultiplyRows<false>(p, panels, block, p.a.data + block.first, p.a.stride, 0, p.c.rows);
}

/// All rows of C, for A stored K x M.
void MultiplyAllRowsTransposed(const Product& p, const PanelsOfB& panels, const DepthBlock& block,
                               float* copy) {
  const float* const a = p.a.data + block.first * p.a.stride;
  if (p.a.stride < kLongStrideOfA) {
    MultiplyRows<true>(p, panels, block, a, p.a.stride, 0, p.c.rows);
    return;
  }
  const EvenSplit split(p.c.rows, kCopiedRows);
  for (std::size_t i = 0; i < split.count; ++i) {
    const std::size_t first = split.start(i);
    CopyRows(a + first, p.a.stride, block.depth, split.length(i), kCopiedStride, copy);
    MultiplyRows<true>(p, panels, block, copy, kCopiedStride, first, split.length(i));
  }
}

void Multiply(const Product& p, float* workspace) {
  const EvenSplit depths(p.depth, p.a_transposed ? kDepthBlockTransposed : kDepthBlock);
  for (std::size_t i = 0; i < depths.count; ++i) {
    const DepthBlock block{depths.start(i), depths.length(i)};
    constexpr std::size_t kWidest = kTileVectors * kLanes;
    const std::size_t most_cols = kPackedFloats / block.depth / kWidest * kWidest;
    for (std::size_t n = 0; n < p.c.cols; n += most_cols) {
      const PanelsOfB panels(p, block, n, std::min(most_cols, p.c.cols - n), workspace);
      if (p.a_transposed) {
        MultiplyAllRowsTransposed(p, panels, block, workspace + kPackedFloats);
      } else {
        MultiplyAllRows(p, panels, block);
      }
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(Multiply);

void multiply(const Product& p) {
  if (p.c.rows == 0 || p.c.cols == 0) return;
  if (p.depth == 0) {
    for (std::size_t m = 0; m < p.c.rows; ++m)
      std::fill_n(p.c.data + m * p.c.stride, p.c.cols, 0.0F);
    return;
  }
  static thread_local AlignedVector<float> workspace(kWorkspaceFloats);
  HWY_DYNAMIC_DISPATCH(Multiply)(p, workspace.data());
}

}  // namespace

void gemm_nn(ConstMatrix a, ConstMatrix b, Matrix c) { multiply({a, b, c, a.cols, false, false}); }

void gemm_nt(ConstMatrix a, ConstMatrix b, Matrix c) { multiply({a, b, c, a.cols, false, true}); }

void gemm_tn(ConstMatrix a, ConstMatrix b, Matrix c) { multiply({a, b, c, a.rows, true, false}); }

}  // namespace halfulp

#endif  // HWY_ONCE
