// How the fused kernels of block quantization round one vector of elements.
// Included once per SIMD target.
#if defined(HALFULP_SIM_BLOCK_ELEMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_BLOCK_ELEMENTS_INL_H_
#undef HALFULP_SIM_BLOCK_ELEMENTS_INL_H_
#else
#define HALFULP_SIM_BLOCK_ELEMENTS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "sim/block_factors-inl.h"
#include "sim/block_kernels.h"
#include "sim/round_magic-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

using DF = hn::Rebind<float, DU>;
using VF = hn::Vec<DF>;

/// round(x m) s with the operations of round_magic-inl.h.
template <class Op>
struct ScaledElements {
  using Rounding = Op;
  Op op;

  struct Constants {
    VF multiplier, scale;
  };

  HWY_INLINE ScaledElements(const RoundPlan& plan, const FusedPlan& /*fused*/) : op(plan) {}

  HWY_INLINE VF operator()(VF x, const Constants& c) const {
    return hn::Mul(op(hn::Mul(x, c.multiplier), nullptr), c.scale);
  }
};

/// Power-of-two scales leave the significands alone, so elements can be rounded where they are,
/// with limit and spacing scaled instead: no multiplications. For scales far from the ends of
/// binary32.
struct FloatElementsInPlace {
  VF largest, least_power, sign_mask, magic;

  struct Constants {
    VF first, second;  ///< largest magnitude, smallest normal number
  };

  HWY_INLINE FloatElementsInPlace(const RoundPlan& plan, const FusedPlan& f)
      : largest(hn::Set(DF(), f.largest)),
        least_power(
            hn::BitCast(DF(), hn::Set(hn::RebindToSigned<DF>(), plan.magic.min_exponent_bits))),
        sign_mask(constant_of_bits(DF(), plan.magic.sign_mask)),
        magic(hn::Set(DF(), plan.magic.magic)) {}

  HWY_INLINE Constants constants(VF scale) const {
    return {hn::Mul(scale, largest), hn::Mul(scale, least_power)};
  }

  HWY_INLINE VF operator()(VF x, const Constants& c) const {
    const DF d;
    const hn::RebindToSigned<DF> di;
    const VF clamped = hn::Max(hn::Neg(c.first), hn::Min(c.first, x));
    const auto own = hn::And(hn::BitCast(di, clamped), hn::Set(di, 0x7F800000));
    const VF power = hn::BitCast(d, hn::Max(own, hn::BitCast(di, c.second)));
    const VF nearest = hn::NegMulAdd(power, magic, hn::MulAdd(power, magic, clamped));
    return hn::OrAnd(nearest, clamped, sign_mask);
  }
};

/// The same for integers and fixed point: one magic number for a block.
struct IntegerElementsInPlace {
  float low, high, magic;

  struct Constants {
    VF first, second;  ///< scale, magic number
  };

  HWY_INLINE IntegerElementsInPlace(const RoundPlan& plan, const FusedPlan& /*fused*/)
      : low(static_cast<float>(plan.clamp_low)), high(static_cast<float>(plan.clamp_high)) {
    const hn::RebindToSigned<DF> di;
    const VF power = hn::BitCast(DF(), hn::Set(di, plan.magic.min_exponent_bits));
    magic = hn::GetLane(hn::Mul(power, hn::Set(DF(), plan.magic.magic)));
  }

  HWY_INLINE Constants constants(VF scale) const {
    return {scale, hn::Mul(scale, hn::Set(DF(), magic))};
  }

  HWY_INLINE VF operator()(VF x, const Constants& c) const {
    const DF d;
    const VF above_low = hn::Max(hn::Mul(c.first, hn::Set(d, low)), x);
    const VF clamped = hn::Min(hn::Mul(c.first, hn::Set(d, high)), above_low);
    return hn::Sub(hn::Add(clamped, c.second), c.second);
  }
};

/// Whether all blocks are zero or within 2^-80 and 2^80.
HWY_INLINE bool are_central(VU maxima) {
  const hn::RebindToSigned<DU> di;
  const auto pattern = hn::BitCast(di, maxima);
  constexpr std::int32_t kLow = (127 - 80) << 23;
  constexpr std::int32_t kHigh = (127 + 80) << 23;
  const auto is_inside =
      hn::And(hn::Gt(pattern, hn::Set(di, kLow)), hn::Lt(pattern, hn::Set(di, kHigh)));
  return hn::AllTrue(di, hn::Or(is_inside, hn::Eq(pattern, hn::Zero(di))));
}

struct NoInPlace {};

/// round(x m) s where no product reaches beyond the largest element.
template <class Op>
struct UnclampedElements;

template <>
struct UnclampedElements<FloatRounding<true, NanRule::highest>> {
  using Constants = typename ScaledElements<FloatRounding<true, NanRule::highest>>::Constants;
  FloatRounding<true, NanRule::highest> op;

  explicit HWY_INLINE UnclampedElements(const RoundPlan& plan) : op(plan) {}

  HWY_INLINE VF operator()(VF x, const Constants& c) const {
    const VF product = hn::Mul(x, c.multiplier);
    const VF power = op.power_of(product);
    const VF nearest = hn::NegMulAdd(power, op.magic, hn::MulAdd(power, op.magic, product));
    return hn::Mul(hn::OrAnd(nearest, product, op.sign_mask), c.scale);
  }
};

template <>
struct UnclampedElements<IntegerRounding<true, NanRule::highest>> {
  using Constants = typename ScaledElements<IntegerRounding<true, NanRule::highest>>::Constants;
  IntegerRounding<true, NanRule::highest> op;

  explicit HWY_INLINE UnclampedElements(const RoundPlan& plan) : op(plan) {}

  HWY_INLINE VF operator()(VF x, const Constants& c) const {
    const VF sum = hn::Add(hn::Mul(x, c.multiplier), op.magic);
    return hn::Mul(hn::Sub(sum, op.magic), c.scale);
  }
};

/// Whether no element of these blocks needs its clamp. (False where a scale is NaN.)
HWY_INLINE bool stay_inside(const FusedPlan& fused, VU maxima, VF multiplier) {
  const DF d;
  const VF largest = hn::Mul(hn::BitCast(d, maxima), multiplier);
  return hn::AllTrue(d, hn::Lt(largest, hn::Set(d, fused.overflow_from)));
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
