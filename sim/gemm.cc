#include "sim/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/gemm.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "sim/aligned_vector.h"
#include "sim/gemm_kernels-inl.h"
#include "sim/gemm_pack-inl.h"

#ifndef HALFULP_SIM_GEMM_CC_ONCE_
#define HALFULP_SIM_GEMM_CC_ONCE_

namespace halfulp {
namespace {

/// The three forms in one: how A and B are stored, and the shape.
struct Product {
  ConstMatrix a;
  ConstMatrix b;
  Matrix c;
  std::size_t depth;
  bool a_transposed;  ///< A is stored K x M
  bool b_transposed;  ///< B is stored N x K
};

// Blocks in floats: a packed panel of B stays in L1 while the rows pass, a block of B and a block of A in L2.
constexpr std::size_t kDepthBlock = 256;
constexpr std::size_t kColsBlock = 1024;
constexpr std::size_t kRowsBlock = 168;
constexpr std::size_t kWorkspaceFloats = kDepthBlock * (kColsBlock + kRowsBlock);

/// `total` cut into equal pieces of at most `largest`, the first ones longer by one where needed.
struct EvenSplit {
  EvenSplit(std::size_t total, std::size_t largest)
      : count((total + largest - 1) / largest), size(total / count), longer(total % count) {}

  std::size_t start(std::size_t i) const { return i * size + std::min(i, longer); }

  std::size_t count;
  std::size_t size;
  std::size_t longer;
};

}  // namespace
}  // namespace halfulp

#endif  // HALFULP_SIM_GEMM_CC_ONCE_

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// A block of rows of A for one range of k, packed or in place.
struct RowsBlock {
  const float* data;
  bool packed;
};

/// One tile at row `m`, column `n` of C; `cols` may be less than the packed panel is wide.
HWY_INLINE void RunTile(TileFunction tile, TileOperands operands, const Matrix& c, std::size_t m,
                        std::size_t n, std::size_t rows, std::size_t cols) {
  operands.c = c.data + m * c.stride + n;
  operands.c_stride = static_cast<std::ptrdiff_t>(c.stride);
  const std::size_t width = PanelWidth(cols);
  if (cols == width) {
    tile(operands);
    return;
  }
  HWY_ALIGN float whole[kTileRows * kTileCols] = {};
  float* const target = operands.c;
  for (std::size_t i = 0; operands.accumulate && i < rows; ++i) {
    std::copy_n(target + i * c.stride, cols, whole + i * width);
  }
  operands.c = whole;
  operands.c_stride = static_cast<std::ptrdiff_t>(width);
  tile(operands);
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy_n(whole + i * width, cols, target + i * c.stride);
  }
}

void PackColumns(const Product& p, std::size_t k, std::size_t depth, std::size_t first,
                 std::size_t cols, float* out) {
  for (std::size_t n = 0; n < cols; n += kTileCols) {
    const std::size_t width = std::min<std::size_t>(kTileCols, cols - n);
    if (p.b_transposed) {
      PackTransposedPanel(p.b.data + (first + n) * p.b.stride + k, p.b.stride, depth, width,
                          out + n * depth);
    } else {
      PackPanel(p.b.data + k * p.b.stride + first + n, p.b.stride, depth, width, out + n * depth);
    }
  }
}

template <bool kATransposed>
void MultiplyBlocks(const Product& p, float* workspace) {
  float* const packed_b = workspace;
  float* const packed_a = workspace + kDepthBlock * kColsBlock;
  const EvenSplit panels(p.c.rows, kTileRows);
  const EvenSplit depths(p.depth, kDepthBlock);
  constexpr std::size_t kPanelsBlock = kRowsBlock / kTileRows;
  const bool pack_a = kATransposed && (p.c.cols >= 4 * kTileCols || p.a.stride >= 512);
  for (std::size_t slice = 0; slice < depths.count; ++slice) {
    const std::size_t k = depths.start(slice);
    const std::size_t depth = depths.start(slice + 1) - k;
    for (std::size_t first = 0; first < p.c.cols; first += kColsBlock) {
      const std::size_t cols = std::min(kColsBlock, p.c.cols - first);
      PackColumns(p, k, depth, first, cols, packed_b);
      for (std::size_t panel = 0; panel < panels.count; panel += kPanelsBlock) {
        const std::size_t end = std::min(panel + kPanelsBlock, panels.count);
        const std::size_t first_row = panels.start(panel);
        if (pack_a) {
          for (std::size_t i = panel; i < end; ++i) {
            const std::size_t m = panels.start(i);
            PackRows(p.a.data + k * p.a.stride + m, p.a.stride, depth, panels.start(i + 1) - m,
                     packed_a + (m - first_row) * depth);
          }
        }
        for (std::size_t n = 0; n < cols; n += kTileCols) {
          const std::size_t width = std::min<std::size_t>(kTileCols, cols - n);
          for (std::size_t i = panel; i < end; ++i) {
            const std::size_t m = panels.start(i);
            const std::size_t rows = panels.start(i + 1) - m;
            TileOperands operands{};
            if (pack_a) {
              operands.a = packed_a + (m - first_row) * depth;
              operands.a_stride = static_cast<std::ptrdiff_t>(rows);
            } else {
              operands.a = kATransposed ? p.a.data + k * p.a.stride + m : p.a.data + m * p.a.stride + k;
              operands.a_stride = static_cast<std::ptrdiff_t>(p.a.stride);
            }
            operands.b = packed_b + n * depth;
            operands.depth = depth;
            operands.accumulate = slice > 0;
            RunTile(FindTile<kATransposed>(rows, PanelWidth(width) / kLanes), operands, p.c, m,
                    first + n, rows, width);
          }
        }
      }
    }
  }
}

void Multiply(const Product& p, float* workspace) {
  if (p.a_transposed) {
    MultiplyBlocks<true>(p, workspace);
  } else {
    MultiplyBlocks<false>(p, workspace);
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
    for (std::size_t m = 0; m < p.c.rows; ++m) std::fill_n(p.c.data + m * p.c.stride, p.c.cols, 0.0f);
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
