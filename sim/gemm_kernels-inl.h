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

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

// A tile of kTileRows x 2 vectors leaves registers for two vectors of B and a broadcast element of A.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
constexpr int kTileRows = 14;
#else
constexpr int kTileRows = 6;
#endif
constexpr int kTileCols = 2 * kLanes;

/// One tile: C(rows x columns) (+)= A(rows x depth) B(depth x columns).
struct TileOperands {
  const float* a;
  std::ptrdiff_t a_stride;  ///< row stride when kRowsAdjacent is false, else k stride
  const float* b;           ///< packed panel: k-major, kTileCols (or kLanes) floats for each k
  float* c;
  std::ptrdiff_t c_stride;
  std::size_t depth;  ///< number of k
  bool accumulate;    ///< start from C instead of zero
};

template <int kRows, int kVectors, bool kRowsAdjacent>
HWY_NOINLINE void MultiplyTile(const TileOperands& t) {
  const FloatTag d;
  using V = hn::Vec<FloatTag>;
  V sum[kRows][kVectors];
  const float* HWY_RESTRICT a = t.a;
  const float* HWY_RESTRICT b = t.b;
  const std::ptrdiff_t stride = t.a_stride;
  float* const c = t.c;
  const std::ptrdiff_t c_stride = t.c_stride;
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::Zero(d);
  }
  if (t.accumulate) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        sum[i][j] = hn::LoadU(d, c + i * c_stride + j * kLanes);
      }
    }
  }
  for (std::size_t k = 0; k < t.depth; ++k) {
    V right[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) right[j] = hn::Load(d, b + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const V left = hn::Set(d, kRowsAdjacent ? a[i] : a[i * stride]);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sum[i][j] = FusedMulAdd(d, left, right[j], sum[i][j]);
    }
    a += kRowsAdjacent ? stride : 1;
    b += kVectors * kLanes;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      hn::StoreU(sum[i][j], d, c + i * c_stride + j * kLanes);
    }
  }
}

using TileFunction = void (*)(const TileOperands&);

template <int kVectors, bool kRowsAdjacent, int... kRows>
constexpr std::array<TileFunction, sizeof...(kRows)> MakeTileTable(
    std::integer_sequence<int, kRows...> /*rows*/) {
  return {&MultiplyTile<kRows + 1, kVectors, kRowsAdjacent>...};
}

/// The kernel for a tile of `rows` (1 to kTileRows) by `vectors` (1 or 2).
template <bool kRowsAdjacent>
TileFunction FindTile(std::size_t rows, std::size_t vectors) {
  using Rows = std::make_integer_sequence<int, kTileRows>;
  static constexpr auto kNarrow = MakeTileTable<1, kRowsAdjacent>(Rows());
  static constexpr auto kWide = MakeTileTable<2, kRowsAdjacent>(Rows());
  return (vectors == 1 ? kNarrow : kWide)[rows - 1];
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_GEMM_KERNELS_INL_H_
