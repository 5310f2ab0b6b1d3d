// nearest_even to floats that need another magic number than round_magic-inl.h has: without
// subnormals, of precision 1, 23 and 24. Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_NEAREST_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_NEAREST_INL_H_
#undef HALFULP_SIM_ROUND_NEAREST_INL_H_
#else
#define HALFULP_SIM_ROUND_NEAREST_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "sim/round_magic-inl.h"
#include "sim/round_plan.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// Formats without subnormals: magnitudes below the smallest normal number count as those of a
/// binade so high that its spacing is that number (they become it or zero), or twice that (flushed
/// operands become zero).
template <bool kClamps, NanRule kNan>
struct NormalRounding : FloatRounding<kClamps, kNan> {
  using Base = FloatRounding<kClamps, kNan>;
  using typename Base::DI;
  using typename Base::V;
  using typename Base::VI;

  VI small_power;

  explicit HWY_INLINE NormalRounding(const RoundPlan& plan)
      : Base(plan), small_power(hn::Set(DI(), plan.magic.small_exponent_bits)) {}

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const V clamped = this->clamped(x);
    const VI own = hn::And(hn::BitCast(DI(), clamped), this->exponent_mask);
    const auto is_small = hn::Gt(this->min_exponent, own);
    const V power = hn::BitCast(this->d, hn::IfThenElse(is_small, small_power, own));
    const V sum = hn::MulAdd(power, this->magic, clamped);
    const V nearest = hn::NegMulAdd(power, this->magic, sum);
    return this->finished(x, hn::OrAnd(nearest, clamped, this->sign_mask));
  }
};

/// Precision 1, where the exponent decides ties: the magic number is 1.5 * 2^23 or more, as an odd
/// or even multiple of the operand's power of two, so that the even sum is that of the even code.
template <bool kClamps, NanRule kNan>
struct ParityRounding : FloatRounding<kClamps, kNan> {
  using Base = FloatRounding<kClamps, kNan>;
  using typename Base::DI;
  using typename Base::V;

  hn::Vec<DI> first_multiple;

  explicit HWY_INLINE ParityRounding(const RoundPlan& plan)
      : Base(plan), first_multiple(hn::BitCast(DI(), this->magic)) {}

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const V clamped = this->clamped(x);
    const V power = this->power_of(clamped);
    // The multiples are the integers from 1.5 * 2^23 on: the exponent's field added to the pattern.
    const auto field = hn::ShiftRight<23>(hn::BitCast(DI(), power));
    const V multiple = hn::BitCast(this->d, hn::Add(field, first_multiple));
    const V nearest = hn::NegMulAdd(power, multiple, hn::MulAdd(power, multiple, clamped));
    return this->finished(x, hn::OrAnd(nearest, clamped, this->sign_mask));
  }
};

/// Precision 23: the magic number 2 * 2^e with the operand's sign keeps the sum inside one binade.
template <bool kClamps, NanRule kNan>
struct SignedMagicRounding : FloatRounding<kClamps, kNan> {
  using Base = FloatRounding<kClamps, kNan>;
  using typename Base::DI;
  using typename Base::V;

  explicit HWY_INLINE SignedMagicRounding(const RoundPlan& plan) : Base(plan) {}

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const V clamped = this->clamped(x);
    const V power = this->signed_power_of(clamped);
    const V sum = hn::MulAdd(power, this->magic, clamped);
    const V nearest = hn::NegMulAdd(power, this->magic, sum);
    return this->finished(x, hn::OrAnd(nearest, clamped, this->sign_mask));
  }
};

/// Precision 24: normal numbers stay; the smallest one, with the operand's sign, is the magic
/// number of the others.
template <bool kClamps, NanRule kNan>
struct SubnormalRounding : FloatRounding<kClamps, kNan> {
  using Base = FloatRounding<kClamps, kNan>;
  using typename Base::V;

  explicit HWY_INLINE SubnormalRounding(const RoundPlan& plan) : Base(plan) {}

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const V clamped = this->clamped(x);
    const V least = hn::BitCast(this->d, this->min_exponent);
    const V with_sign = hn::OrAnd(least, clamped, hn::Set(this->d, -0.0F));
    // Zero for normal numbers: the addition then only quiets NaN.
    const V addend = hn::IfThenElseZero(hn::Lt(hn::Abs(clamped), least), with_sign);
    const V nearest = hn::Sub(hn::Add(clamped, addend), addend);
    return this->finished(x, hn::OrAnd(nearest, clamped, this->sign_mask));
  }
};

/// e8m0fnu, all powers of two from 2^-127 to 2^127. Patterns of twice the operand have no subnormal
/// numbers, and what becomes infinite is saturated; a tie goes to the even exponent field.
struct PowerRounding {
  using D = hn::ScalableTag<float>;
  using DI = hn::RebindToSigned<D>;
  using V = hn::Vec<D>;
  static constexpr bool kUsesWords = false;

  D d;

  explicit HWY_INLINE PowerRounding(const RoundPlan& /*plan*/) {}

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const DI di;
    constexpr std::int32_t kOneExponent = 1 << 23;
    constexpr std::int32_t kHalf = 1 << 22;
    const V positive = hn::Max(hn::Set(d, 0x1p-127F), x);
    const auto twice = hn::BitCast(di, hn::Add(positive, positive));
    // One exponent less for the factor 2. Its own field is one more than the code: ties of odd
    // fields go down.
    const auto is_odd = hn::TestBit(twice, hn::Set(di, kOneExponent));
    const auto addend = hn::IfThenElse(is_odd, hn::Set(di, kHalf - 1 - kOneExponent),
                                       hn::Set(di, kHalf - kOneExponent));
    const auto rounded = hn::And(hn::Add(twice, addend), hn::Set(di, 0x7F800000));
    const V result = hn::BitCast(d, hn::Max(rounded, hn::Set(di, 0x00400000)));
    return keep_nan(d, x, result);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
