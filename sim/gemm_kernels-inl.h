// The inner loop of the matrix products: a tile of C held in registers while k ascends.
// Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_GEMM_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_GEMM_KERNELS_INL_H_
#undef HALFULP_SIM_GEMM_KERNELS_INL_H_
#else
#define HALFULP_SIM_GEMM_KERNELS_INL_H_
#endif

#include <hwy/highway.h>

#include <array>
#include <cstddef>
#include <utility>

#include "sim/fused-inl.h"

// Arrays of vectors stay in registers only when every loop over them is unrolled.
#ifndef HALFULP_UNROLL
#define HALFULP_PRAGMA(text) _Pragma(#text)
#define HALFULP_UNROLL(times) HALFULP_PRAGMA(GCC unroll times)
#endif

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

// Shape of a tile. The sums, one vector of B for each column vector and a broadcast element of A
// together fill the registers; wide tiles need fewest loads for a multiply-add.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86  // 32 registers
constexpr int kTileVectors = 4;
template <int kVectors>
constexpr int kTileRows = kVectors == 4   ? 6
                          : kVectors == 3 ? 9
                                          : 14;
#else  // 16 registers
constexpr int kTileVectors = 2;
template <int kVectors>
constexpr int kTileRows = 6;
#endif
constexpr int kMostRows = kTileRows<1>;
constexpr int kMostTileFloats = kMostRows * kTileVectors * kLanes;

/// A row of `count` adjacent tiles: C(rows x columns) = A(rows x depth) B(depth x columns), or C +=
/// for a later block of k.
struct TileRow {
  const float* a;
  std::ptrdiff_t a_stride;  ///< of k when kRowsAdjacent, else of the row; the other stride is 1
  const float* b;
  std::ptrdiff_t b_stride;  ///< of k
  std::ptrdiff_t b_next;    ///< from one tile's columns of B to the next tile's
  float* c;
  std::ptrdiff_t c_stride;
  std::size_t depth;
  std::size_t count;
  bool accumulate;  ///< start from C instead of zero
};

/// The sums of one tile, from zero or from C, over ascending k.
template <int kRows, int kVectors, bool kRowsAdjacent>
HWY_INLINE void MultiplyTile(const float* HWY_RESTRICT a, std::ptrdiff_t a_stride,
                             const float* HWY_RESTRICT b, std::ptrdiff_t b_stride, float* c,
                             std::ptrdiff_t c_stride, std::size_t depth, bool accumulate) {
  const FloatTag d;
  using V = hn::Vec<FloatTag>;
  V sum[kRows][kVectors];
  HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
    HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
      __builtin_prefetch(c + i * c_stride + j * kLanes, 1);  // arrives while the sums build up
      sum[i][j] = hn::Zero(d);
    }
  }
  if (accumulate) {
    HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
      HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
        sum[i][j] = hn::LoadU(d, c + i * c_stride + j * kLanes);
      }
    }
  }
  HALFULP_UNROLL(2) for (std::size_t k = 0; k < depth; ++k) {
    V right[kVectors];
    HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) right[j] = hn::LoadU(d, b + j * kLanes);
    HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
      const V left = hn::Set(d, kRowsAdjacent ? a[i] : a[i * a_stride]);
      HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
        sum[i][j] = FusedMulAdd(d, left, right[j], sum[i][j]);
      }
    }
    a += kRowsAdjacent ? a_stride : 1;
    b += b_stride;
  }
  HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
    HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
      hn::StoreU(sum[i][j], d, c + i * c_stride + j * kLanes);
    }
  }
}

template <int kRows, int kVectors, bool kRowsAdjacent>
HWY_NOINLINE void MultiplyTileRow(const TileRow& row) {
  const TileRow r = row;
  for (std::size_t i = 0; i < r.count; ++i) {
    const auto tile = static_cast<std::ptrdiff_t>(i);
    MultiplyTile<kRows, kVectors, kRowsAdjacent>(r.a, r.a_stride, r.b + tile * r.b_next, r.b_stride,
                                                 r.c + tile * kVectors * kLanes, r.c_stride,
                                                 r.depth, r.accumulate);
  }
}

using TileRowFunction = void (*)(const TileRow&);

template <int kVectors, bool kRowsAdjacent, int... kRows>
constexpr std::array<TileRowFunction, sizeof...(kRows)> MakeTileTable(
    std::integer_sequence<int, kRows...> /*rows*/) {
  return {&MultiplyTileRow<kRows + 1, kVectors, kRowsAdjacent>...};
}

struct TileKernels {
  std::size_t rows;  ///< most rows of a tile
  std::array<TileRowFunction, kMostRows> run;
};

template <bool kRowsAdjacent, int kVectors>
constexpr TileKernels MakeTileKernels() {
  TileKernels kernels{kTileRows<kVectors>, {}};
  const auto table = MakeTileTable<kVectors, kRowsAdjacent>(
      std::make_integer_sequence<int, kTileRows<kVectors>>());
  for (std::size_t i = 0; i < table.size(); ++i) kernels.run[i] = table[i];
  return kernels;
}

/// The kernels for tiles that are `vectors` (1 to kTileVectors) wide.
template <bool kRowsAdjacent>
const TileKernels& FindTiles(std::size_t vectors) {
  static constexpr auto kKernels = []<int... kVectors>(std::integer_sequence<int, kVectors...>) {
    return std::array<TileKernels, kTileVectors>{MakeTileKernels<kRowsAdjacent, kVectors + 1>()...};
  }
  (std::make_integer_sequence<int, kTileVectors>());
  return kKernels[vectors - 1];
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_GEMM_KERNELS_INL_H_
