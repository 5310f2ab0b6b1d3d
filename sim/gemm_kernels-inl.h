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
#include <cstdint>
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

/// Addresses that are brought to L2 while the sums build up: one line for each two k.
struct Ahead {
  std::uintptr_t address;  ///< no pointer: it may lie outside of the matrix
  std::size_t step;        ///< bytes from one to the next

  HWY_INLINE void skip(std::size_t steps) { address += steps * step; }

  HWY_INLINE void fetch_and_step() {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): never read through, see `address`
    __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 2);
    address += step;
  }
};

/// A row of `count` adjacent tiles: C(rows x columns) = A(rows x depth) B(depth x columns), or C +=
/// for a later block of k.
struct TileRow {
  const float* a;
  std::ptrdiff_t a_stride;  ///< of k when kRowsAdjacent, else of the row; the other stride is 1
  const float* b;
  std::ptrdiff_t b_stride;  ///< of k
  std::size_t b_next;       ///< from one tile's columns of B to the next tile's
  float* c;
  std::ptrdiff_t c_stride;
  std::size_t depth;
  std::size_t count;
  bool accumulate;  ///< start from C instead of zero
  bool prefetch;    ///< follow these:
  Ahead ahead_a;
  Ahead ahead_b;
};

/// Adds the terms of kSteps successive k to all sums of a tile.
template <int kSteps, int kRows, int kVectors, bool kRowsAdjacent, class V>
HWY_INLINE void MultiplySteps(const float*& a, std::ptrdiff_t a_stride, const float*& b,
                              std::ptrdiff_t b_stride, V (&sum)[kRows][kVectors]) {
  const FloatTag d;
  HALFULP_UNROLL(2) for (int step = 0; step < kSteps; ++step) {
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
}

/// Tile number `tile` of a row: its sums, from zero or from C, over ascending k.
template <int kRows, int kVectors, bool kRowsAdjacent>
HWY_INLINE void MultiplyTile(const TileRow& r, std::size_t tile) {
  const FloatTag d;
  hn::Vec<FloatTag> sum[kRows][kVectors];
  float* const c = r.c + tile * std::size_t{kVectors * kLanes};
  const std::ptrdiff_t c_stride = r.c_stride;
  HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
    HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
      __builtin_prefetch(c + i * c_stride + j * kLanes, 1);
      sum[i][j] = hn::Zero(d);
    }
  }
  if (r.accumulate) {
    HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
      HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
        sum[i][j] = hn::LoadU(d, c + i * c_stride + j * kLanes);
      }
    }
  }
  const float* a = r.a;
  const float* b = r.b + tile * r.b_next;
  const std::ptrdiff_t a_stride = r.a_stride;
  const std::ptrdiff_t b_stride = r.b_stride;
  const std::size_t pairs = r.depth / 2;
  if (r.prefetch) {
    Ahead ahead_a = r.ahead_a;
    Ahead ahead_b = r.ahead_b;
    ahead_a.skip(tile * pairs);
    ahead_b.skip(tile * pairs);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      ahead_a.fetch_and_step();
      ahead_b.fetch_and_step();
      MultiplySteps<2, kRows, kVectors, kRowsAdjacent>(a, a_stride, b, b_stride, sum);
    }
  } else {
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      MultiplySteps<2, kRows, kVectors, kRowsAdjacent>(a, a_stride, b, b_stride, sum);
    }
  }
  if (r.depth % 2 != 0) {
    MultiplySteps<1, kRows, kVectors, kRowsAdjacent>(a, a_stride, b, b_stride, sum);
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
    MultiplyTile<kRows, kVectors, kRowsAdjacent>(r, i);
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
