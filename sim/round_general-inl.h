// The general methods of rounding one vector: dropped bits, and magnitudes under any mode.
// Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_GENERAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_GENERAL_INL_H_
#undef HALFULP_SIM_ROUND_GENERAL_INL_H_
#else
#define HALFULP_SIM_ROUND_GENERAL_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <type_traits>

#include "sim/round_magic-inl.h"
#include "sim/round_plan.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// binary64 numbers that are binary32 numbers, or infinite.
template <class D, class V>
HWY_INLINE hn::Vec<D> demote_exact(D d, V wide) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  // Here Highway's DemoteTo would make infinities finite.
  const hn::Rebind<double, D> dd;
  HWY_ALIGN double from[HWY_LANES(double)];
  HWY_ALIGN float to[HWY_LANES(double)];
  hn::Store(wide, dd, from);
  for (std::size_t i = 0; i < hn::Lanes(dd); ++i) to[i] = static_cast<float>(from[i]);
  return hn::Load(d, to);
#else
  return hn::DemoteTo(d, wide);
#endif
}

/// Formats whose smallest normal number is binary32's (bfloat16, tf32): the kept bits of a pattern
/// are the format's code, subnormals and ties at precision 1 included, so all modes are an integer
/// addition.
template <Rounding kRounding, bool kClamps>
struct BitsRounding {
  using D = hn::ScalableTag<float>;
  using DU = hn::RebindToUnsigned<D>;
  using DI = hn::RebindToSigned<D>;
  using V = hn::Vec<D>;
  using VU = hn::Vec<DU>;
  static constexpr bool kUsesWords = kRounding == Rounding::stochastic;

  D d;
  DU du;
  RoundNumbers plan;

  explicit HWY_INLINE BitsRounding(const RoundNumbers& p) : plan(p) {}

  /// Kept bits of the pattern, sign included; the exponent leaves room for the carry.
  HWY_INLINE VU rounded(VU bits, const std::uint32_t* words) const {
    const BitsPlan& p = plan.bits;
    const VU drop_mask = hn::Set(du, p.drop_mask);
    if constexpr (kRounding == Rounding::toward_zero) {
      return hn::AndNot(drop_mask, bits);
    } else if constexpr (kRounding == Rounding::to_odd) {
      // A nonzero remainder carries into the lowest kept bit; or-ing it in makes the code odd.
      const VU carried = hn::Add(hn::And(bits, drop_mask), drop_mask);
      return hn::Or(hn::AndNot(drop_mask, bits), hn::And(carried, hn::Set(du, p.lowest_kept)));
    } else {
      return hn::AndNot(drop_mask, hn::Add(bits, addend(bits, words)));
    }
  }

  HWY_INLINE VU addend(VU bits, const std::uint32_t* words) const {
    const BitsPlan& p = plan.bits;
    const VU drop_mask = hn::Set(du, p.drop_mask);
    const VU sign_everywhere = hn::BitCast(du, hn::BroadcastSignBit(hn::BitCast(DI(), bits)));
    if constexpr (kRounding == Rounding::nearest_even) {
      const VU lowest_kept =
          hn::And(hn::ShiftRightSame(bits, p.drop), hn::Set(du, p.lowest_kept_one));
      return hn::Add(hn::Set(du, p.half_below), lowest_kept);
    } else if constexpr (kRounding == Rounding::nearest_away) {
      return hn::Set(du, p.half);
    } else if constexpr (kRounding == Rounding::toward_positive) {
      return hn::AndNot(sign_everywhere, drop_mask);
    } else if constexpr (kRounding == Rounding::toward_negative) {
      return hn::And(sign_everywhere, drop_mask);
    } else {
      const VU random = hn::And(hn::LoadU(du, words), hn::Set(du, p.random_mask));
      const VU number = hn::Or(random, hn::Set(du, p.random_middle));
      return hn::And(hn::ShiftRightSame(number, p.random_shift), drop_mask);
    }
  }

  /// x limited to the range, which is symmetric: only formats with a minus zero get here.
  HWY_INLINE V limited(V x) const {
    const V high = hn::Set(d, static_cast<float>(plan.clamp_high));
#if HWY_TARGET <= HWY_AVX3
    constexpr int kSmallerMagnitudeWithOwnSign = 0b0010;
    return V{_mm512_range_ps(x.raw, high.raw, kSmallerMagnitudeWithOwnSign)};
#else
    return hn::Max(hn::Neg(high), hn::Min(high, x));
#endif
  }

  /// The policies for overflow and NaN.
  HWY_INLINE V finished(V x, V result) const {
    if constexpr (!kClamps) {
      const auto is_infinite = hn::Eq(hn::Abs(x), hn::Inf(d));
      const V high = hn::IfThenElse(is_infinite, hn::Set(d, static_cast<float>(plan.infinity_high)),
                                    hn::Set(d, static_cast<float>(plan.overflow_high)));
      const V low = hn::IfThenElse(is_infinite, hn::Set(d, static_cast<float>(plan.infinity_low)),
                                   hn::Set(d, static_cast<float>(plan.overflow_low)));
      const auto is_above = hn::Gt(result, hn::Set(d, static_cast<float>(plan.largest)));
      const auto is_below = hn::Lt(result, hn::Set(d, static_cast<float>(plan.lowest)));
      result = hn::IfThenElse(is_above, high, hn::IfThenElse(is_below, low, result));
    }
    if (plan.nan_rule == NanRule::keep) return keep_nan(d, x, result);
    return hn::IfThenElse(hn::IsNaN(x), constant_of_bits(d, plan.nan_bits), result);
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* words) const {
    V operand = x;
    if constexpr (kClamps) {
      operand = limited(x);
    }
    return finished(x, hn::BitCast(d, rounded(hn::BitCast(du, operand), words)));
  }
};

/// nearest_even to any float: normal magnitudes drop bits as above; the others have one spacing,
/// that of the subnormals, or become the least magnitude. Integer patterns keep binary32's
/// subnormals out of the arithmetic, where they are slow.
template <bool kClamps, bool kSubnormals>
struct BottomRounding : BitsRounding<Rounding::nearest_even, kClamps> {
  using Base = BitsRounding<Rounding::nearest_even, kClamps>;
  using typename Base::DI;
  using typename Base::V;
  using typename Base::VU;
  using VI = hn::Vec<DI>;
  using Base::d;
  using Base::du;
  using Base::plan;

  explicit HWY_INLINE BottomRounding(const RoundPlan& p) : Base(p) {}

  /// Unlike the base's, the range need not be symmetric.
  HWY_INLINE V limited(V x) const {
    // Under other policies -0 must not count as an overflow of a format without signs.
    if constexpr (!kClamps) return hn::Add(x, float_set(plan.magnitude.zero_in));
    return hn::Max(float_set(plan.clamp_low), hn::Min(float_set(plan.clamp_high), x));
  }

  HWY_INLINE V float_set(double value) const { return hn::Set(d, static_cast<float>(value)); }

  HWY_INLINE VU normal(VU magnitude) const {
    const BottomPlan& p = plan.bottom;
    const auto is_odd = hn::TestBit(magnitude, hn::Set(du, plan.bits.lowest_kept));
    const VU addend = hn::IfThenElse(is_odd, hn::Set(du, p.odd_addend), hn::Set(du, p.even_addend));
    return hn::And(hn::Add(magnitude, addend), hn::Set(du, ~plan.bits.drop_mask));
  }

  HWY_INLINE VU small(VU magnitude) const {
    if constexpr (!kSubnormals) {
      return hn::Set(du, static_cast<std::uint32_t>(plan.bottom.least));
    }
    const V magic = float_set(plan.magnitude.fixed_magic);
    return hn::BitCast(du, hn::Sub(hn::Add(hn::BitCast(d, magnitude), magic), magic));
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const DI di;
    const VU sign_bit = hn::Set(du, 0x80000000U);
    const VU operand = hn::BitCast(du, limited(x));
    const VI magnitude = hn::BitCast(di, hn::AndNot(sign_bit, operand));
    const auto is_large = hn::Gt(magnitude, hn::Set(di, plan.bottom.threshold));
    const VU raised = hn::BitCast(du, hn::Max(magnitude, hn::Set(di, plan.bottom.floor)));
    const VU rounded = hn::IfThenElse(hn::RebindMask(du, is_large), normal(raised),
                                      small(hn::BitCast(du, magnitude)));
    const V result = hn::BitCast(d, hn::Or(rounded, hn::And(operand, sign_bit)));
    return this->finished(x, hn::Add(result, float_set(plan.magnitude.zero_out)));
  }
};

/// Any mode and format: the magnitude is rounded to nearest by magic addition, which gives the
/// lower neighbour and the exact remainder; then the mode decides. T is the carrier: float, or
/// double for double operands and for formats whose magic numbers, quanta or random fractions leave
/// binary32.
template <class T, Decision kDecision, class Operand = float>
struct MagnitudeRounding {
  static constexpr bool kIsWide = std::is_same_v<T, double>;
  static constexpr int kDigits = kIsWide ? 53 : 24;
  static constexpr bool kUsesWords = kDecision == Decision::stochastic;
  using C = hn::ScalableTag<T>;      // of the carrier
  using D = hn::Rebind<Operand, C>;  // of operands and results
  using CU = hn::RebindToUnsigned<C>;
  using CI = hn::RebindToSigned<C>;
  using V = hn::Vec<C>;
  using M = hn::Mask<C>;
  using TU = hwy::MakeUnsigned<T>;
  using TI = hwy::MakeSigned<T>;

  C c;
  RoundNumbers plan;

  explicit HWY_INLINE MagnitudeRounding(const RoundNumbers& p) : plan(p) {}

  template <class Number>
  HWY_INLINE V set(Number value) const {
    return hn::Set(c, static_cast<T>(value));
  }

  HWY_INLINE hn::Vec<CU> load_words(const std::uint32_t* words) const {
    if constexpr (kIsWide) {
      return hn::PromoteTo(CU(), hn::LoadU(hn::Rebind<std::uint32_t, C>(), words));
    } else {
      return hn::LoadU(CU(), words);
    }
  }

  /// R, or 2 R + 1 for the unbiased variant; exact.
  HWY_INLINE V random_number(const std::uint32_t* words) const {
    const CU cu;
    auto bits = hn::ShiftRightSame(load_words(words), plan.magnitude.random_shift);
    if (plan.magnitude.unbiased) bits = hn::Or(hn::ShiftLeft<1>(bits), hn::Set(cu, TU{1}));
    if constexpr (kIsWide) {
      const V shifted = hn::BitCast(c, hn::Or(bits, hn::Set(cu, TU{0x4330000000000000ULL})));
      return hn::Sub(shifted, hn::Set(c, 0x1p52));
    } else {
      return hn::ConvertTo(c, hn::BitCast(CI(), bits));
    }
  }

  /// Where the code of the largest power of two up to a normal magnitude is odd, at precision 1.
  HWY_INLINE M exponent_code_is_odd(V magnitude) const {
    const CI ci;
    const auto field = hn::ShiftRight<kDigits - 1>(hn::BitCast(ci, magnitude));
    const auto carrier_bias_parity = TI{1};
    const auto parity = hn::Set(ci, plan.magnitude.odd_bias ? TI{0} : carrier_bias_parity);
    return hn::RebindMask(c, hn::TestBit(hn::Xor(field, parity), hn::Set(ci, TI{1})));
  }

  /// The low bit of `sum` is that of the nearest multiple; the lower one may be its predecessor.
  HWY_INLINE M lower_is_even(V sum, M nearest_is_upper) const {
    const CI ci;
    const M nearest_is_odd =
        hn::RebindMask(c, hn::TestBit(hn::BitCast(ci, sum), hn::Set(ci, TI{1})));
    return hn::Not(hn::Xor(nearest_is_odd, nearest_is_upper));
  }

  HWY_INLINE V rounded(V magnitude, M negative, const std::uint32_t* words) const {
    const MagnitudePlan& p = plan.magnitude;
    const CI ci;
    const M normal = hn::Ge(magnitude, set(p.min_normal));
    const auto exponent = hn::And(hn::BitCast(ci, magnitude), hn::BitCast(ci, hn::Inf(c)));
    const auto raise = hn::Set(ci, static_cast<TI>(TI{p.digits_dropped} << (kDigits - 1)));
    const V magic =
        hn::IfThenElse(normal, hn::BitCast(c, hn::Add(exponent, raise)), set(p.fixed_magic));
    const V sum = hn::Add(magnitude, magic);
    const V nearest = hn::Sub(sum, magic);
    if constexpr (kDecision == Decision::nearest_even) return nearest;

    const V quantum = hn::Mul(magic, set(kIsWide ? 0x1p-52 : 0x1p-23));
    const M nearest_is_upper = hn::Gt(nearest, magnitude);
    const V lower = hn::Sub(nearest, hn::IfThenElseZero(nearest_is_upper, quantum));
    if constexpr (kDecision == Decision::toward_zero) return lower;

    const V rest = hn::Sub(magnitude, lower);
    const M up =
        rounds_up(magnitude, normal, negative, sum, nearest_is_upper, rest, quantum, words);
    return hn::Add(lower, hn::IfThenElseZero(up, quantum));
  }

  HWY_INLINE M rounds_up(V magnitude, M normal, M negative, V nearest_sum, M nearest_is_upper,
                         V rest, V quantum, const std::uint32_t* words) const {
    const M inexact = hn::Gt(rest, hn::Zero(c));
    if constexpr (kDecision == Decision::nearest_away) {
      return hn::Ge(hn::Add(rest, rest), quantum);
    } else if constexpr (kDecision == Decision::toward_positive) {
      return hn::AndNot(negative, inexact);
    } else if constexpr (kDecision == Decision::toward_negative) {
      return hn::And(negative, inexact);
    } else if constexpr (kDecision == Decision::to_odd) {
      return hn::And(inexact, lower_is_even(nearest_sum, nearest_is_upper));
    } else if constexpr (kDecision == Decision::to_odd_exponent) {
      return hn::AndNot(hn::And(normal, exponent_code_is_odd(magnitude)), inexact);
    } else if constexpr (kDecision == Decision::nearest_even_exponent) {
      const V twice = hn::Add(rest, rest);
      const M lower_is_odd = hn::And(normal, exponent_code_is_odd(magnitude));
      return hn::Or(hn::Gt(twice, quantum), hn::And(lower_is_odd, hn::Eq(twice, quantum)));
    } else {
      // nu >= 1 - R 2^-N, in units of the quantum: all terms are exact in the carrier.
      const V unit = hn::Mul(quantum, set(plan.magnitude.random_scale));
      if (plan.magnitude.rounds_fraction) {
        // nearest_even(nu 2^N) by magic addition: nu 2^N < 2^(digits - 2).
        const V magic = set(kIsWide ? 0x1.8p52 : 0x1.8p23);
        const V fraction = hn::Sub(hn::Add(hn::Div(rest, unit), magic), magic);
        const V sum = hn::Add(fraction, random_number(words));
        return hn::And(inexact, hn::Ge(sum, set(plan.magnitude.random_limit)));
      }
      return hn::Ge(rest, hn::Sub(quantum, hn::Mul(random_number(words), unit)));
    }
  }

  HWY_INLINE V rounded_signed(V x, const std::uint32_t* words) const {
    const MagnitudePlan& p = plan.magnitude;
    const V operand = hn::Add(x, set(p.zero_in));
    const V clamped = hn::Max(set(plan.clamp_low), hn::Min(set(plan.clamp_high), operand));
    V magnitude = hn::Abs(clamped);
    if (p.flush_below > 0) {
      magnitude = hn::IfThenZeroElse(hn::Lt(magnitude, set(p.flush_below)), magnitude);
    }
    if (p.min_magnitude > 0) magnitude = hn::Max(magnitude, set(p.min_magnitude));
    const M negative = hn::Lt(clamped, hn::Zero(c));
    const V result =
        hn::Add(hn::CopySign(rounded(magnitude, negative, words), clamped), set(p.zero_out));
    if (plan.clamps) return result;

    const M is_infinite = hn::Eq(hn::Abs(x), hn::Inf(c));
    const V high = hn::IfThenElse(is_infinite, set(plan.infinity_high), set(plan.overflow_high));
    const V low = hn::IfThenElse(is_infinite, set(plan.infinity_low), set(plan.overflow_low));
    const V below = hn::IfThenElse(hn::Lt(result, set(plan.lowest)), low, result);
    return hn::IfThenElse(hn::Gt(result, set(plan.largest)), high, below);
  }

  HWY_INLINE hn::Vec<D> operator()(hn::Vec<D> x, const std::uint32_t* words) const {
    const D d;
    hn::Vec<D> result;
    if constexpr (sizeof(T) != sizeof(Operand)) {
      result = demote_exact(d, rounded_signed(hn::PromoteTo(c, x), words));
    } else {
      result = rounded_signed(x, words);
    }
    if (plan.nan_rule == NanRule::keep) return keep_nan(d, x, result);
    return hn::IfThenElse(hn::IsNaN(x), nan_constant(d, plan), result);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
