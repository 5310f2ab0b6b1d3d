#include "sim/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/gemm.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sim/aligned_vector.h"
#include "sim/gemm_kernels-inl.h"
#include "sim/gemm_pack-inl.h"

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

// Blocking: k is cut into blocks; for each, a block of B is brought into reach of the kernels and
// stays in L2 while tiles of C go by, row of tiles after row of tiles. Later blocks of k start from
// the sums in C, so the chain of each element is the one that gemm.h declares, whatever the blocks.
constexpr std::size_t kPackedFloats = 256 * 1024;  // block of B: half of a 2 MiB L2
constexpr std::size_t kDepthBlock = 512;
constexpr std::size_t kDepthBlockTransposed = 128;  // each k of A and of B is then another row
// Strides (in floats) from which a copy costs less than the cache conflicts of reading in place.
constexpr std::size_t kLongStrideOfA = 768;
constexpr std::size_t kLongStrideOfB = 1024;
constexpr std::size_t kFewRows = 72;  // too few to pay for packing B
constexpr std::size_t kCopiedRows = 120;
constexpr std::size_t kCopiedStride = 144;  // an odd number of lines: rows start in all cache sets
// Matrices that together are larger than this do not stay in L2 from one call to the next.
constexpr std::size_t kCachedFloats = 384 * 1024;
constexpr std::size_t kLineBytes = 64;
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

/// Adjacent panels of B of the same width; a panel is the columns of one tile.
struct PanelRun {
  const float* b;
  std::ptrdiff_t stride;  ///< of k
  std::size_t next;       ///< from one panel to the next
  std::size_t first;      ///< column of C
  std::size_t count;
  std::size_t vectors;  ///< width of a panel
  std::size_t cols;     ///< columns of C; fewer than the width only in a last run of one panel
};

/// Columns first .. first + cols - 1 of B for one block of k, as at most three runs of panels: the
/// width of panels differs by one vector at most, and a panel with padding is a run of its own.
class PanelsOfB {
 public:
  PanelsOfB(const Product& p, const DepthBlock& block, std::size_t first, std::size_t cols,
            float* packed)
      : p_(p),
        block_(block),
        in_place_(!p.b_transposed && (p.b.stride < kLongStrideOfB || p.c.rows <= kFewRows)) {
    const EvenSplit split((cols + kLanes - 1) / kLanes, kTileVectors);
    const std::size_t padded = cols % kLanes == 0 ? 0 : 1;
    const std::size_t whole = split.count - padded;
    const std::size_t longer = std::min(split.longer, whole);
    add({packed, 0, 0, first, longer, split.size + 1, 0});
    add({packed, 0, 0, first + split.start(longer) * kLanes, whole - longer, split.size, 0});
    const std::size_t last = split.start(whole) * kLanes;
    add({packed, 0, 0, first + last, padded, split.length(whole), cols - last});
    for (std::size_t i = 0; i < count_; ++i)
      pack(runs_[i], packed + (runs_[i].first - first) * block.depth);
  }

  /// Number of panels.
  std::size_t count() const {
    std::size_t sum = 0;
    for (const PanelRun& run : *this) sum += run.count;
    return sum;
  }

  const PanelRun* begin() const { return runs_; }

  const PanelRun* end() const { return runs_ + count_; }

 private:
  void add(const PanelRun& run) {
    if (run.count > 0) runs_[count_++] = run;
  }

  void pack(PanelRun& run, float* out) {
    const std::size_t width = run.vectors * kLanes;
    const bool padded = run.cols > 0;
    if (!padded) run.cols = width;
    if (in_place_ && !padded) {
      run.b = p_.b.data + block_.first * p_.b.stride + run.first;
      run.stride = static_cast<std::ptrdiff_t>(p_.b.stride);
      run.next = width;
      return;
    }
    run.b = out;
    run.stride = static_cast<std::ptrdiff_t>(width);
    run.next = width * block_.depth;
    for (std::size_t i = 0; i < run.count; ++i, out += run.next) {
      const std::size_t n = run.first + i * width;
      if (p_.b_transposed) {
        PackTransposedPanel(p_.b.data + n * p_.b.stride + block_.first, p_.b.stride, block_.depth,
                            run.cols, width, out);
      } else {
        PackPanel(p_.b.data + block_.first * p_.b.stride + n, p_.b.stride, block_.depth, run.cols,
                  width, out);
      }
    }
  }

  const Product& p_;
  DepthBlock block_;
  bool in_place_;
  PanelRun runs_[3];
  std::size_t count_ = 0;
};

/// Runs `kernel` for a panel that is wider than what is left of C: on a copy of that part of C.
HWY_NOINLINE void RunPaddedTile(TileRowFunction kernel, TileRow tile, std::size_t rows,
                                const PanelRun& run) {
  HWY_ALIGN float whole[kMostTileFloats] = {};
  const std::size_t width = run.vectors * kLanes;
  float* const target = tile.c;
  const auto stride = static_cast<std::size_t>(tile.c_stride);
  for (std::size_t i = 0; tile.accumulate && i < rows; ++i) {
    std::copy_n(target + i * stride, run.cols, whole + i * width);
  }
  tile.c = whole;
  tile.c_stride = static_cast<std::ptrdiff_t>(width);
  kernel(tile);
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy_n(whole + i * width, run.cols, target + i * stride);
  }
}

/// Walks through `floats` from `data` on in `pairs` steps; stands still where that would skip
/// lines.
inline Ahead WalkThrough(const float* data, std::size_t floats, std::size_t pairs) {
  const std::size_t step = pairs == 0 ? kLineBytes : floats * sizeof(float) / pairs + 1;
  return {reinterpret_cast<std::uintptr_t>(data), step < kLineBytes ? step : 0};
}

/// Rows of A for one block of k, in place or copied.
struct RowsOfA {
  const float* data;  ///< first row, first k of the block
  std::size_t stride;
  std::size_t first;  ///< row of C
  std::size_t count;
};

/// Sets what to prefetch during the first row of tiles; `pairs` is the number of pairs of k in a
/// row of tiles. For A stored M x K: the next rows of A and C. For A stored K x M: the next block
/// of k.
template <bool kRowsAdjacent>
void SetAhead(const Product& p, const DepthBlock& block, const RowsOfA& rows, std::size_t tile_rows,
              std::size_t pairs, TileRow& row) {
  row.prefetch = p.depth * (p.c.rows + p.c.cols) + p.c.rows * p.c.cols > kCachedFloats;
  if (!row.prefetch) return;
  if (kRowsAdjacent) {
    const std::size_t next = std::min(block.first + block.depth, p.depth - 1);
    const std::size_t depth = next - block.first;
    const std::size_t tile_rows_before = rows.first / tile_rows;
    const std::size_t all_pairs = pairs * ((p.c.rows + tile_rows - 1) / tile_rows);
    row.ahead_a = WalkThrough(p.a.data + next * p.a.stride, depth * p.a.stride, all_pairs);
    row.ahead_b = WalkThrough(p.b.data + next * p.b.stride, depth * p.b.stride, all_pairs);
    row.ahead_a.skip(tile_rows_before * pairs);
    row.ahead_b.skip(tile_rows_before * pairs);
  } else {
    row.ahead_a = WalkThrough(rows.data, tile_rows * rows.stride, pairs);
    row.ahead_b = WalkThrough(p.c.data + rows.first * p.c.stride, tile_rows * p.c.stride, pairs);
    row.ahead_a.skip(pairs);
    row.ahead_b.skip(pairs);
  }
}

/// Some rows of C times all panels.
template <bool kRowsAdjacent>
void MultiplyRows(const Product& p, const PanelsOfB& panels, const DepthBlock& block,
                  const RowsOfA& rows) {
  const EvenSplit split(rows.count, FindTiles<kRowsAdjacent>(panels.begin()->vectors).rows);
  TileRow row{};
  row.a_stride = static_cast<std::ptrdiff_t>(rows.stride);
  row.c_stride = static_cast<std::ptrdiff_t>(p.c.stride);
  row.depth = block.depth;
  row.accumulate = block.first > 0;
  SetAhead<kRowsAdjacent>(p, block, rows, split.length(0), panels.count() * (block.depth / 2), row);
  for (std::size_t i = 0; i < split.count; ++i) {
    const std::size_t m = split.start(i);
    const std::size_t length = split.length(i);
    row.a = rows.data + (kRowsAdjacent ? m : m * rows.stride);
    for (const PanelRun& run : panels) {
      row.b = run.b;
      row.b_stride = run.stride;
      row.b_next = run.next;
      row.c = p.c.data + (rows.first + m) * p.c.stride + run.first;
      row.count = run.count;
      const TileRowFunction kernel = FindTiles<kRowsAdjacent>(run.vectors).run[length - 1];
      if (run.cols == run.vectors * kLanes) {
        kernel(row);
      } else {
        RunPaddedTile(kernel, row, length, run);
      }
      row.ahead_a.skip(run.count * (block.depth / 2));
      row.ahead_b.skip(run.count * (block.depth / 2));
    }
  }
}

/// All rows of C, for A stored K x M.
void MultiplyAllRowsTransposed(const Product& p, const PanelsOfB& panels, const DepthBlock& block,
                               float* copy) {
  const float* const a = p.a.data + block.first * p.a.stride;
  if (p.a.stride < kLongStrideOfA) {
    MultiplyRows<true>(p, panels, block, {a, p.a.stride, 0, p.c.rows});
    return;
  }
  const EvenSplit split(p.c.rows, kCopiedRows);
  for (std::size_t i = 0; i < split.count; ++i) {
    const std::size_t first = split.start(i);
    CopyRows(a + first, p.a.stride, block.depth, split.length(i), kCopiedStride, copy);
    MultiplyRows<true>(p, panels, block, {copy, kCopiedStride, first, split.length(i)});
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
        MultiplyRows<false>(p, panels, block, {p.a.data + block.first, p.a.stride, 0, p.c.rows});
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
