// Rounding of one vector, in the three ways of RoundMethod. Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_KERNELS_INL_H_
#undef HALFULP_SIM_ROUND_KERNELS_INL_H_
#else
#define HALFULP_SIM_ROUND_KERNELS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <type_traits>

#include "sim/round_plan.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// On x86, min and max return their second operand when one is NaN, and arithmetic returns the NaN
// operand quieted: the same bits as keep_nan() below, for no instruction.
#define HALFULP_NAN_PROPAGATES \
  (HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128)

/// `result`, except where x is NaN: there x itself, quieted.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V keep_nan(D d, V x, V result) {
  const hn::RebindToUnsigned<D> du;
  const V quiet = hn::Or(x, hn::BitCast(d, hn::Set(du, 0x00400000U)));
  return hn::IfThenElse(hn::IsNaN(x), quiet, result);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V constant_of_bits(D d, std::uint32_t bits) {
  return hn::BitCast(d, hn::Set(hn::RebindToUnsigned<D>(), bits));
}

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

/// nearest_even by magic addition. With e the exponent of |x|, at least that of the smallest normal
/// number, 1.5 * 2^(e + 24 - p) has the format's spacing at x as its own ulp, so the addition rounds x
/// to the format (once, in hardware) and the subtraction is exact. Precision 2 to 22.
/// kClamps and kConstantNan are the RoundPlan's fields of those names.
template <bool kClamps, bool kConstantNan>
struct MagicRounding {
  using D = hn::ScalableTag<float>;
  using V = hn::Vec<D>;
  using VI = hn::Vec<hn::RebindToSigned<D>>;
  static constexpr bool kUsesWords = false;

  D d;
  hn::RebindToSigned<D> di;
  V low, high, sign_mask, largest, lowest, overflow_high, overflow_low, nan;
  VI exponent_mask, min_exponent, offset;

  explicit HWY_INLINE MagicRounding(const RoundPlan& plan)
      : low(hn::Set(d, static_cast<float>(plan.clamp_low))),
        high(hn::Set(d, static_cast<float>(plan.clamp_high))),
        sign_mask(constant_of_bits(d, plan.magic.sign_mask)),
        largest(hn::Set(d, plan.largest)),
        lowest(hn::Set(d, plan.lowest)),
        overflow_high(hn::Set(d, plan.overflow_high)),
        overflow_low(hn::Set(d, plan.overflow_low)),
        nan(constant_of_bits(d, plan.nan_bits)),
        exponent_mask(hn::Set(di, 0x7F800000)),
        min_exponent(hn::Set(di, plan.magic.min_exponent_bits)),
        offset(hn::Set(di, plan.magic.offset)) {}

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const V clamped = hn::Max(low, hn::Min(high, x));
    const VI own = hn::And(hn::BitCast(di, clamped), exponent_mask);
    const V magic = hn::BitCast(d, hn::Add(hn::Max(own, min_exponent), offset));
    V result = hn::Sub(hn::Add(clamped, magic), magic);
    result = hn::Or(result, hn::And(x, sign_mask));  // a zero gets its sign back
    if constexpr (!kClamps) {
      result = hn::IfThenElse(hn::Gt(result, largest), overflow_high, result);
      result = hn::IfThenElse(hn::Lt(result, lowest), overflow_low, result);
    }
    if constexpr (kConstantNan) return hn::IfThenElse(hn::IsNaN(x), nan, result);
#if HALFULP_NAN_PROPAGATES
    return result;
#else
    return keep_nan(d, x, result);
#endif
  }
};

/// Formats whose smallest normal number is binary32's (bfloat16, tf32): the kept bits of a pattern are
/// the format's code, subnormals and ties at precision 1 included, so all modes are an integer addition.
template <Rounding kRounding, bool kClamps>
struct BitsRounding {
  using D = hn::ScalableTag<float>;
  using DU = hn::RebindToUnsigned<D>;
  using V = hn::Vec<D>;
  using VU = hn::Vec<DU>;
  static constexpr bool kUsesWords = kRounding == Rounding::stochastic;

  D d;
  DU du;
  BitsPlan plan;
  V largest, lowest, overflow_high, overflow_low, infinity_high, infinity_low, nan;
  bool has_constant_nan;

  explicit HWY_INLINE BitsRounding(const RoundPlan& p)
      : plan(p.bits),
        largest(hn::Set(d, p.largest)),
        lowest(hn::Set(d, p.lowest)),
        overflow_high(hn::Set(d, p.overflow_high)),
        overflow_low(hn::Set(d, p.overflow_low)),
        infinity_high(hn::Set(d, p.infinity_high)),
        infinity_low(hn::Set(d, p.infinity_low)),
        nan(constant_of_bits(d, p.nan_bits)),
        has_constant_nan(p.has_constant_nan) {}

  HWY_INLINE VU rounded(VU magnitude, VU bits, const std::uint32_t* words) const {
    const VU drop_mask = hn::Set(du, plan.drop_mask);
    VU addend = hn::Zero(du);
    if constexpr (kRounding == Rounding::nearest_even) {
      const VU lowest_kept = hn::And(magnitude, hn::Set(du, plan.lowest_kept));
      addend = hn::Add(hn::Set(du, plan.half_below), hn::ShiftRightSame(lowest_kept, plan.drop));
    } else if constexpr (kRounding == Rounding::nearest_away) {
      addend = hn::Set(du, plan.half);
    } else if constexpr (kRounding == Rounding::toward_positive) {
      addend = hn::AndNot(sign_everywhere(bits), drop_mask);
    } else if constexpr (kRounding == Rounding::toward_negative) {
      addend = hn::And(sign_everywhere(bits), drop_mask);
    } else if constexpr (kRounding == Rounding::to_odd) {
      // A nonzero remainder carries into the bit above it; or-ing that bit makes the code odd.
      const VU carried = hn::Add(hn::And(magnitude, drop_mask), drop_mask);
      return hn::Or(hn::AndNot(drop_mask, magnitude),
                    hn::And(carried, hn::Set(du, plan.lowest_kept)));
    } else if constexpr (kRounding == Rounding::stochastic) {
      VU random = hn::And(hn::LoadU(du, words), hn::Set(du, plan.random_mask));
      random = hn::Or(random, hn::Set(du, plan.random_middle));
      addend = hn::And(hn::ShiftRightSame(random, plan.random_shift), drop_mask);
    }
    return hn::AndNot(drop_mask, hn::Add(magnitude, addend));
  }

  HWY_INLINE VU sign_everywhere(VU bits) const {
    return hn::BitCast(du, hn::BroadcastSignBit(hn::BitCast(hn::RebindToSigned<D>(), bits)));
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* words) const {
    const VU bits = hn::BitCast(du, x);
    const VU sign = hn::And(bits, hn::Set(du, 0x80000000U));
    const VU magnitude = hn::Xor(bits, sign);
    VU result = rounded(magnitude, bits, words);
    if constexpr (kClamps) result = hn::Min(result, hn::Set(du, plan.limit));
    V value = hn::BitCast(d, hn::Or(result, sign));
    if constexpr (!kClamps) {
      const V infinity = hn::Inf(d);
      const auto is_infinite = hn::Eq(hn::Abs(x), infinity);
      const V high = hn::IfThenElse(is_infinite, infinity_high, overflow_high);
      const V low = hn::IfThenElse(is_infinite, infinity_low, overflow_low);
      const V rounded_value = value;
      value = hn::IfThenElse(hn::Gt(rounded_value, largest), high, value);
      value = hn::IfThenElse(hn::Lt(rounded_value, lowest), low, value);
    }
    if (has_constant_nan) return hn::IfThenElse(hn::IsNaN(x), nan, value);
    return keep_nan(d, x, value);
  }
};

/// Any mode and format: the magnitude is rounded to nearest by magic addition, which gives the lower
/// neighbour and the exact remainder; then the mode decides. T is the carrier: float, or double for
/// formats whose magic numbers, quanta or random fractions leave binary32.
template <class T, Decision kDecision>
struct MagnitudeRounding {
  static constexpr bool kIsWide = std::is_same_v<T, double>;
  static constexpr int kDigits = kIsWide ? 53 : 24;
  static constexpr bool kUsesWords = kDecision == Decision::stochastic;
  using C = hn::ScalableTag<T>;    // of the carrier
  using D = hn::Rebind<float, C>;  // of operands and results
  using CU = hn::RebindToUnsigned<C>;
  using CI = hn::RebindToSigned<C>;
  using V = hn::Vec<C>;
  using M = hn::Mask<C>;
  using TU = hwy::MakeUnsigned<T>;
  using TI = hwy::MakeSigned<T>;

  C c;
  RoundPlan plan;

  explicit HWY_INLINE MagnitudeRounding(const RoundPlan& p) : plan(p) {}

  HWY_INLINE V set(double value) const { return hn::Set(c, static_cast<T>(value)); }

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
    const M nearest_is_odd = hn::RebindMask(c, hn::TestBit(hn::BitCast(ci, sum), hn::Set(ci, TI{1})));
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
    const M up = rounds_up(magnitude, normal, negative, sum, nearest_is_upper, rest, quantum, words);
    return hn::Add(lower, hn::IfThenElseZero(up, quantum));
  }

  HWY_INLINE M rounds_up(V magnitude, M normal, M negative, V sum, M nearest_is_upper, V rest,
                         V quantum, const std::uint32_t* words) const {
    const M inexact = hn::Gt(rest, hn::Zero(c));
    if constexpr (kDecision == Decision::nearest_away) {
      return hn::Ge(hn::Add(rest, rest), quantum);
    } else if constexpr (kDecision == Decision::toward_positive) {
      return hn::AndNot(negative, inexact);
    } else if constexpr (kDecision == Decision::toward_negative) {
      return hn::And(negative, inexact);
    } else if constexpr (kDecision == Decision::to_odd) {
      return hn::And(inexact, lower_is_even(sum, nearest_is_upper));
    } else if constexpr (kDecision == Decision::to_odd_exponent) {
      return hn::AndNot(hn::And(normal, exponent_code_is_odd(magnitude)), inexact);
    } else if constexpr (kDecision == Decision::nearest_even_exponent) {
      const V twice = hn::Add(rest, rest);
      const M lower_is_odd = hn::And(normal, exponent_code_is_odd(magnitude));
      return hn::Or(hn::Gt(twice, quantum), hn::And(lower_is_odd, hn::Eq(twice, quantum)));
    } else {
      // nu >= 1 - R 2^-N, in units of the quantum: all terms are exact in the carrier.
      const V unit = hn::Mul(quantum, set(plan.magnitude.random_scale));
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
    const V result = hn::Add(hn::CopySign(rounded(magnitude, negative, words), clamped),
                             set(p.zero_out));
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
    if constexpr (kIsWide) {
      result = demote_exact(d, rounded_signed(hn::PromoteTo(c, x), words));
    } else {
      result = rounded_signed(x, words);
    }
    if (!plan.has_constant_nan) return keep_nan(d, x, result);
    return hn::IfThenElse(hn::IsNaN(x), constant_of_bits(d, plan.nan_bits), result);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
