// Copies of blocks of A and B into the order in which the kernels read them.
// Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_GEMM_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_GEMM_PACK_INL_H_
#undef HALFULP_SIM_GEMM_PACK_INL_H_
#else
#define HALFULP_SIM_GEMM_PACK_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "sim/gemm_kernels-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Packs a panel of B stored K x N: out[k * width + n] = b[k * stride + n], padded with zeros.
inline void PackPanel(const float* HWY_RESTRICT b, std::size_t stride, std::size_t depth,
                      std::size_t cols, std::size_t width, float* HWY_RESTRICT out) {
  const FloatTag d;
  for (std::size_t k = 0; k < depth; ++k, b += stride, out += width) {
    std::size_t n = 0;
    for (; n + kLanes <= cols; n += kLanes) hn::Store(hn::LoadU(d, b + n), d, out + n);
    for (; n < cols; ++n) out[n] = b[n];
    for (; n < width; ++n) out[n] = 0.0F;
  }
}

#if HWY_TARGET != HWY_SCALAR

/// Block i (of four lanes) of the result holds the four floats at p + i * stride.
template <class D>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const float* p, std::size_t stride) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, p);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, LoadBlocks(half, p + hn::MaxLanes(D()) / 8 * stride, stride),
                       LoadBlocks(half, p, stride));
  }
}

/// out[k * width + n] = b[n * stride + k] for kLanes values of n and four of k.
HWY_INLINE void TransposeFour(const float* b, std::size_t stride, std::size_t width, float* out) {
  const FloatTag d;
  const hn::RepartitionToWide<FloatTag> pairs;
  const auto row0 = LoadBlocks(d, b, 4 * stride);
  const auto row1 = LoadBlocks(d, b + stride, 4 * stride);
  const auto row2 = LoadBlocks(d, b + 2 * stride, 4 * stride);
  const auto row3 = LoadBlocks(d, b + 3 * stride, 4 * stride);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, row0, row1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, row2, row3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, row0, row1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, row2, row3));
  hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, out);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, out + width);
  hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, out + 2 * width);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, out + 3 * width);
}

#endif

/// Packs a panel of B stored N x K: out[k * width + n] = b[n * stride + k], padded with zeros.
inline void PackTransposedPanel(const float* HWY_RESTRICT b, std::size_t stride, std::size_t depth,
                                std::size_t cols, std::size_t width, float* HWY_RESTRICT out) {
  std::size_t first_col = 0;
#if HWY_TARGET != HWY_SCALAR
  const std::size_t lanes = kLanes;
  for (; first_col + lanes <= cols; first_col += lanes) {
    const float* source = b + first_col * stride;
    std::size_t k = 0;
    for (; k + 4 <= depth; k += 4) {
      TransposeFour(source + k, stride, width, out + k * width + first_col);
    }
    for (; k < depth; ++k) {
      for (std::size_t n = 0; n < lanes; ++n) {
        out[k * width + first_col + n] = source[n * stride + k];
      }
    }
  }
#endif
  for (std::size_t n = first_col; n < width; ++n) {
    for (std::size_t k = 0; k < depth; ++k) {
      out[k * width + n] = n < cols ? b[n * stride + k] : 0.0F;
    }
  }
}

/// Copies a block: out[r * out_stride + i] = a[r * stride + i].
inline void CopyRows(const float* HWY_RESTRICT a, std::size_t stride, std::size_t rows,
                     std::size_t cols, std::size_t out_stride, float* HWY_RESTRICT out) {
  const FloatTag d;
  for (std::size_t r = 0; r < rows; ++r, a += stride, out += out_stride) {
    std::size_t i = 0;
    for (; i + kLanes <= cols; i += kLanes) hn::Store(hn::LoadU(d, a + i), d, out + i);
    for (; i < cols; ++i) out[i] = a[i];
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_GEMM_PACK_INL_H_
