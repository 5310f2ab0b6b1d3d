// How one term joins the sums of a vector under each rule of sim/rounded_plan.h.
// Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_ROUNDED_RULES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUNDED_RULES_INL_H_
#undef HALFULP_SIM_ROUNDED_RULES_INL_H_
#else
#define HALFULP_SIM_ROUNDED_RULES_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "sim/rounded_plan.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using ChainTag = hn::ScalableTag<float>;
using ChainVector = hn::Vec<ChainTag>;
constexpr int kChainLanes = static_cast<int>(hn::MaxLanes(ChainTag()));

/// Where the embedded rounding of AVX-512 exists.
#define HALFULP_ROUNDS_IN_INSTRUCTION (HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86)

#if HALFULP_ROUNDS_IN_INSTRUCTION
constexpr int kEven = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
constexpr int kDown = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
constexpr int kUp = _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC;
constexpr int kChop = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
#endif

/// a b + c; where instructions round by themselves they leave no mark of inexact results, either.
HWY_INLINE ChainVector QuietMulAdd(ChainVector a, ChainVector b, ChainVector c) {
#if HALFULP_ROUNDS_IN_INSTRUCTION
  return ChainVector{_mm512_fmadd_round_ps(a.raw, b.raw, c.raw, kEven)};
#else
  return hn::MulAdd(a, b, c);
#endif
}

/// To nearest even with the magic number 1.5 * 2^(24-p) times the number's power of two, whose ulp
/// is the spacing there. Zeros get the magic number 0, and +0.
struct MagicRounding {
  ChainVector magic, exponent;

  explicit HWY_INLINE MagicRounding(int precision)
      : magic(hn::Set(ChainTag(), 1.5F * static_cast<float>(1 << (24 - precision)))),
        exponent(hn::BitCast(ChainTag(), hn::Set(hn::RebindToUnsigned<ChainTag>(), 0x7F800000U))) {}

  HWY_INLINE ChainVector operator()(ChainVector x) const {
    const ChainVector power = hn::And(x, exponent);
    return hn::NegMulAdd(power, magic, QuietMulAdd(power, magic, x));
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
  explicit HWY_INLINE PlainRule(const ChainPlan& /*plan*/) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    return hn::MulAdd(a, b, sum);
  }
};

#if HALFULP_ROUNDS_IN_INSTRUCTION

/// NearestRule, whose result is right unless a sum marks itself in MXCSR (see InexactMark) as more
/// than 24 bits.
struct MarkedExactRule {
  MagicRounding round;

  explicit HWY_INLINE MarkedExactRule(const ChainPlan& plan) : round(plan.precision) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    return round(hn::MulAdd(a, b, sum));
  }
};

/// The same, which marks less where rounds_aligned_safely(): sums s before a result x in binary32
/// of which 2 x - s is inexact. It is exact where s is a multiple of the last place of x and not
/// much larger than x and the product are. Where two roundings are not one, |s| < 2^(e-1) and 2^e
/// <= |x|: 2 x - s is beyond 2^e then and has no bits below 2^(e-23), and s has some.
struct MarkedAlignedRule {
  MagicRounding round;

  explicit HWY_INLINE MarkedAlignedRule(const ChainPlan& plan) : round(plan.precision) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    const ChainVector x = QuietMulAdd(a, b, sum);
    const __m512 check = _mm512_fmsub_ps(x.raw, _mm512_set1_ps(2.0F), sum.raw);
    asm volatile("" : : "v"(check));
    return round(x);
  }
};

/// SelfRounding of the mean of a sum's two neighbours in binary32, times 2.
///
/// With lo and hi the sum s rounded down and up, m = (lo + hi) / 2 is s where s has 24 bits. Else
/// lo and hi are adjacent, and m, an odd multiple of half their distance, lies with s strictly
/// between them, hence on the same side of all numbers of 23 bits: m rounded to p <= 22 bits is s
/// rounded. u is 2 m - 2 S lo rounded, S = 2^(24-p), and u + 2 S lo is exact. Let 2^e <= |m| <
/// 2^(e+1); 2 S lo is a multiple of twice the spacing 2^(e+1-p). (|lo| = 2^(e+1) is one more: |2 S
/// lo - 2 m| < 2 S |lo| then, so that u has the same units.) As in SelfRounding, u is a multiple
/// of twice the spacing where 2 S |lo| - 2 |m| >= 2 S 2^e, and m is no tie unless m = s, when the
/// parity is the one there. Elsewhere |m| < 2^e / (1 - 1/S) + 2^(e-23), and u is a multiple of the
/// spacing; m is within a quarter of a spacing of 2^e for p <= 11, and 2^(e+1) is right.
///
/// A sum of zero gives +0: lo is -0 or +0, hi is +0, and so are u and the result.
struct MeanRule {
  ChainVector twice_scale, less;

  explicit HWY_INLINE MeanRule(const ChainPlan& plan)
      : twice_scale(hn::Set(ChainTag(), static_cast<float>(1 << (25 - plan.precision)))),
        less(hn::Set(ChainTag(), static_cast<float>((1 << (25 - plan.precision)) - 1))) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    const ChainVector lo{_mm512_fmadd_round_ps(a.raw, b.raw, sum.raw, kDown)};
    const ChainVector hi{_mm512_fmadd_round_ps(a.raw, b.raw, sum.raw, kUp)};
    return hn::MulAdd(lo, twice_scale, hn::NegMulAdd(lo, less, hi));
  }
};

/// Rounded down and up, a sum is the same or two neighbours, one of them odd: rounding to odd keeps
/// in the last bit whether anything was lost, so that the second rounding, to at most 22 bits, is
/// as if of the exact sum (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums",
/// 2008).
struct NearestOddRule {
  MagicRounding round;

  explicit HWY_INLINE NearestOddRule(int precision) : round(precision) {}

  explicit HWY_INLINE NearestOddRule(const ChainPlan& plan) : NearestOddRule(plan.precision) {}

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

/// A sum reaches a midpoint exactly if what is left of it in binary32, rounded toward zero, does.
struct NearestAwayRule {
  KeptBits kept;
  __m512i half;

  explicit HWY_INLINE NearestAwayRule(const ChainPlan& plan)
      : kept(plan.precision), half(_mm512_set1_epi32(1 << (23 - plan.precision))) {}

  HWY_INLINE ChainVector operator()(ChainVector a, ChainVector b, ChainVector sum) const {
    const __m512 chopped = _mm512_fmadd_round_ps(a.raw, b.raw, sum.raw, kChop);
    return kept(_mm512_add_epi32(_mm512_castps_si512(chopped), half));
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

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
