// nearest_even to posits in binary32. Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_POSIT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_POSIT_INL_H_
#undef HALFULP_SIM_ROUND_POSIT_INL_H_
#else
#define HALFULP_SIM_ROUND_POSIT_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "sim/round_magic-inl.h"
#include "sim/round_plan.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The bit string of a posit after its regime is that of the binary32 pattern, so rounding (by bit
/// strings, as the standard says) is an integer addition at a place that depends on the regime.
/// Where at least one fraction bit is left, that is the addition of a magic number of the regime.
struct PositRounding {
  using D = hn::ScalableTag<float>;
  using DI = hn::RebindToSigned<D>;
  using DU = hn::RebindToUnsigned<D>;
  using V = hn::Vec<D>;
  using VI = hn::Vec<DI>;
  using VU = hn::Vec<DU>;
  static constexpr bool kUsesWords = false;

  D d;
  DI di;
  DU du;
  RoundNumbers plan;
#if HWY_TARGET <= HWY_AVX3
  V magic_low, magic_high;
#endif

  explicit HWY_INLINE PositRounding(const RoundNumbers& p) : plan(p) {
#if HWY_TARGET <= HWY_AVX3
    magic_low = hn::LoadU(d, plan.posit.magic);
    magic_high = hn::LoadU(d, plan.posit.magic + 16);
#endif
  }

  HWY_INLINE VI one_exponent() const { return hn::Set(di, 1 << 23); }

  /// 1.5 * 2^(bits lacking) for the regime of x; anything outside the fast range.
  HWY_INLINE V magic_of(V x) const {
    const PositPlan& p = plan.posit;
    const VU raised = hn::BitCast(du, hn::Add(hn::BitCast(di, x), one_exponent()));
#if HWY_TARGET <= HWY_AVX3
    const VU regime = hn::ShiftRightSame(raised, p.regime_shift);  // the permutation reads 5 bits
    return V{_mm512_permutex2var_ps(magic_low.raw, regime.raw, magic_high.raw)};
#else
    const VU magnitude = hn::And(raised, hn::Set(du, 0x7FFFFFFFU));
    const VI regime = hn::Sub(hn::BitCast(di, hn::ShiftRightSame(magnitude, p.regime_shift)),
                              hn::Set(di, p.regime_bias));
    const VI exponent =
        hn::Add(hn::Xor(regime, hn::BroadcastSignBit(regime)), hn::Set(di, p.drop_bias + 2 + 127));
    return hn::BitCast(d, hn::Or(hn::ShiftLeft<23>(exponent), hn::Set(di, 1 << 22)));
#endif
  }

  /// Neither zero nor inside the fast range.
  HWY_INLINE hn::Mask<DU> is_outside(V x) const {
    const VU bits = hn::BitCast(du, x);
    const VU twice = hn::Add(bits, bits);
    const VU distance = hn::Sub(twice, hn::Set(du, plan.posit.fast_low2));
    return hn::And(hn::Gt(distance, hn::Set(du, plan.posit.fast_limit2)),
                   hn::Ne(twice, hn::Zero(du)));
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    if (HWY_UNLIKELY(!hn::AllFalse(du, is_outside(x)))) return rounded_anywhere(x);
    const V exponent_mask = hn::Inf(d);
    const V power = hn::And(x, exponent_mask);
    const V magic = magic_of(x);
    return hn::NegMulAdd(power, magic, hn::MulAdd(power, magic, x));
  }

  /// The pattern with the low bits that the posit lacks rounded away.
  HWY_INLINE VI rounded_magnitude(VI magnitude) const {
    const PositPlan& p = plan.posit;
    const VI one = hn::Set(di, 1);
    const VI raised = hn::Add(magnitude, one_exponent());
    const VI regime =
        hn::Sub(hn::BitCast(di, hn::ShiftRightSame(hn::BitCast(du, raised), p.regime_shift)),
                hn::Set(di, p.regime_bias));
    const VI length = hn::Add(hn::Xor(regime, hn::BroadcastSignBit(regime)), hn::Set(di, 2));
    VI drop = hn::Add(length, hn::Set(di, p.drop_bias));
    drop = hn::Min(hn::Max(drop, hn::Zero(di)), hn::Set(di, p.regime_shift));
    const VI mask = hn::Sub(hn::Shl(one, drop), one);
    VI lowest = hn::And(hn::Shr(raised, drop), one);
    // Where the regime fills the posit its last bit decides a tie: the terminating 0 of the largest
    // regime but one, the terminating 1 of the smallest.
    lowest = hn::AndNot(hn::VecFromMask(di, hn::Eq(regime, hn::Set(di, p.top_regime))), lowest);
    lowest = hn::Or(
        lowest, hn::And(hn::VecFromMask(di, hn::Eq(regime, hn::Set(di, -p.top_regime - 1))), one));
    const VI addend = hn::Add(hn::ShiftRight<1>(mask), hn::And(lowest, mask));
    return hn::Sub(hn::AndNot(mask, hn::Add(raised, addend)), one_exponent());
  }

  HWY_INLINE V rounded_anywhere(V x) const {
    const V magnitude = hn::Abs(x);
    const VI bits = hn::BitCast(di, magnitude);
    const VI limited =
        hn::Max(hn::Min(bits, hn::Set(di, plan.posit.max_bits)), hn::Set(di, plan.posit.min_bits));
    V result = hn::BitCast(d, rounded_magnitude(limited));
    result = hn::CopySign(result, x);
    const auto is_zero = hn::Eq(magnitude, hn::Zero(d));
    const auto is_beyond = hn::RebindMask(d, hn::Gt(bits, hn::Set(di, plan.posit.max_bits)));
    const auto is_infinite = hn::Eq(magnitude, hn::Inf(d));
    const auto is_negative = hn::Lt(x, hn::Zero(d));
    const auto by_sign = [&](double low, double high) {
      return hn::IfThenElse(is_negative, hn::Set(d, static_cast<float>(low)),
                            hn::Set(d, static_cast<float>(high)));
    };
    result = hn::IfThenZeroElse(is_zero, result);
    result = hn::IfThenElse(is_beyond, by_sign(plan.overflow_low, plan.overflow_high), result);
    result = hn::IfThenElse(is_infinite, by_sign(plan.infinity_low, plan.infinity_high), result);
    return keep_nan(d, x, result);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
