// The inner loop of matrix products under a rounded sum: a tile of C held in registers while k
// ascends, rounded after each multiply-add. Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_ROUNDED_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUNDED_KERNELS_INL_H_
#undef HALFULP_SIM_ROUNDED_KERNELS_INL_H_
#else
#define HALFULP_SIM_ROUNDED_KERNELS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "sim/rounded_rules-inl.h"

// Arrays of vectors stay in registers only when every loop over them is unrolled.
#ifndef HALFULP_UNROLL
#define HALFULP_PRAGMA(text) _Pragma(#text)
#define HALFULP_UNROLL(times) HALFULP_PRAGMA(GCC unroll times)
#endif

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Whether trying a rule, and doing again what it may have got wrong, is faster than the next rule.
class ChainTrial {
 public:
  /// Instructions of the rule and of the next one.
  ChainTrial(std::size_t own, std::size_t next) : next_(next), gain_(next - own) {}

  bool pays() const { return next_ * failures_ <= gain_ * (trials_ + kPatience); }

  bool ends_with(bool is_right) {
    ++trials_;
    failures_ += is_right ? 0 : 1;
    return is_right;
  }

 private:
  static constexpr std::size_t kPatience = 16;
  std::size_t next_, gain_;
  std::size_t trials_ = 0;
  std::size_t failures_ = 0;
};

/// The rules of ChainRule::nearest_guarded that may fail.
struct ChainTrials {
  ChainTrial exact{4, 5};
  ChainTrial aligned{5, 7};
};

/// A row of `count` adjacent tiles, all of full size.
struct ChainRow {
  const float* a;
  std::ptrdiff_t a_stride;  ///< of k when kRowsAdjacent, else of the row; the other stride is 1
  const float* b;
  std::ptrdiff_t b_stride;     ///< of k
  std::size_t b_next;          ///< from one tile's columns of B to the next tile's
  const std::uint32_t* draws;  ///< one line of a tile's width (or half of it) for each k
  std::size_t draws_next;
  const std::uint32_t* keys;  ///< one vector for each row
  float* c;
  std::ptrdiff_t c_stride;
  std::size_t depth;
  std::size_t count;
  bool accumulate;      ///< start from C instead of zero
  std::size_t phase;    ///< additions in the stretch of RunStretches that is open
  bool is_last;         ///< no further block of k follows
  ChainTrials* trials;  ///< of ChainRule::nearest_guarded
  const ChainPlan* plan;
};

/// The sums of a tile.
template <int kRows, int kVectors>
struct ChainTile {
  ChainVector sum[kRows][kVectors];

  HWY_INLINE void load(const float* c, std::ptrdiff_t stride, bool accumulate) {
    const ChainTag d;
    HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
      HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
        __builtin_prefetch(c + i * stride + j * kChainLanes, 1);
        sum[i][j] = hn::Zero(d);
      }
    }
    if (!accumulate) return;
    HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
      HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
        sum[i][j] = hn::LoadU(d, c + i * stride + j * kChainLanes);
      }
    }
  }

  HWY_INLINE void store(float* c, std::ptrdiff_t stride) const {
    HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
      HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
        hn::StoreU(sum[i][j], ChainTag(), c + i * stride + j * kChainLanes);
      }
    }
  }

#if HALFULP_ROUNDS_IN_INSTRUCTION
  /// Keeps what is computed before and after apart, which compilers do not for MXCSR's sake.
  HWY_INLINE void settle() {
    HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
      HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) asm volatile("" : "+v"(sum[i][j].raw));
    }
  }
#endif

  template <class Round>
  HWY_INLINE void round(const Round& rounding) {
    HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
      HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) sum[i][j] = rounding(sum[i][j]);
    }
  }
};

/// One k for all sums of a tile.
template <bool kRowsAdjacent, int kRows, int kVectors, class Rule>
HWY_INLINE void AddTerms(const Rule& rule, const float*& a, std::ptrdiff_t a_stride,
                         const float*& b, std::ptrdiff_t b_stride,
                         ChainTile<kRows, kVectors>& tile) {
  const ChainTag d;
  ChainVector right[kVectors];
  HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) right[j] = hn::LoadU(d, b + j * kChainLanes);
  HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
    const ChainVector left = hn::Set(d, kRowsAdjacent ? a[i] : a[i * a_stride]);
    HALFULP_UNROLL(4) for (int j = 0; j < kVectors; ++j) {
      tile.sum[i][j] = rule(left, right[j], tile.sum[i][j]);
    }
  }
  a += kRowsAdjacent ? a_stride : 1;
  b += b_stride;
}

template <class Rule, bool kRowsAdjacent, int kRows, int kVectors>
HWY_NOINLINE void RunChain(const ChainRow& row) {
  const Rule rule(*row.plan);
  ChainTile<kRows, kVectors> tile;
  for (std::size_t t = 0; t < row.count; ++t) {
    float* const c = row.c + t * std::size_t{kVectors * kChainLanes};
    tile.load(c, row.c_stride, row.accumulate);
    const float* a = row.a;
    const float* b = row.b + t * row.b_next;
    const std::ptrdiff_t a_stride = row.a_stride;
    const std::ptrdiff_t b_stride = row.b_stride;
    for (std::size_t k = 0; k < row.depth; ++k) {
      AddTerms<kRowsAdjacent>(rule, a, a_stride, b, b_stride, tile);
    }
    tile.store(c, row.c_stride);
  }
}

/// ChainRule::every: a rounding after each `every` additions and at the end.
template <class Round>
struct RoundEach {
  Round rounding;
  std::size_t length;

  explicit HWY_INLINE RoundEach(const ChainPlan& plan)
      : rounding(plan.precision), length(static_cast<std::size_t>(plan.every)) {}

  template <class Tile>
  HWY_INLINE void close(Tile& tile) const {
    tile.round(rounding);
  }

  /// Without terms since the last rounding this changes nothing.
  template <class Tile>
  HWY_INLINE void end(Tile& tile, std::size_t /*additions*/, const ChainRow& row) const {
    if (row.is_last) tile.round(rounding);
  }
};

/// ChainRule::nearest_mean: sums that double with each addition, as the columns of B do, are what
/// they should be after each kDoublings additions and at the end.
constexpr std::size_t kDoublings = 8;

class Doubled {
 public:
  std::size_t length = kDoublings;

  explicit HWY_INLINE Doubled(const ChainPlan& /*plan*/) {}

  template <class Tile>
  HWY_INLINE void close(Tile& tile) const {
    divide(tile, length);
  }

  template <class Tile>
  HWY_INLINE void end(Tile& tile, std::size_t additions, const ChainRow& /*row*/) const {
    divide(tile, additions);
  }

 private:
  template <class Tile>
  HWY_INLINE void divide(Tile& tile, std::size_t additions) const {
    const ChainVector factor = hn::Set(ChainTag(), 1.0F / static_cast<float>(1 << additions));
    tile.round([&](ChainVector sum) { return hn::Mul(sum, factor); });
  }
};

/// A chain with something to do after each so many additions, `row.phase` of which were before.
template <class Rule, class Closing, bool kRowsAdjacent, int kRows, int kVectors>
HWY_NOINLINE void RunStretches(const ChainRow& row) {
  const Rule rule(*row.plan);
  const Closing closing(*row.plan);
  ChainTile<kRows, kVectors> tile;
  for (std::size_t t = 0; t < row.count; ++t) {
    float* const c = row.c + t * std::size_t{kVectors * kChainLanes};
    tile.load(c, row.c_stride, row.accumulate);
    const float* a = row.a;
    const float* b = row.b + t * row.b_next;
    const std::ptrdiff_t a_stride = row.a_stride;
    const std::ptrdiff_t b_stride = row.b_stride;
    std::size_t left = row.depth;
    std::size_t done = row.phase;
    while (left >= closing.length - done) {
      const std::size_t steps = closing.length - done;
      for (std::size_t k = 0; k < steps; ++k) {
        AddTerms<kRowsAdjacent>(rule, a, a_stride, b, b_stride, tile);
      }
      closing.close(tile);
      left -= steps;
      done = 0;
    }
    for (std::size_t k = 0; k < left; ++k) {
      AddTerms<kRowsAdjacent>(rule, a, a_stride, b, b_stride, tile);
    }
    closing.end(tile, done + left, row);
    tile.store(c, row.c_stride);
  }
}

#if HALFULP_ROUNDS_IN_INSTRUCTION

/// The sticky bit of MXCSR for inexact results, which instructions with embedded rounding leave
/// alone.
struct InexactMark {
  static HWY_INLINE void clear() { _mm_setcsr(_mm_getcsr() & ~_MM_EXCEPT_INEXACT); }

  static HWY_INLINE bool is_set() { return (_mm_getcsr() & _MM_EXCEPT_INEXACT) != 0; }
};

/// `steps` terms under a rule that marks results which may be wrong. False, with nothing changed,
/// where one may be.
template <bool kRowsAdjacent, int kRows, int kVectors, class Rule>
HWY_INLINE bool TryTerms(const Rule& rule, ChainTrial& trial, std::size_t steps, const float*& a,
                         std::ptrdiff_t a_stride, const float*& b, std::ptrdiff_t b_stride,
                         ChainTile<kRows, kVectors>& tile) {
  if (!trial.pays()) return false;
  HWY_ALIGN float before[kRows * kVectors * kChainLanes];
  tile.store(before, kVectors * kChainLanes);
  InexactMark::clear();
  tile.settle();
  for (std::size_t k = 0; k < steps; ++k) {
    AddTerms<kRowsAdjacent>(rule, a, a_stride, b, b_stride, tile);
  }
  tile.settle();
  if (trial.ends_with(!InexactMark::is_set())) return true;
  tile.load(before, kVectors * kChainLanes, true);
  const auto back = static_cast<std::ptrdiff_t>(steps);
  a -= kRowsAdjacent ? back * a_stride : back;
  b -= back * b_stride;
  return false;
}

/// ChainRule::nearest_guarded.
template <bool kRowsAdjacent, int kRows, int kVectors>
HWY_NOINLINE void RunGuarded(const ChainRow& row) {
  constexpr std::size_t kStretch = 64;
  const MarkedExactRule exact(*row.plan);
  const MarkedAlignedRule aligned(*row.plan);
  const NearestOddRule odd(*row.plan);
  ChainTile<kRows, kVectors> tile;
  for (std::size_t t = 0; t < row.count; ++t) {
    float* const c = row.c + t * std::size_t{kVectors * kChainLanes};
    tile.load(c, row.c_stride, row.accumulate);
    const float* a = row.a;
    const float* b = row.b + t * row.b_next;
    const std::ptrdiff_t a_stride = row.a_stride;
    const std::ptrdiff_t b_stride = row.b_stride;
    for (std::size_t left = row.depth; left > 0;) {
      const std::size_t steps = left < kStretch ? left : kStretch;
      left -= steps;
      const auto succeeds = [&](const auto& rule, ChainTrial& trial) HWY_ATTR {
        return TryTerms<kRowsAdjacent>(rule, trial, steps, a, a_stride, b, b_stride, tile);
      };
      if (succeeds(exact, row.trials->exact) || succeeds(aligned, row.trials->aligned)) continue;
      for (std::size_t k = 0; k < steps; ++k) {
        AddTerms<kRowsAdjacent>(odd, a, a_stride, b, b_stride, tile);
      }
    }
    tile.store(c, row.c_stride);
  }
}

#endif

#if HALFULP_ROUNDS_IN_INSTRUCTION

/// The stochastic rules.
template <class Rule, bool kRowsAdjacent, int kRows>
HWY_NOINLINE void RunStochastic(const ChainRow& row) {
  constexpr int kVectors = 2;
  constexpr int kLineVectors = Rule::kDrawVectors;
  const Rule rule(*row.plan);
  const ChainTag d;
  ChainTile<kRows, kVectors> tile;
  for (std::size_t t = 0; t < row.count; ++t) {
    float* const c = row.c + t * std::size_t{kVectors * kChainLanes};
    tile.load(c, row.c_stride, row.accumulate);
    const float* a = row.a;
    const float* b = row.b + t * row.b_next;
    const std::uint32_t* draws = row.draws + t * row.draws_next;
    const std::uint32_t* const keys = row.keys;
    const std::ptrdiff_t a_stride = row.a_stride;
    const std::ptrdiff_t b_stride = row.b_stride;
    for (std::size_t k = 0; k < row.depth; ++k) {
      const ChainVector right[kVectors] = {hn::LoadU(d, b), hn::LoadU(d, b + kChainLanes)};
      __m512i line[kLineVectors];
      for (int j = 0; j < kLineVectors; ++j) line[j] = _mm512_load_si512(draws + j * kChainLanes);
      HALFULP_UNROLL(16) for (int i = 0; i < kRows; ++i) {
        const ChainVector left = hn::Set(d, kRowsAdjacent ? a[i] : a[i * a_stride]);
        __m512i draw[2];
        rule.mix(line, _mm512_load_si512(keys + i * kChainLanes), draw);
        tile.sum[i][0] = rule.add(left, right[0], tile.sum[i][0], draw[0]);
        tile.sum[i][1] = rule.add(left, right[1], tile.sum[i][1], draw[1]);
      }
      a += kRowsAdjacent ? a_stride : 1;
      b += b_stride;
      draws += kLineVectors * kChainLanes;
    }
    tile.store(c, row.c_stride);
  }
}

#endif  // HALFULP_ROUNDS_IN_INSTRUCTION

/// c = round(c + part) for rows of a tile.
inline void AddPart(int outer_precision, const float* part, std::size_t part_stride, float* c,
                    std::size_t c_stride, std::size_t rows, std::size_t cols) {
  const ChainTag d;
  const OuterAddition add(outer_precision);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; j += kChainLanes) {
      float* const place = c + i * c_stride + j;
      const auto sum = add(hn::LoadU(d, place), hn::LoadU(d, part + i * part_stride + j));
      hn::StoreU(sum, d, place);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
