// Stochastic rounding by carry, for 16-bit draws. Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_CARRY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_CARRY_INL_H_
#undef HALFULP_SIM_ROUND_CARRY_INL_H_
#else
#define HALFULP_SIM_ROUND_CARRY_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "sim/round_magic-inl.h"
#include "sim/round_plan.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Up when floor(nu 2^N) + R >= 2^N: R is added to the N highest dropped bits of the magnitude's
/// pattern, whose carry rounds up, and the dropped bits are cleared. Magnitudes below the smallest
/// normal number are first raised into its binade, truncated to a pattern there, and lowered again:
/// the dropped bits hold all N digits of nu, so nothing that decides is lost.
/// `kPlain`: range symmetric, a minus zero exists, and out of range is the largest number.
template <bool kPlain, bool kKeepsNan>
struct StochasticCarry {
  using D = hn::CappedTag<float, 16>;
  using DU = hn::RebindToUnsigned<D>;
  using V = hn::Vec<D>;
  using VU = hn::Vec<DU>;
  static constexpr bool kUsesWords = true;

  D d;
  DU du;
  V low, high, min_normal, offset, zero_out, largest, lowest, overflow_high, overflow_low, nan;
  VU keep_mask, random_mask, random_middle;
  int low_shift, high_shift;

  explicit HWY_INLINE StochasticCarry(const RoundPlan& plan)
      : low(hn::Set(d, static_cast<float>(plan.clamp_low))),
        high(hn::Set(d, static_cast<float>(plan.clamp_high))),
        min_normal(hn::Set(d, plan.carry.min_normal)),
        offset(hn::Set(d, plan.carry.offset)),
        zero_out(hn::Set(d, plan.carry.zero_out)),
        largest(hn::Set(d, static_cast<float>(plan.largest))),
        lowest(hn::Set(d, static_cast<float>(plan.lowest))),
        overflow_high(hn::Set(d, static_cast<float>(plan.overflow_high))),
        overflow_low(hn::Set(d, static_cast<float>(plan.overflow_low))),
        nan(constant_of_bits(d, plan.nan_bits)),
        keep_mask(hn::Set(du, ~plan.carry.drop_mask)),
        random_mask(hn::Set(du, plan.carry.random_mask)),
        random_middle(hn::Set(du, plan.carry.random_middle)),
        low_shift(plan.carry.low_shift),
        high_shift(plan.carry.high_shift) {}

  /// magnitude + offset truncated to binary32, where `is_small`; else the magnitude.
  HWY_INLINE V raised(V magnitude, hn::Mask<D> is_small) const {
#if HWY_TARGET <= HWY_AVX3
    return V{_mm512_mask_add_round_ps(magnitude.raw, is_small.raw, magnitude.raw, offset.raw,
                                      _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)};
#else
    // The nearest sum, and one unit less where that was above.
    const V addend = hn::IfThenElseZero(is_small, offset);
    const V sum = hn::Add(magnitude, addend);
    const auto is_above = hn::Gt(hn::Sub(sum, addend), magnitude);
    return hn::BitCast(
        d, hn::Add(hn::BitCast(du, sum), hn::BitCast(du, hn::VecFromMask(d, is_above))));
#endif
  }

  /// min(high, |x|).
  HWY_INLINE V limited_magnitude(V x) const {
#if HWY_TARGET <= HWY_AVX3
    constexpr int kSmallerMagnitudeWithoutSign = 0b1010;
    return V{_mm512_range_ps(x.raw, high.raw, kSmallerMagnitudeWithoutSign)};
#else
    return hn::Min(high, hn::Abs(x));
#endif
  }

  /// `addend` holds R where the dropped bits begin.
  HWY_INLINE V rounded(V x, VU addend) const {
    V clamped;
    V magnitude;
    if constexpr (kPlain) {
      clamped = x;
      magnitude = limited_magnitude(x);
    } else {
      clamped = hn::Max(low, hn::Min(high, x));
      magnitude = hn::Abs(clamped);
      addend = hn::Or(addend, random_middle);
    }
    const auto is_small = hn::Lt(magnitude, min_normal);
    const VU sum = hn::Add(hn::BitCast(du, raised(magnitude, is_small)), addend);
    V result = hn::BitCast(d, hn::And(sum, keep_mask));
#if HWY_TARGET <= HWY_AVX3
    result = V{_mm512_mask_sub_ps(result.raw, is_small.raw, result.raw, offset.raw)};
#else
    result = hn::Sub(result, hn::IfThenElseZero(is_small, offset));
#endif
    if constexpr (kPlain) {
      result = hn::Or(result, hn::And(clamped, hn::Set(d, -0.0F)));
    } else {
      result = hn::Add(hn::CopySign(result, clamped), zero_out);
      const V unlimited = result;
      result = hn::IfThenElse(hn::Gt(unlimited, largest), overflow_high, result);
      result = hn::IfThenElse(hn::Lt(unlimited, lowest), overflow_low, result);
    }
    if constexpr (kKeepsNan) return keep_nan(d, x, result);
    return hn::IfThenElse(hn::IsNaN(x), nan, result);
  }

  /// For elements whose draws are in the low halves of `words`.
  HWY_INLINE V with_low_draws(V x, VU words) const {
    return rounded(x, hn::And(hn::ShiftLeftSame(words, low_shift), random_mask));
  }

  HWY_INLINE V with_high_draws(V x, VU words) const {
    return rounded(x, hn::And(hn::ShiftRightSame(words, high_shift), random_mask));
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* words) const {
    return with_high_draws(x, hn::LoadU(du, words));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
