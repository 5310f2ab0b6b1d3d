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

#include "sim/rounded_plan.h"

// Arrays of vectors stay in registers only when every loop over them is unrolled.
#ifndef HALFULP_UNROLL
#define HALFULP_PRAGMA(text) _Pragma(#text)
#define HALFULP_UNROLL(times) HALFULP_PRAGMA(GCC unroll times)
#endif

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using ChainTag = hn::ScalableTag<float>;
using ChainVector = hn::Vec<ChainTag>;
constexpr int kChainLanes = static_cast<int>(hn::MaxLanes(ChainTag()));

/// Where the embedded rounding of AVX-512 exists.
#define HALFULP_ROUNDS_IN_INSTRUCTION (HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86)

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
  bool accumulate;    ///< start from C instead of zero
  std::size_t phase;  ///< additions since the last rounding of ChainRule::every
  bool is_last;       ///< no further block of k follows
  const ChainPlan* plan;
};

/// To nearest even with the magic number 1.5 * 2^(24-p) times the number's power of two, whose ulp
/// is the spacing there. Zeros get the magic number 0, and +0.
struct MagicRounding {
  ChainVector magic, exponent;

  explicit HWY_INLINE MagicRounding(int precision)
      : magic(hn::Set(ChainTag(), 1.5F * static_cast<float>(1 << (24 - precision)))),
        exponent(hn::BitCast(ChainTag(), hn::Set(hn::RebindToUnsigned<ChainTag>(), 0x7F800000U))) {}

  HWY_INLINE ChainVector operator()(ChainVector x) const {
    const ChainVector power = hn::And(x, exponent);
    return hn::NegMulAdd(power, magic, hn::MulAdd(power, magic, x));
  }
};

/// The same for up to 11 bits, with S = 2^(24-p) and x itself in place of a magic number: u = x -
/// S x rounded, then u + S x, which is exact.
///
/// Let 2^e <= |x| < 2^(e+1). S x is a multiple of the spacing 2^(e+1-p), and so is u where |x - S
/// x| >= S 2^e: then u + S x is x rounded to the spacing. A tie is decided by the parity of u in
/// units of the spacing, that of S x plus that of the result; at a tie x / 2^(e-23) is even (S >=
/// 4), so the result is. Elsewhere |x| < 2^e / (1 - 1/S) < 2^e + 2^(e-22+p) and u is a multiple of
/// half the spacing; but 2^(e-22+p) <= 2^(e-p), a quarter of the spacing or less for p <= 11, is
/// too little to leave 2^e, which is right.
struct SelfRounding {
  static constexpr int kMostPrecision = 11;
  ChainVector scale;

  explicit HWY_INLINE SelfRounding(int precision)
      : scale(hn::Set(ChainTag(), static_cast<float>(1 << (24 - precision)))) {}

  HWY_INLINE ChainVector operator()(ChainVector x) const {
    return hn::MulAdd(x, scale, hn::NegMulAdd(x, scale, x));
  }
};

template <class Round>
struct NearestRule {
  Round round;

  explicit HWY_INLINE NearestRule(const ChainPlan& plan) : round(plan.precision) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    return round(hn::MulAdd(a, b, sum));
  }
};

struct PlainRule {
  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    return hn::MulAdd(a, b, sum);
  }
};

#if HALFULP_ROUNDS_IN_INSTRUCTION

constexpr int kDown = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
constexpr int kUp = _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC;
constexpr int kChop = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;

/// Rounded down and up, a sum is the same or two neighbours, one of them odd: rounding to odd keeps
/// in the last bit whether anything was lost, so that the second rounding, to at most 22 bits, is
/// as if of the exact sum (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums",
/// 2008).
template <class Round>
struct NearestOddRule {
  Round round;

  explicit HWY_INLINE NearestOddRule(const ChainPlan& plan) : round(plan.precision) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    const __m512 down = _mm512_fmadd_round_ps(a.raw, b.raw, sum.raw, kDown);
    const __m512 up = _mm512_fmadd_round_ps(a.raw, b.raw, sum.raw, kUp);
    const __mmask16 odd = _mm512_test_epi32_mask(_mm512_castps_si512(down), _mm512_set1_epi32(1));
    return round(ChainVector{_mm512_mask_blend_ps(odd, up, down)});
  }
};

/// Patterns with the low 24 - p bits dropped.
struct KeptBits {
  __m512i mask;

  explicit HWY_INLINE KeptBits(int precision)
      : mask(_mm512_set1_epi32(static_cast<int>(~0U << (24 - precision)))) {}

  HWY_INLINE ChainVector operator()(__m512i bits) const {
    return ChainVector{_mm512_castsi512_ps(_mm512_and_si512(bits, mask))};
  }
};

struct TowardZeroRule {
  KeptBits kept;

  explicit HWY_INLINE TowardZeroRule(const ChainPlan& plan) : kept(plan.precision) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    return kept(_mm512_castps_si512(_mm512_fmadd_round_ps(a.raw, b.raw, sum.raw, kChop)));
  }
};

/// Draws of a tile's row as numbers below the kept bits, two vectors.
struct SharedDraws {
  static constexpr int kDrawVectors = 2;
  KeptBits kept;

  explicit HWY_INLINE SharedDraws(const ChainPlan& plan) : kept(plan.precision) {}

  HWY_INLINE void mix(const __m512i (&line)[2], __m512i key, __m512i (&draw)[2]) const {
    draw[0] = _mm512_xor_si512(line[0], key);
    draw[1] = _mm512_xor_si512(line[1], key);
  }

  /// The first p + N of the 24 bits of the chopped sum decide; a draw reaches no further, and what
  /// the sum has below does not carry.
  HWY_INLINE ChainVector add(ChainVector a, ChainVector b, ChainVector sum, __m512i draw) const {
    const __m512 chopped = _mm512_fmadd_round_ps(a.raw, b.raw, sum.raw, kChop);
    return kept(_mm512_add_epi32(_mm512_castps_si512(chopped), draw));
  }
};

#if !defined(HWY_DISABLE_PCLMUL_AES)
/// Even columns of the tile are in the first vector, odd ones in the second, as their draws are in
/// the low and the high halves of the words of the line.
struct IndependentDraws : SharedDraws {
  static constexpr int kDrawVectors = 1;
  __m512i place, from_low, from_high;

  explicit HWY_INLINE IndependentDraws(const ChainPlan& plan) : SharedDraws(plan) {
    const int shift = 24 - plan.precision - plan.random_bits;
    place = _mm512_set1_epi32(((1 << plan.random_bits) - 1) << shift);
    from_low = _mm512_set1_epi32(shift);
    from_high = _mm512_set1_epi32(shift + 16);
  }

  HWY_INLINE void mix(const __m512i (&line)[1], __m512i key, __m512i (&draw)[2]) const {
    const hn::ScalableTag<std::uint8_t> d8;
    const hn::Vec<decltype(d8)> state{_mm512_xor_si512(line[0], key)};
    const __m512i mixed = hn::AESRound(state, hn::Zero(d8)).raw;
    draw[0] = _mm512_and_si512(_mm512_rolv_epi32(mixed, from_low), place);
    draw[1] = _mm512_and_si512(_mm512_rolv_epi32(mixed, from_high), place);
  }
};
#endif

#endif  // HALFULP_ROUNDS_IN_INSTRUCTION

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

/// ChainRule::every: the plain chain, rounded each `every` additions and at the end.
template <class Round, bool kRowsAdjacent, int kRows, int kVectors>
HWY_NOINLINE void RunEvery(const ChainRow& row) {
  const PlainRule rule;
  const Round rounding(row.plan->precision);
  const auto every = static_cast<std::size_t>(row.plan->every);
  ChainTile<kRows, kVectors> tile;
  for (std::size_t t = 0; t < row.count; ++t) {
    float* const c = row.c + t * std::size_t{kVectors * kChainLanes};
    tile.load(c, row.c_stride, row.accumulate);
    const float* a = row.a;
    const float* b = row.b + t * row.b_next;
    const std::ptrdiff_t a_stride = row.a_stride;
    const std::ptrdiff_t b_stride = row.b_stride;
    std::size_t left = row.depth;
    std::size_t steps = every - row.phase;
    while (left >= steps) {
      for (std::size_t k = 0; k < steps; ++k) {
        AddTerms<kRowsAdjacent>(rule, a, a_stride, b, b_stride, tile);
      }
      tile.round(rounding);
      left -= steps;
      steps = every;
    }
    for (std::size_t k = 0; k < left; ++k) {
      AddTerms<kRowsAdjacent>(rule, a, a_stride, b, b_stride, tile);
    }
    // Without terms since the last rounding this changes nothing.
    if (row.is_last) tile.round(rounding);
    tile.store(c, row.c_stride);
  }
}

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

/// sum = round(sum + part) of two numbers of any bits, to nearest even: TwoSum (Knuth) gives the
/// rounding error of the binary32 sum, which then becomes odd.
struct OuterAddition {
  int precision;
  MagicRounding round;

  explicit HWY_INLINE OuterAddition(int p) : precision(p), round(p) {}

  HWY_INLINE ChainVector operator()(ChainVector x, ChainVector y) const {
    const hn::RebindToUnsigned<ChainTag> du;
    const ChainTag d;
    const ChainVector sum = hn::Add(x, y);
    if (precision == 24) return sum;
    const ChainVector y_part = hn::Sub(sum, x);
    const ChainVector x_part = hn::Sub(sum, y_part);
    const ChainVector error = hn::Add(hn::Sub(x, x_part), hn::Sub(y, y_part));
    const auto one = hn::Set(du, 1);
    const auto bits = hn::BitCast(du, sum);
    // The odd neighbour on the exact sum's side: up in magnitude if error and sum have one sign.
    const auto opposite = hn::ShiftRight<31>(hn::Xor(bits, hn::BitCast(du, error)));
    const auto step = hn::Sub(one, hn::Add(opposite, opposite));
    const auto inexact = hn::BitCast(du, hn::VecFromMask(d, hn::Ne(error, hn::Zero(d))));
    const auto is_even = hn::Sub(hn::Zero(du), hn::AndNot(bits, one));
    return round(hn::BitCast(d, hn::Add(bits, hn::And(step, hn::And(inexact, is_even)))));
  }
};

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
