// FusedMulAdd: a * b + c rounded once, with the same bits on every SIMD target.
// Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_FUSED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_FUSED_INL_H_
#undef HALFULP_SIM_FUSED_INL_H_
#else
#define HALFULP_SIM_FUSED_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstddef>

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_NATIVE_FMA

/// a * b + c with one rounding (binary32 or binary64 lanes).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V FusedMulAdd(D /*d*/, V a, V b, V c) {
  return hn::MulAdd(a, b, c);
}

#else  // no fused instruction: slow, but the same bits

/// std::fma of each lane, which the C library rounds correctly.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V FusedMulAddByLane(D d, V a, V b, V c) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T factors[hn::MaxLanes(D())];
  HWY_ALIGN T others[hn::MaxLanes(D())];
  HWY_ALIGN T sums[hn::MaxLanes(D())];
  hn::Store(a, d, factors);
  hn::Store(b, d, others);
  hn::Store(c, d, sums);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) sums[i] = std::fma(factors[i], others[i], sums[i]);
  return hn::Load(d, sums);
}

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

/// a * b + c in binary64, rounded to odd, for lanes that hold binary32 values.
///
/// The product has at most 48 significant bits, so it is exact; TwoSum (Knuth) gives the sum's
/// rounding error exactly. Rounding to odd keeps in the last bit whether anything was lost, so the
/// conversion to binary32 (at most 24 of 53 bits, subnormals included) rounds as if from the exact
/// sum (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V MulAddToOdd(D d, V a, V b, V c) {
  const hn::RebindToUnsigned<D> du;
  const V product = hn::Mul(a, b);
  const V sum = hn::Add(product, c);
  const V c_part = hn::Sub(sum, product);
  const V product_part = hn::Sub(sum, c_part);
  const V error = hn::Add(hn::Sub(product, product_part), hn::Sub(c, c_part));
  // Not "error != 0": infinities and NaN give a NaN error and must pass unchanged.
  const auto inexact = hn::Or(hn::Lt(error, hn::Zero(d)), hn::Gt(error, hn::Zero(d)));
  // If the sum is inexact and even, its odd neighbour on the exact sum's side is one step away: up
  // in magnitude if error and sum have the same sign, else down.
  const auto one = hn::Set(du, 1);
  const auto bits = hn::BitCast(du, sum);
  const auto opposite = hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, error)));
  const auto step = hn::Sub(one, hn::Add(opposite, opposite));
  const auto even_mask = hn::Sub(hn::Zero(du), hn::AndNot(bits, one));
  const auto move_mask = hn::And(hn::BitCast(du, hn::VecFromMask(d, inexact)), even_mask);
  return hn::BitCast(d, hn::Add(bits, hn::And(step, move_mask)));
}

/// The binary32 case: both halves in binary64, rounded to odd there and to nearest even here.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V FusedMulAddInDouble(D d, V a, V b, V c) {
  const hn::Half<D> half;
  const hn::RepartitionToWide<D> wide;
  const auto low = MulAddToOdd(wide, hn::PromoteTo(wide, hn::LowerHalf(half, a)),
                               hn::PromoteTo(wide, hn::LowerHalf(half, b)),
                               hn::PromoteTo(wide, hn::LowerHalf(half, c)));
  const auto high = MulAddToOdd(wide, hn::PromoteTo(wide, hn::UpperHalf(half, a)),
                                hn::PromoteTo(wide, hn::UpperHalf(half, b)),
                                hn::PromoteTo(wide, hn::UpperHalf(half, c)));
  return hn::Combine(d, hn::DemoteTo(half, high), hn::DemoteTo(half, low));
}

#endif

/// a * b + c with one rounding (binary32 or binary64 lanes).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V FusedMulAdd(D d, V a, V b, V c) {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  if constexpr (sizeof(hn::TFromD<D>) == 4 && hn::MaxLanes(D()) == 4) {
    return FusedMulAddInDouble(d, a, b, c);
  }
#endif
  return FusedMulAddByLane(d, a, b, c);
}

#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_FUSED_INL_H_
