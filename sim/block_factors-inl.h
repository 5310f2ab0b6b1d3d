// What the kernels of block quantization share: maxima of runs, and factors from maxima.
// Included once per SIMD target.
#if defined(HALFULP_SIM_BLOCK_FACTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_BLOCK_FACTORS_INL_H_
#undef HALFULP_SIM_BLOCK_FACTORS_INL_H_
#else
#define HALFULP_SIM_BLOCK_FACTORS_INL_H_
#endif

#include <hwy/highway.h>

#include <bit>
#include <cstdint>

#include "sim/block_kernels.h"
#include "sim/round_magic-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

using DU = hn::ScalableTag<std::uint32_t>;
using VU = hn::Vec<DU>;

HWY_INLINE VU load_bits(const float* in) {
  return hn::BitCast(DU(), hn::LoadU(hn::Rebind<float, DU>(), in));
}

/// Patterns without the sign: as unsigned integers, NaN is larger than every number.
HWY_INLINE VU load_magnitudes(const float* in) {
  return hn::And(load_bits(in), hn::Set(DU(), 0x7FFFFFFFU));
}

HWY_INLINE std::uint32_t magnitude_of(float x) {
  return std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFU;
}

/// Lanes i of the result: the maximum of run i of `length` elements, a multiple of the lanes.
template <std::size_t kCount, bool kOneVector>
HWY_INLINE VU maxima_of_runs(const float* in, std::size_t length) {
  const DU du;
  if constexpr (kCount == 1) {
    VU largest = load_magnitudes(in);
    for (std::size_t i = hn::Lanes(du); i < length; i += hn::Lanes(du)) {
      largest = hn::Max(largest, load_magnitudes(in + i));
    }
    return largest;
  } else {
#if HWY_TARGET == HWY_SCALAR
    return hn::Zero(du);  // one lane: never more than one run
#else
    if constexpr (kCount == 2 && kOneVector) {
      // The upper half of the first run and the lower half of the second are one vector in memory.
      const VU outer = hn::ConcatUpperLower(du, load_bits(in + length), load_bits(in));
      const VU inner = load_bits(in + length / 2);
      const VU mask = hn::Set(du, 0x7FFFFFFFU);
      return hn::Max(hn::And(outer, mask), hn::And(inner, mask));
    }
    // Neighbouring lanes meet, and two vectors become one: a tree of as many levels as it takes.
    const VU low = maxima_of_runs<kCount / 2, kOneVector>(in, length);
    const VU high = maxima_of_runs<kCount / 2, kOneVector>(in + kCount / 2 * length, length);
    return hn::Max(hn::ConcatEven(du, high, low), hn::ConcatOdd(du, high, low));
#endif
  }
}

/// The same of as many runs as vectors have lanes.
HWY_INLINE VU maxima_of_panel(const float* in, std::size_t length) {
  constexpr std::size_t kLanes = HWY_LANES(float);
  return length == kLanes ? maxima_of_runs<kLanes, true>(in, kLanes)
                          : maxima_of_runs<kLanes, false>(in, length);
}

/// One vector of E8M0 codes (biased exponents) and what they make.
struct PowerOfTwoFactors {
  using D = hn::Rebind<float, DU>;
  using DI = hn::RebindToSigned<DU>;
  using VI = hn::Vec<DI>;
  using V = hn::Vec<D>;

  const PowerOfTwoPlan& plan;

  explicit HWY_INLINE PowerOfTwoFactors(const PowerOfTwoPlan& p) : plan(p) {}

  explicit HWY_INLINE PowerOfTwoFactors(const FusedPlan& p) : plan(p.power_of_two) {}

  /// 2^(code - 127), of which 2^-127 is subnormal.
  static HWY_INLINE V power(VI code) {
    const DI di;
    const VI bits = hn::Max(hn::ShiftLeft<23>(code), hn::Set(di, 0x00400000));
    return hn::BitCast(D(), bits);
  }

  /// One where a pattern lies above its power of two.
  static HWY_INLINE VI excess(VI pattern) {
    const DI di;
    const auto above = hn::Gt(hn::And(pattern, hn::Set(di, 0x007FFFFF)), hn::Zero(di));
    return hn::IfThenElseZero(above, hn::Set(di, 1));
  }

  /// Biased exponent of the smallest power of two from 2^-127 on that is not below the number.
  static HWY_INLINE VI ceil_field(VI pattern) {
    const DI di;
    const auto is_low = hn::Lt(pattern, hn::Set(di, 0x00400001));
    return hn::IfThenZeroElse(is_low, hn::Add(hn::ShiftRight<23>(pattern), excess(pattern)));
  }

  HWY_INLINE VI code_of(VU maxima) const {
    const D d;
    const DI di;
    VI pattern = hn::BitCast(di, maxima);
    switch (plan.rule) {
      case BlockScaleRule::rceil:
        return ceil_field(
            hn::BitCast(di, hn::Mul(hn::BitCast(d, maxima), hn::Set(d, plan.reciprocal))));
      case BlockScaleRule::ceil:
        return less_emax(ceil_field(pattern));
      case BlockScaleRule::even: {
        // In the upper half of the subnormal numbers the last kept bit is one place lower.
        const auto is_subnormal = hn::Lt(pattern, hn::Set(di, 0x00800000));
        const VI step = hn::BitCast(di, hn::Set(DU(), plan.half_step));
        const VI half = hn::IfThenElse(is_subnormal, hn::ShiftRight<1>(step), step);
        return less_emax(hn::ShiftRight<23>(hn::Add(pattern, half)));
      }
      case BlockScaleRule::floor:
      case BlockScaleRule::exact:
        break;
    }
    return less_emax(hn::ShiftRight<23>(pattern));
  }

  HWY_INLINE VI less_emax(VI field) const {
    const DI di;
    return hn::Max(hn::Sub(field, hn::Set(di, plan.emax)), hn::Zero(di));
  }

  HWY_INLINE void operator()(VU maxima, V& multiplier, V& scale) const {
    const D d;
    const DI di;
    constexpr std::int32_t kLargestCode = 254;
    const VI code = hn::Min(code_of(maxima), hn::Set(di, kLargestCode));
    multiplier = power(hn::Sub(hn::Set(di, kLargestCode), code));
    multiplier = hn::Mul(multiplier, hn::Set(d, plan.multiplier_factor));
    scale = hn::Mul(power(code), hn::Set(d, plan.scale_factor));
  }
};

/// NVFP4 as TransformerEngine computes it (formats/block_scale.cc has the readable form).
struct TransformerEngineFactors {
  using D = hn::Rebind<float, DU>;
  using V = hn::Vec<D>;

  const FusedPlan& plan;
  FloatRounding<true, NanRule::keep> round_scale;

  explicit HWY_INLINE TransformerEngineFactors(const FusedPlan& p)
      : plan(p), round_scale(*p.scale_plan) {}

  HWY_INLINE void operator()(VU maxima, V& multiplier, V& scale) const {
    const D d;
    const V amax = hn::BitCast(d, maxima);
    const V rounded = round_scale(hn::Mul(amax, hn::Set(d, plan.scale_multiplier)), nullptr);
    const V decode = hn::Mul(rounded, hn::Set(d, plan.tensor_decode));
    multiplier = hn::Min(hn::Div(hn::Set(d, 1.0F), decode), hn::Set(d, plan.largest_single));
    scale =
        hn::Mul(hn::Mul(rounded, hn::Set(d, plan.tensor_amax)), hn::Set(d, plan.range_reciprocal));
  }
};

/// NVFP4 as torchao computes it.
struct TorchaoFactors {
  using D = hn::Rebind<float, DU>;
  using V = hn::Vec<D>;

  const FusedPlan& plan;
  FloatRounding<true, NanRule::keep> round_scale;

  explicit HWY_INLINE TorchaoFactors(const FusedPlan& p) : plan(p), round_scale(*p.scale_plan) {}

  /// Whether a lane is so close to a tie that a few units of the last place matter.
  HWY_INLINE bool is_near_tie(V quotient) const {
    const hn::RebindToSigned<DU> di;
    const std::int32_t half = (plan.scale_drop_mask + 1) / 2;
    const auto above = hn::Sub(hn::BitCast(di, quotient), hn::Set(di, half - kQuotientMargin));
    const auto distance = hn::And(above, hn::Set(di, plan.scale_drop_mask));
    return !hn::AllFalse(di, hn::Lt(distance, hn::Set(di, 2 * kQuotientMargin + 1)));
  }

  /// What rounds to the same scale as amax / M / g computed in this order.
  HWY_INLINE V quotient_of(V amax) const {
    const D d;
    if (plan.quotient_factor != 0) {
      const V product = hn::Mul(amax, hn::Set(d, plan.quotient_factor));
      if (HWY_LIKELY(!is_near_tie(product))) return product;
    }
    const V quotient = hn::Div(amax, hn::Set(d, plan.largest));
    return plan.has_tensor_scale ? hn::Div(quotient, hn::Set(d, plan.tensor_decode)) : quotient;
  }

  HWY_INLINE void operator()(VU maxima, V& multiplier, V& scale) const {
    const D d;
    const V quotient = quotient_of(hn::BitCast(d, maxima));
    const V rounded = round_scale(hn::Max(quotient, hn::Set(d, plan.least_scale)), nullptr);
    multiplier = hn::Div(hn::Set(d, plan.tensor_encode), rounded);
    multiplier = hn::Min(multiplier, hn::Set(d, plan.largest_single));
    scale = hn::Mul(hn::Set(d, plan.tensor_decode), rounded);
  }
};

/// The scale rule scale_binary32 of quantizer.h.
struct AbsmaxFactors {
  using D = hn::Rebind<float, DU>;
  using V = hn::Vec<D>;

  const FusedPlan& plan;

  explicit HWY_INLINE AbsmaxFactors(const FusedPlan& p) : plan(p) {}

  HWY_INLINE void operator()(VU maxima, V& multiplier, V& scale) const {
    const D d;
    const V one = hn::Set(d, 1.0F);
    const V amax = hn::BitCast(d, maxima);
    const V most = hn::Set(d, plan.largest_single);
    multiplier = hn::Min(hn::Div(hn::Set(d, plan.largest), amax), most);
    multiplier = hn::IfThenElse(hn::Eq(amax, hn::Zero(d)), one, multiplier);
    scale = hn::Min(hn::Div(one, multiplier), most);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
