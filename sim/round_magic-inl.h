// The fast methods of rounding one vector: magic numbers in binary32, and what all methods share.
// Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_MAGIC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_MAGIC_INL_H_
#undef HALFULP_SIM_ROUND_MAGIC_INL_H_
#else
#define HALFULP_SIM_ROUND_MAGIC_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

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
  using TU = hn::TFromD<decltype(du)>;
  constexpr TU kQuietBit = sizeof(TU) == 4 ? TU{1} << 22 : static_cast<TU>(std::uint64_t{1} << 51);
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(V) == 64 && sizeof(TU) == 4) {
    constexpr int kQuietOperandForNan = 0x22;  // 4 bits for each class: quiet and signaling NaN
    return V{_mm512_fixupimm_ps(result.raw, x.raw, _mm512_set1_epi32(kQuietOperandForNan), 0)};
  }
#endif
  const V quiet = hn::Or(x, hn::BitCast(d, hn::Set(du, kQuietBit)));
  return hn::IfThenElse(hn::IsNaN(x), quiet, result);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V constant_of_bits(D d, std::uint32_t bits) {
  return hn::BitCast(d, hn::Set(hn::RebindToUnsigned<D>(), bits));
}

/// What NaN becomes under NanRule::constant.
template <class D>
HWY_INLINE hn::Vec<D> nan_constant(D d, const RoundNumbers& plan) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(plan.nan));
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
        largest(hn::Set(d, static_cast<float>(plan.largest))),
        lowest(hn::Set(d, static_cast<float>(plan.lowest))),
        overflow_high(hn::Set(d, static_cast<float>(plan.overflow_high))),
        overflow_low(hn::Set(d, static_cast<float>(plan.overflow_low))),
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

/// nearest_even to integers and other fixed grids without minus zero: one magic number for all,
/// whose ulp is the spacing, so the addition rounds (once, in hardware) and the subtraction is
/// exact.
template <bool kClamps, NanRule kNan>
struct IntegerRounding : MagicFrame<kClamps, kNan> {
  using Frame = MagicFrame<kClamps, kNan>;
  using typename Frame::DI;
  using typename Frame::V;
  static constexpr bool kUsesWords = false;

  V magic;

  explicit HWY_INLINE IntegerRounding(const RoundPlan& plan) : Frame(plan) {
    const V power = hn::BitCast(this->d, hn::Set(DI(), plan.magic.min_exponent_bits));
    magic = hn::Mul(power, hn::Set(this->d, plan.magic.magic));
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    return this->finished(x, hn::Sub(hn::Add(this->clamped(x), magic), magic));
  }
};

/// nearest_even to floats of precision 2 to 22: the magic number is 1.5 * 2^(24-p) times the
/// operand's power of two (or the smallest normal one's: subnormals come free). The product is
/// exact, so the fused form and the plain one of older CPUs agree.
template <bool kClamps, NanRule kNan>
struct FloatRounding : MagicFrame<kClamps, kNan> {
  using Frame = MagicFrame<kClamps, kNan>;
  using Frame::d;
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

  /// The same with the operand's sign.
  HWY_INLINE V signed_power_of(V clamped) const {
#if HWY_TARGET <= HWY_AVX3
    constexpr int kLargerMagnitudeWithSignOfFirst = 0b0011;
    const V own = hn::And(clamped, constant_of_bits(d, 0xFF800000U));
    const V least = hn::BitCast(d, min_exponent);
    return V{_mm512_range_ps(own.raw, least.raw, kLargerMagnitudeWithSignOfFirst)};
#else
    return hn::OrAnd(power_of(clamped), clamped, hn::Set(d, -0.0F));
#endif
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const V clamped = this->clamped(x);
    const V power = power_of(clamped);
    const V nearest = hn::NegMulAdd(power, magic, hn::MulAdd(power, magic, clamped));
    // Zeros, which the subtraction makes positive, get their sign back.
    return this->finished(x, hn::Or(nearest, hn::And(clamped, sign_mask)));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
