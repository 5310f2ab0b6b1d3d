// Stochastic rounding by magic numbers. Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_STOCHASTIC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_STOCHASTIC_INL_H_
#undef HALFULP_SIM_ROUND_STOCHASTIC_INL_H_
#else
#define HALFULP_SIM_ROUND_STOCHASTIC_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "sim/round_magic-inl.h"
#include "sim/round_plan.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

// Up when the dropped part of a magnitude and T = R quantum / 2^N are a quantum or more together:
// the result is their sum with the magnitude, rounded toward zero to a multiple of the quantum.
// Instructions that round toward zero may do that in steps, because binary32 holds all multiples of
// the quantum in question and none is passed on the way.

#if HWY_TARGET <= HWY_AVX3

/// a b + c rounded toward zero.
HWY_INLINE hn::Vec<hn::ScalableTag<float>> truncated_fma(hn::Vec<hn::ScalableTag<float>> a,
                                                         hn::Vec<hn::ScalableTag<float>> b,
                                                         hn::Vec<hn::ScalableTag<float>> c) {
  constexpr int kTowardZero = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
  return hn::Vec<hn::ScalableTag<float>>{_mm512_fmadd_round_ps(a.raw, b.raw, c.raw, kTowardZero)};
}

/// For draws of 16 bits as DrawMaker leaves them: as the low bits of a significand they are T and
/// 128 quanta, one operation for both halves of a word but the shift. `kFixed`: one quantum for all
/// magnitudes.
template <bool kFixed, bool kClamps, NanRule kNan>
struct DrawStochastic : FloatRounding<kClamps, kNan> {
  using Base = FloatRounding<kClamps, kNan>;
  using DU = hn::RebindToUnsigned<typename Base::D>;
  using typename Base::V;
  using VU = hn::Vec<DU>;

  DU du;
  V offset, lift, whole;
  VU draw_mask;

  explicit HWY_INLINE DrawStochastic(const RoundPlan& plan)
      : Base(plan),
        offset(hn::Set(this->d, plan.magic.quantum * 0x1p7F)),
        lift(hn::Set(this->d, plan.magic.quantum * (0x1p23F - 0x1p7F))),
        whole(hn::Set(this->d, plan.magic.quantum * 0x1p23F)),
        draw_mask(hn::Set(du, plan.magic.draw_mask)) {}

  HWY_INLINE V power_with_sign(V clamped) const {
    if constexpr (!kFixed) return this->signed_power_of(clamped);
    return hn::OrAnd(hn::BitCast(this->d, this->min_exponent), clamped, hn::Set(this->d, -0.0F));
  }

  HWY_INLINE V with_low_draws(V x, VU words) const {
    const V clamped = this->clamped(x);
    const V power = power_with_sign(clamped);
    const V random = hn::BitCast(this->d, hn::OrAnd(hn::BitCast(du, offset), words, draw_mask));
    const V sum = truncated_fma(power, lift, truncated_fma(power, random, clamped));
    const V result = hn::NegMulAdd(power, whole, sum);
    return this->finished(x, hn::OrAnd(result, clamped, this->sign_mask));
  }

  HWY_INLINE V with_high_draws(V x, VU words) const {
    return with_low_draws(x, hn::ShiftRight<16>(words));
  }
};

#endif  // HWY_TARGET <= HWY_AVX3

/// For words.
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

  /// T for operands of one binade: R, or 2 R + 1, in its unit.
  HWY_INLINE V random_part(const std::uint32_t* words) const {
    const hn::RebindToUnsigned<decltype(this->d)> du;
    auto bits = hn::ShiftRightSame(hn::LoadU(du, words), shift);
    if (unbiased) bits = hn::Or(hn::Add(bits, bits), hn::Set(du, 1U));
    return hn::Mul(hn::ConvertTo(this->d, hn::BitCast(DI(), bits)), random_unit);
  }

#if HWY_TARGET <= HWY_AVX3
  HWY_INLINE V operator()(V x, const std::uint32_t* words) const {
    const V clamped = this->clamped(x);
    const V power = this->signed_power_of(clamped);
    const V lift = hn::Mul(quantum, hn::Set(this->d, 0x1p23F));
    const V sum = truncated_fma(power, lift, truncated_fma(power, random_part(words), clamped));
    const V result = hn::NegMulAdd(power, lift, sum);
    return this->finished(x, hn::OrAnd(result, clamped, this->sign_mask));
  }
#else
  /// The magnitude goes to its nearest neighbour r with the exact remainder x - r; it then moves up
  /// from r when the remainder is at least quantum - T, and down when it is negative and below -T.
  /// Every term is a binary32 number.
  HWY_INLINE V operator()(V x, const std::uint32_t* words) const {
    const V clamped = this->clamped(x);
    const V magnitude = hn::Abs(clamped);
    const V power = this->power_of(magnitude);
    const V nearest = hn::NegMulAdd(power, this->magic, hn::MulAdd(power, this->magic, magnitude));
    const V remainder = hn::Sub(magnitude, nearest);
    const V step = hn::Mul(power, quantum);
    const V t = hn::Mul(power, random_part(words));
    const auto up = hn::Ge(remainder, hn::Sub(step, t));
    const auto down = hn::Lt(remainder, hn::Neg(t));
    V result = hn::Add(nearest, hn::IfThenElseZero(up, step));
    result = hn::Sub(result, hn::IfThenElseZero(down, step));
    return this->finished(x, hn::Add(hn::CopySign(result, clamped), zero_out));
  }
#endif
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
