// Steps that aligned sums share: operands with their exponents, rounding of sums.
// Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_ALIGNED_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ALIGNED_KERNELS_INL_H_
#undef HALFULP_SIM_ALIGNED_KERNELS_INL_H_
#else
#define HALFULP_SIM_ALIGNED_KERNELS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "sim/aligned_kernels.h"
#include "sim/aligned_vector.h"
#include "sim/sum_tiles-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// Exponent of a zero: with any other it lies below all that alignment looks at.
inline constexpr std::int32_t kNoExponent = -(1 << 20);

/// Least exponent of an addend.
inline constexpr int kBinary32LeastExponent = -126;

/// Operands of a panel in the order of evaluation, with their exponents.
template <class T>
class AlignedOperand {
 public:
  void resize(std::size_t n) {
    values_.resize(n);
    exponents_.resize(n);
  }

  /// From [k][width] floats, at place `at`. Subnormal numbers read 2^-127 here: they occur only
  /// where `least` is larger.
  void set(const AlignedPlan& plan, int operand, const float* from, std::size_t width,
           std::size_t at) {
    const std::int32_t least = plan.operand_least[operand];
    const bool flushes = plan.rule.flush_operands;
    for (std::size_t i = 0; i < plan.order.size(); ++i) {
      const float* const x = from + plan.order[i] * width;
      T* const value = values_.data() + at + i * width;
      std::int32_t* const exponent = exponents_.data() + at + i * width;
      for (std::size_t n = 0; n < width; ++n) {
        const auto magnitude = std::bit_cast<std::int32_t>(x[n]) & 0x7FFFFFFF;
        const std::int32_t own = (magnitude >> 23) - 127;
        const bool is_zero = magnitude == 0 || (flushes && own < least);
        value[n] = is_zero ? T{0} : static_cast<T>(x[n]);
        exponent[n] = is_zero ? kNoExponent : std::max(own, least);
      }
    }
  }

  const T* values(std::size_t at) const { return values_.data() + at; }

  const std::int32_t* exponents(std::size_t at) const { return exponents_.data() + at; }

 private:
  AlignedVector<T> values_;
  AlignedVector<std::int32_t> exponents_;
};

/// Toward zero; |x| < 2^31. hn::ConvertTo spends four more operations on what lies beyond.
template <class V>
HWY_INLINE auto TruncatedInt(V x) {
  using Int = hn::Vec<hn::RebindToSigned<FloatTag>>;
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  return Int{_mm512_cvttps_epi32(x.raw)};
#elif HWY_TARGET == HWY_AVX2
  return Int{_mm256_cvttps_epi32(x.raw)};
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  return Int{_mm_cvttps_epi32(x.raw)};
#else
  return Int(hn::ConvertTo(hn::RebindToSigned<FloatTag>(), x));
#endif
}

/// To nearest even, infinities included. Highway's portable targets make infinities finite.
template <class D>
HWY_INLINE hn::Vec<hn::Rebind<float, D>> NearestFloat(D d, hn::Vec<D> x) {
  const hn::Rebind<float, D> df;
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  HWY_ALIGN double wide[hn::MaxLanes(D())];
  HWY_ALIGN float narrow[hn::MaxLanes(D())];
  hn::Store(x, d, wide);
  for (std::size_t i = 0; i < hn::MaxLanes(D()); ++i) narrow[i] = static_cast<float>(wide[i]);
  return hn::Load(df, narrow);
#else
  (void)d;
  return hn::DemoteTo(df, x);
#endif
}

/// 2^e of lanes of int64.
template <class D, class V>
HWY_INLINE hn::Vec<D> PowerOfTwo(D d, V e) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<52>(hn::Add(e, hn::Set(di, 1023))));
}

/// max(exponent, least) of binary64 numbers; 1024 for infinities and NaN.
template <class D>
HWY_INLINE auto ExponentOf(D /*d*/, hn::Vec<D> x, int least) {
  const hn::RebindToSigned<D> di;
  const auto field = hn::ShiftRight<52>(hn::BitCast(di, hn::Abs(x)));
  return hn::Max(hn::Sub(field, hn::Set(di, 1023)), hn::Set(di, std::int64_t{least}));
}

/// Rounds exact sums to the format of the running sum. A negative sum stays negative where it
/// becomes zero; zero is +0.
template <class D>
class SumRounder {
 public:
  using V = hn::Vec<D>;
  using FloatHalf = hn::Rebind<float, D>;

  explicit SumRounder(const SumRounding& r)
      : to_nearest_(r.to_nearest), clears_bits_(r.clears_bits), converts_(r.converts) {
    const D d;
    const hn::RebindToSigned<D> di;
    mask_ = hn::Set(di, ~((std::int64_t{1} << (52 - r.trailing_bits)) - 1));
    least_power_ = hn::Set(d, std::ldexp(1.0, r.least_exponent));
    inverse_ = hn::Set(di, static_cast<std::int64_t>(2046 + r.trailing_bits) << 52);
    trailing_ = hn::Set(d, std::ldexp(1.0, -r.trailing_bits));
    largest_ = hn::Set(d, r.largest);
    beyond_ = hn::Set(d, r.beyond);
  }

  /// The same as binary32, which holds every number of the format.
  HWY_INLINE hn::Vec<FloatHalf> narrow(V x) const {
    return NearestFloat(D(), converts_ ? x : (*this)(x));
  }

  HWY_INLINE V operator()(V x) const {
    const D d;
    const hn::RebindToSigned<D> di;
    const auto bits = hn::BitCast(di, x);
    if (clears_bits_) return hn::BitCast(d, hn::And(bits, mask_));
    if (converts_) return hn::PromoteTo(d, NearestFloat(d, x));
    const auto field = hn::And(bits, hn::Set(di, std::int64_t{0x7FF} << 52));
    const V power = hn::Max(hn::BitCast(d, field), least_power_);
    const V inverse = hn::BitCast(d, hn::Sub(inverse_, hn::BitCast(di, power)));
    const V scaled = hn::Mul(x, inverse);
    const V whole = to_nearest_ ? hn::Round(scaled) : hn::Trunc(scaled);
    const V rounded = hn::Mul(whole, hn::Mul(power, trailing_));
    return hn::IfThenElse(hn::Gt(hn::Abs(rounded), largest_), hn::CopySign(beyond_, x), rounded);
  }

 private:
  bool to_nearest_, clears_bits_, converts_;
  hn::Vec<hn::RebindToSigned<D>> mask_, inverse_;
  V least_power_, trailing_, largest_, beyond_;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_ALIGNED_KERNELS_INL_H_
