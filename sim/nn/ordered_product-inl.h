// Sums of products in a given order, vectorized over columns. Compiled once per SIMD target by
// ordered_product.cc.
#if defined(HALFULP_SIM_NN_ORDERED_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_NN_ORDERED_PRODUCT_INL_H_
#undef HALFULP_SIM_NN_ORDERED_PRODUCT_INL_H_
#else
#define HALFULP_SIM_NN_ORDERED_PRODUCT_INL_H_
#endif

#include "sim/fused-inl.h"
#include "sim/matrix.h"
#include "sim/nn/term_order.h"
#include "sim/nn/vector-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {

/// Levels of a tree over at most 2^32 chains.
constexpr std::size_t kMostLevels = 33;

/// A tile of kRows x kVectors vectors of the result. In the last column tile only `count` lanes
/// exist.
template <std::size_t kRows, std::size_t kVectors, bool kIsPartial>
class Tile {
 public:
  Tile(ConstMatrix x, ConstMatrix w, std::size_t row, std::size_t col, std::size_t count)
      : x_(x.data + row * x.stride),
        x_stride_(x.stride),
        w_(w.data + col),
        w_stride_(w.stride),
        count_(count) {}

  HWY_INLINE void sum(const TermOrder& order, std::size_t part, float* y, std::size_t stride) {
    std::size_t tree = part == 0 ? 0 : order.parts[part - 1];
    const std::size_t end = order.parts[part];
    std::size_t chain = tree == 0 ? 0 : order.trees[tree - 1];
    std::size_t term = chain == 0 ? 0 : order.chains[chain - 1];
    Sums running;
    clear(running);
    const bool is_one_chain = end - tree == 1 && order.trees[tree] - chain == 1;
    for (; tree < end; ++tree) {
      Sums total = sum_tree(order, order.trees[tree], chain, term);
      if (!is_one_chain) add(running, total);
      running = total;
    }
    store(running, y, stride);
  }

 private:
  static constexpr std::size_t kLanes = hn::MaxLanes(Tag<float>());

  struct Sums {
    Vec<float> v[kRows][kVectors];
  };

  static HWY_INLINE void clear(Sums& sums) {
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < kVectors; ++j) sums.v[i][j] = hn::Zero(Tag<float>());
    }
  }

  /// right = left + right.
  static HWY_INLINE void add(const Sums& left, Sums& right) {
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < kVectors; ++j) {
        right.v[i][j] = hn::Add(left.v[i][j], right.v[i][j]);
      }
    }
  }

  /// Finished subtrees wait on a stack, the largest first: after chain number c there is one for
  /// each one bit of c + 1.
  HWY_INLINE Sums sum_tree(const TermOrder& order, std::size_t end, std::size_t& chain,
                           std::size_t& term) const {
    Sums waiting[kMostLevels];
    std::size_t depth = 0;
    for (std::size_t number = 0; chain < end; ++chain, ++number) {
      Sums sum = sum_chain(order, order.chains[chain], term);
      for (std::size_t ones = number; ones % 2 != 0; ones /= 2) add(waiting[--depth], sum);
      waiting[depth++] = sum;
    }
    for (; depth > 1; --depth) {
      add(waiting[depth - 2], waiting[depth - 1]);
      waiting[depth - 2] = waiting[depth - 1];
    }
    return waiting[0];
  }

  HWY_INLINE Sums sum_chain(const TermOrder& order, std::size_t end, std::size_t& term) const {
    const Tag<float> d;
    Sums sum;
    clear(sum);
    for (; term < end; ++term) {
      const std::size_t k = order.terms[term];
      Vec<float> right[kVectors];
      const float* w = w_ + k * w_stride_;
      for (std::size_t j = 0; j < kVectors; ++j) {
        right[j] = kIsPartial ? LoadPart<float>(w, count_) : hn::LoadU(d, w + j * kLanes);
      }
      for (std::size_t i = 0; i < kRows; ++i) {
        const auto left = hn::Set(d, x_[i * x_stride_ + k]);
        for (std::size_t j = 0; j < kVectors; ++j) {
          sum.v[i][j] = halfulp::HWY_NAMESPACE::FusedMulAdd(d, left, right[j], sum.v[i][j]);
        }
      }
    }
    return sum;
  }

  HWY_INLINE void store(const Sums& sums, float* y, std::size_t stride) const {
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < kVectors; ++j) {
        float* out = y + i * stride + j * kLanes;
        if (kIsPartial) {
          StorePart<float>(sums.v[i][j], out, count_);
        } else {
          hn::StoreU(sums.v[i][j], Tag<float>(), out);
        }
      }
    }
  }

  const float* x_;
  std::size_t x_stride_;
  const float* w_;
  std::size_t w_stride_;
  std::size_t count_;
};

/// All columns of kRows rows from `row` on.
template <std::size_t kRows, std::size_t kVectors>
void SumRows(const TermOrder& order, std::size_t part, ConstMatrix x, ConstMatrix w, Matrix y,
             std::size_t row) {
  constexpr std::size_t kLanes = hn::MaxLanes(Tag<float>());
  float* out = y.data + row * y.stride;
  std::size_t col = 0;
  for (; col + kVectors * kLanes <= y.cols; col += kVectors * kLanes) {
    Tile<kRows, kVectors, false>(x, w, row, col, kLanes).sum(order, part, out + col, y.stride);
  }
  for (; col + kLanes <= y.cols; col += kLanes) {
    Tile<kRows, 1, false>(x, w, row, col, kLanes).sum(order, part, out + col, y.stride);
  }
  if (col < y.cols) {
    Tile<kRows, 1, true>(x, w, row, col, y.cols - col).sum(order, part, out + col, y.stride);
  }
}

inline void SumPart(const TermOrder& order, std::size_t part, ConstMatrix x, ConstMatrix w,
                    Matrix y) {
  std::size_t row = 0;
  for (; row + 4 <= y.rows; row += 4) SumRows<4, 2>(order, part, x, w, y, row);
  for (; row < y.rows; ++row) SumRows<1, 4>(order, part, x, w, y, row);
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_NN_ORDERED_PRODUCT_INL_H_
