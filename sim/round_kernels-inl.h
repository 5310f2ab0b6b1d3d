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

/// What the magic methods share: clamping before rounding; sign, overflow and NaN after it.
template <bool kClamps, NanRule kNan>
struct MagicFrame {
  using D = hn::ScalableTag<float>;
  using DI = hn::RebindToSigned<D>;
  using V = hn::Vec<D>;
  using VI = hn::Vec<DI>;

  D d;
  V low, high, largest, lowest, overflow_high, overflow_low, nan;

  explicit HWY_INLINE MagicFrame(const RoundPlan& plan)
      : low(hn::Set(d, static_cast<float>(plan.clamp_low))),
        high(hn::Set(d, static_cast<float>(plan.clamp_high))),
        largest(hn::Set(d, plan.largest)),
        lowest(hn::Set(d, plan.lowest)),
        overflow_high(hn::Set(d, plan.overflow_high)),
        overflow_low(hn::Set(d, plan.overflow_low)),
        nan(constant_of_bits(d, plan.nan_bits)) {}

  /// The order of operands decides where NaN goes on x86: through, or to `high`.
  HWY_INLINE V clamped(V x) const {
    return hn::Max(low, kNan == NanRule::highest ? hn::Min(x, high) : hn::Min(high, x));
  }

  HWY_INLINE V finished(V x, V result) const {
    if constexpr (!kClamps) {
      const V rounded = result;
      result = hn::IfThenElse(hn::Gt(rounded, largest), overflow_high, result);
      result = hn::IfThenElse(hn::Lt(rounded, lowest), overflow_low, result);
    }
    if constexpr (kNan == NanRule::constant) return hn::IfThenElse(hn::IsNaN(x), nan, result);
#if HALFULP_NAN_PROPAGATES
    return result;
#else
    if constexpr (kNan == NanRule::highest) return hn::IfThenElse(hn::IsNaN(x), nan, result);
    return keep_nan(d, x, result);
#endif
  }
};

/// nearest_even to integers and other fixed grids without minus zero: one magic number for all, whose
/// ulp is the spacing, so the addition rounds (once, in hardware) and the subtraction is exact.
template <bool kClamps, NanRule kNan>
struct IntegerRounding : MagicFrame<kClamps, kNan> {
  using Frame = MagicFrame<kClamps, kNan>;
  using typename Frame::V;
  static constexpr bool kUsesWords = false;

  V magic;

  explicit HWY_INLINE IntegerRounding(const RoundPlan& plan) : Frame(plan) {
    const auto power = constant_of_bits(this->d, plan.magic.min_exponent_bits);
    magic = hn::Mul(power, hn::Set(this->d, plan.magic.magic));
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    return this->finished(x, hn::Sub(hn::Add(this->clamped(x), magic), magic));
  }
};

/// nearest_even to floats of precision 2 to 22: the magic number is 1.5 * 2^(24-p) times the operand's
/// power of two (or the smallest normal one's: subnormals come free). The product is exact, so the
/// fused form and the plain one of older CPUs agree.
template <bool kClamps, NanRule kNan>
struct FloatRounding : MagicFrame<kClamps, kNan> {
  using Frame = MagicFrame<kClamps, kNan>;
  using typename Frame::DI;
  using typename Frame::V;
  using typename Frame::VI;
  static constexpr bool kUsesWords = false;

  V sign_mask, magic;
  VI exponent_mask, min_exponent;

  explicit HWY_INLINE FloatRounding(const RoundPlan& plan)
      : Frame(plan),
        sign_mask(constant_of_bits(this->d, plan.magic.sign_mask)),
        magic(hn::Set(this->d, plan.magic.magic)),
        exponent_mask(hn::Set(DI(), 0x7F800000)),
        min_exponent(hn::Set(DI(), plan.magic.min_exponent_bits)) {}

  /// The power of two that counts as the operand's.
  HWY_INLINE V power_of(V clamped) const {
    const VI own = hn::And(hn::BitCast(DI(), clamped), exponent_mask);
    return hn::BitCast(this->d, hn::Max(own, min_exponent));
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const V clamped = this->clamped(x);
    const V power = power_of(clamped);
    const V nearest = hn::NegMulAdd(power, magic, hn::MulAdd(power, magic, clamped));
    // Zeros, which the subtraction makes positive, get their sign back.
    return this->finished(x, hn::Or(nearest, hn::And(clamped, sign_mask)));
  }
};

/// stochastic rounding on the same grids. The magnitude goes to its nearest neighbour r with the exact
/// remainder x - r; with T = R quantum / 2^N it then moves up from r when the remainder is at least
/// quantum - T, and down when it is negative and below -T. Every term is a binary32 number.
template <bool kClamps, NanRule kNan>
struct FloatStochastic : FloatRounding<kClamps, kNan> {
  using Base = FloatRounding<kClamps, kNan>;
  using typename Base::DI;
  using typename Base::V;
  static constexpr bool kUsesWords = true;

  V quantum, random_unit, zero_out;
  bool unbiased;
  int shift;

  explicit HWY_INLINE FloatStochastic(const RoundPlan& plan)
      : Base(plan),
        quantum(hn::Set(this->d, plan.magic.quantum)),
        random_unit(hn::Set(this->d, plan.magic.random_unit)),
        zero_out(hn::Set(this->d, static_cast<float>(plan.magnitude.zero_out))),
        unbiased(plan.magnitude.unbiased),
        shift(plan.magnitude.random_shift) {}

  /// R, or 2 R + 1.
  HWY_INLINE V random_number(const std::uint32_t* words) const {
    const hn::RebindToUnsigned<decltype(this->d)> du;
    auto bits = hn::ShiftRightSame(hn::LoadU(du, words), shift);
    if (unbiased) bits = hn::Or(hn::Add(bits, bits), hn::Set(du, 1U));
    return hn::ConvertTo(this->d, hn::BitCast(DI(), bits));
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* words) const {
    const V clamped = this->clamped(x);
    const V magnitude = hn::Abs(clamped);
    const V power = this->power_of(magnitude);
    const V nearest =
        hn::NegMulAdd(power, this->magic, hn::MulAdd(power, this->magic, magnitude));
    const V remainder = hn::Sub(magnitude, nearest);
    const V step = hn::Mul(power, quantum);
    const V minus_t = hn::Mul(random_number(words), hn::Mul(power, random_unit));
    const auto up = hn::Ge(remainder, hn::Add(step, minus_t));
    const auto down = hn::Lt(remainder, minus_t);
    V result = hn::Add(nearest, hn::IfThenElseZero(up, step));
    result = hn::Sub(result, hn::IfThenElseZero(down, step));
    return this->finished(x, hn::Add(hn::CopySign(result, clamped), zero_out));
  }
};

/// Formats whose smallest normal number is binary32's (bfloat16, tf32): the kept bits of a pattern are
/// the format's code, subnormals and ties at precision 1 included, so all modes are an integer addition.
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
  RoundPlan plan;

  explicit HWY_INLINE BitsRounding(const RoundPlan& p) : plan(p) {}

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
      const VU lowest_kept = hn::And(hn::ShiftRightSame(bits, p.drop), hn::Set(du, p.lowest_kept_one));
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

  HWY_INLINE V operator()(V x, const std::uint32_t* words) const {
    V operand = x;
    if constexpr (kClamps) {
      operand = hn::Min(hn::Set(d, static_cast<float>(plan.clamp_high)), operand);
      operand = hn::Max(hn::Set(d, static_cast<float>(plan.clamp_low)), operand);
    }
    V result = hn::BitCast(d, rounded(hn::BitCast(du, operand), words));
    if constexpr (!kClamps) {
      const auto is_infinite = hn::Eq(hn::Abs(x), hn::Inf(d));
      const V high = hn::IfThenElse(is_infinite, hn::Set(d, plan.infinity_high),
                                    hn::Set(d, plan.overflow_high));
      const V low = hn::IfThenElse(is_infinite, hn::Set(d, plan.infinity_low),
                                   hn::Set(d, plan.overflow_low));
      const auto is_above = hn::Gt(result, hn::Set(d, plan.largest));
      const auto is_below = hn::Lt(result, hn::Set(d, plan.lowest));
      result = hn::IfThenElse(is_above, high, hn::IfThenElse(is_below, low, result));
    }
    if (plan.nan_rule == NanRule::keep) return keep_nan(d, x, result);
    return hn::IfThenElse(hn::IsNaN(x), constant_of_bits(d, plan.nan_bits), result);
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
    if (plan.nan_rule == NanRule::keep) return keep_nan(d, x, result);
    return hn::IfThenElse(hn::IsNaN(x), constant_of_bits(d, plan.nan_bits), result);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
