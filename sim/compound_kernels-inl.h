// Matrix products under sums that take more than one rounding for a term, or an order that keeps
// more than one sum for an element of C. Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_COMPOUND_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_COMPOUND_KERNELS_INL_H_
#undef HALFULP_SIM_COMPOUND_KERNELS_INL_H_
#else
#define HALFULP_SIM_COMPOUND_KERNELS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "sim/rounded_kernels-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HALFULP_ROUNDS_IN_INSTRUCTION

/// a b + c rounded once, to up to 11 bits: MeanRule, halved (what is halved is exact).
struct RoundedByMean {
  ChainVector scale, less, half;

  explicit HWY_INLINE RoundedByMean(int precision)
      : scale(hn::Set(ChainTag(), static_cast<float>(1 << (24 - precision)))),
        less(hn::Set(ChainTag(), static_cast<float>((1 << (25 - precision)) - 1))),
        half(hn::Set(ChainTag(), 0.5F)) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector c) const {
    const ChainVector lo{_mm512_fmadd_round_ps(a.raw, b.raw, c.raw, kDown)};
    const ChainVector hi{_mm512_fmadd_round_ps(a.raw, b.raw, c.raw, kUp)};
    return hn::MulAdd(lo, scale, hn::Mul(hn::NegMulAdd(lo, less, hi), half));
  }
};

/// The same to binary32.
struct RoundedToBinary32 {
  explicit HWY_INLINE RoundedToBinary32(int /*precision*/) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector c) const {
    return hn::MulAdd(a, b, c);
  }
};

/// ChainRule::rounded_products.
template <class RoundProduct, class RoundSum>
struct RoundedProductRule {
  RoundProduct product;
  RoundSum sum;

  explicit HWY_INLINE RoundedProductRule(const ChainPlan& plan)
      : product(plan.product_precision), sum(plan.precision) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector running) const {
    const ChainTag d;
    return sum(product(a, b, hn::Zero(d)), hn::Set(d, 1.0F), running);
  }
};

constexpr int kCompoundRows = 4;
constexpr int kCompoundVectors = 2;
using CompoundTile = ChainTile<kCompoundRows, kCompoundVectors>;

/// x + sign y for all elements of tiles, rounded once.
template <class Round>
HWY_INLINE CompoundTile AddTiles(const Round& round, const CompoundTile& x, float sign,
                                 const CompoundTile& y) {
  const ChainVector factor = hn::Set(ChainTag(), sign);
  CompoundTile out;
  HALFULP_UNROLL(4) for (int i = 0; i < kCompoundRows; ++i) {
    HALFULP_UNROLL(2) for (int j = 0; j < kCompoundVectors; ++j) {
      out.sum[i][j] = round(y.sum[i][j], factor, x.sum[i][j]);
    }
  }
  return out;
}

HWY_INLINE CompoundTile ZeroTile() {
  CompoundTile out;
  HALFULP_UNROLL(4) for (int i = 0; i < kCompoundRows; ++i) {
    HALFULP_UNROLL(2) for (int j = 0; j < kCompoundVectors; ++j) {
      out.sum[i][j] = hn::Zero(ChainTag());
    }
  }
  return out;
}

/// CompensatedSum::Method::kahan. A zero's sign may differ from the definition's on the way, which
/// no sum shows.
template <class Round>
class KahanSum {
 public:
  HWY_INLINE KahanSum(const ChainRow& row, const CompoundTile& start)
      : round_(row.plan->precision), sum_(start), extra_(ZeroTile()) {}

  template <class Terms>
  HWY_INLINE void add(Terms& terms) {
    CompoundTile term = extra_;
    terms.add(round_, term);
    const CompoundTile next = AddTiles(round_, sum_, 1, term);
    extra_ = AddTiles(round_, term, -1, AddTiles(round_, next, -1, sum_));
    sum_ = next;
  }

  HWY_INLINE CompoundTile finish() { return sum_; }

 private:
  Round round_;
  CompoundTile sum_;
  CompoundTile extra_;  ///< -c
};

/// CompensatedSum::Method::two_sum.
template <class Round>
class ErrorSum {
 public:
  HWY_INLINE ErrorSum(const ChainRow& row, const CompoundTile& start)
      : round_(row.plan->precision), sum_(start), lost_(ZeroTile()) {}

  template <class Terms>
  HWY_INLINE void add(Terms& terms) {
    CompoundTile term = ZeroTile();
    terms.add(round_, term);
    const CompoundTile next = AddTiles(round_, sum_, 1, term);
    const CompoundTile part = AddTiles(round_, next, -1, sum_);
    const CompoundTile sum_error = AddTiles(round_, sum_, -1, AddTiles(round_, next, -1, part));
    const CompoundTile error = AddTiles(round_, sum_error, 1, AddTiles(round_, term, -1, part));
    lost_ = AddTiles(round_, lost_, 1, error);
    sum_ = next;
  }

  HWY_INLINE CompoundTile finish() { return AddTiles(round_, sum_, 1, lost_); }

 private:
  Round round_;
  CompoundTile sum_, lost_;
};

/// Left-complete binary trees: sums of 2^level neighbours that wait for the next 2^level.
template <class Round>
class PairTree {
 public:
  /// The next leaf.
  HWY_INLINE void add(const Round& round, CompoundTile leaf) {
    std::size_t level = 0;
    for (; (count_ >> level & 1U) != 0; ++level) leaf = AddTiles(round, waiting_[level], 1, leaf);
    waiting_[level] = leaf;
    ++count_;
  }

  /// The sum of all leaves, one at least; the tree is empty again.
  HWY_INLINE CompoundTile finish(const Round& round) {
    std::size_t level = 0;
    while ((count_ >> level & 1U) == 0) ++level;
    CompoundTile sum = waiting_[level];
    for (++level; count_ >> level != 0; ++level) {
      if ((count_ >> level & 1U) != 0) sum = AddTiles(round, waiting_[level], 1, sum);
    }
    count_ = 0;
    return sum;
  }

  std::size_t count() const { return count_; }

 private:
  std::size_t count_ = 0;
  CompoundTile waiting_[kMostTreeLevels];
};

/// Order::pairwise.
template <class Round>
class PairwiseSum {
 public:
  HWY_INLINE PairwiseSum(const ChainRow& row, const CompoundTile& start)
      : round_(row.plan->precision), length_(row.plan->length), sum_(start) {}

  template <class Terms>
  HWY_INLINE void add(Terms& terms) {
    CompoundTile term = ZeroTile();
    terms.add(round_, term);
    tree_.add(round_, term);
    if (tree_.count() == length_) close();
  }

  HWY_INLINE CompoundTile finish() {
    if (tree_.count() > 0) close();
    return sum_;
  }

 private:
  HWY_INLINE void close() { sum_ = AddTiles(round_, sum_, 1, tree_.finish(round_)); }

  Round round_;
  std::size_t length_;  ///< 0: all terms
  CompoundTile sum_;
  PairTree<Round> tree_;
};

/// Order::interleaved.
template <class Round>
class InterleavedSum {
 public:
  HWY_INLINE InterleavedSum(const ChainRow& row, const CompoundTile& start)
      : round_(row.plan->precision), lanes_(std::min(row.plan->length, row.depth)), start_(start) {
    for (std::size_t i = 0; i < lanes_; ++i) lane_[i] = ZeroTile();
  }

  template <class Terms>
  HWY_INLINE void add(Terms& terms) {
    terms.add(round_, lane_[next_]);
    next_ = next_ + 1 == lanes_ ? 0 : next_ + 1;
  }

  HWY_INLINE CompoundTile finish() {
    PairTree<Round> tree;
    for (std::size_t i = 0; i < lanes_; ++i) tree.add(round_, lane_[i]);
    return AddTiles(round_, start_, 1, tree.finish(round_));
  }

 private:
  Round round_;
  std::size_t lanes_;
  CompoundTile start_;
  std::size_t next_ = 0;
  CompoundTile lane_[kMostLanes];
};

/// Where the next k of a tile's terms is.
template <bool kRowsAdjacent>
struct CompoundTerms {
  const float* a;
  const float* b;
  std::ptrdiff_t a_stride, b_stride;

  template <class Round>
  HWY_INLINE void add(const Round& round, CompoundTile& tile) {
    AddTerms<kRowsAdjacent>(round, a, a_stride, b, b_stride, tile);
  }
};

/// A row of tiles whose blocks of k are the whole depth, of one at least.
template <class Sum, bool kRowsAdjacent>
HWY_NOINLINE void RunCompound(const ChainRow& row) {
  for (std::size_t t = 0; t < row.count; ++t) {
    float* const c = row.c + t * std::size_t{kCompoundVectors * kChainLanes};
    CompoundTile tile;
    tile.load(c, row.c_stride, row.accumulate);
    Sum sum(row, tile);
    CompoundTerms<kRowsAdjacent> terms{row.a, row.b + t * row.b_next, row.a_stride, row.b_stride};
    for (std::size_t k = 0; k < row.depth; ++k) sum.add(terms);
    sum.finish().store(c, row.c_stride);
  }
}

#endif  // HALFULP_ROUNDS_IN_INSTRUCTION

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
