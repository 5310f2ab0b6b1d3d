// Aligned sums in binary64: all that fit there.
// Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_ALIGNED_WIDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ALIGNED_WIDE_INL_H_
#undef HALFULP_SIM_ALIGNED_WIDE_INL_H_
#else
#define HALFULP_SIM_ALIGNED_WIDE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sim/aligned_kernels-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// Any aligned sum that binary64 holds: aligned terms are binary64 integers.
template <class D, int kSumLanes, Rounding kAlignment>
class WideAlignedKernel {
 public:
  using Double = hn::Vec<D>;
  static constexpr std::size_t kDoubles = hn::MaxLanes(D());
  static constexpr std::size_t kRows = 4;

  explicit WideAlignedKernel(const AlignedPlan& plan) : plan_(plan), round_(plan.rounding) {}

  std::size_t width() const { return kDoubles; }

  void reserve(std::size_t panels, std::size_t depth) {
    panel_ = depth * width();
    a_.resize(depth * kRows);
    b_.resize(panels * panel_);
  }

  void set_b(std::size_t panel, const float* b) { b_.set(plan_, 1, b, width(), panel * panel_); }

  template <std::size_t kTileRows>
  void set_a(const float* a) {
    a_.set(plan_, 0, a, kTileRows, 0);
  }

  template <std::size_t kTileRows>
  HWY_NOINLINE void run(std::size_t panel, double* sums, std::size_t stride) const {
    const D d;
    for (std::size_t i = 0; i < kTileRows; ++i) {
      Double sum = hn::LoadU(d, sums + i * stride);
      std::size_t k = 0;
      for (const std::size_t count : plan_.counts) {
        Operands operands{a_.values(k * kTileRows + i), a_.exponents(k * kTileRows + i), kTileRows,
                          b_.values(panel * panel_ + k * kDoubles),
                          b_.exponents(panel * panel_ + k * kDoubles)};
        sum = Add(operands, count, sum);
        k += count;
      }
      hn::StoreU(sum, d, sums + i * stride);
    }
  }

 private:
  using IntTag = hn::RebindToSigned<D>;
  using Int = hn::Vec<IntTag>;
  using NarrowTag = hn::Rebind<std::int32_t, D>;

  struct Operands {
    const double* a;
    const std::int32_t* a_exponent;
    std::size_t a_step;
    const double* b;
    const std::int32_t* b_exponent;
  };

  /// A sum of aligned terms: a whole multiple of 2^(exponent - F).
  struct Aligned {
    Double value;
    Int exponent;
  };

  HWY_INLINE Double Add(const Operands& o, std::size_t count, Double sum) const {
    using Addend = AlignedSum::Addend;
    const D d;
    const Addend addend = plan_.rule.addend;
    const Double joined = addend == Addend::aligned ? sum : hn::Zero(d);
    Aligned total = LaneSum(o, 0, count, joined);
    if constexpr (kSumLanes == 2) {
      const int bits = plan_.rule.fraction_bits;
      const Aligned odd = LaneSum(o, 1, count, hn::Zero(d));
      total = Realigned(total, bits, odd, bits);
    }
    if (addend == Addend::realigned) total = WithAddend(total, sum);
    const Double rounded = round_(Plus0(total.value));
    if (addend != Addend::separate) return rounded;
    // Both are binary32 numbers; their sum is rounded to nearest even there.
    return hn::PromoteTo(d, hn::Add(NearestFloat(d, sum), NearestFloat(d, rounded)));
  }

  /// A sum of aligned terms that are all zero is +0.
  static HWY_INLINE Double Plus0(Double x) { return hn::Add(x, hn::Zero(D())); }

  /// Real value of products (even or odd ones where there are two lanes) and the addend, aligned.
  HWY_INLINE Aligned LaneSum(const Operands& o, std::size_t first, std::size_t count,
                             Double addend) const {
    const D d;
    const IntTag di;
    const NarrowTag dn;
    auto largest = hn::Set(dn, plan_.least_exponent);
    for (std::size_t k = first; k < count; k += kSumLanes) {
      largest = hn::Max(largest, hn::Add(hn::Load(dn, o.b_exponent + k * kDoubles),
                                         hn::Set(dn, o.a_exponent[k * o.a_step])));
    }
    Int exponent = hn::PromoteTo(di, largest);
    const auto is_term = hn::Ne(addend, hn::Zero(d));
    const Int own = hn::BitCast(
        di, hn::IfThenElse(is_term, hn::BitCast(d, ExponentOf(D(), addend, kBinary32LeastExponent)),
                           hn::BitCast(d, exponent)));
    exponent = hn::Max(exponent, own);
    const Int bits = hn::Set(di, std::int64_t{plan_.rule.fraction_bits});
    const Double scale = PowerOfTwo(D(), hn::Sub(bits, exponent));
    Double sum = Align(hn::Mul(addend, scale));
    for (std::size_t k = first; k < count; k += kSumLanes) {
      const Double product =
          hn::Mul(hn::Load(d, o.b + k * kDoubles), hn::Set(d, o.a[k * o.a_step]));
      sum = hn::Add(sum, Align(hn::Mul(product, scale)));
    }
    return {hn::Mul(sum, PowerOfTwo(D(), hn::Sub(exponent, bits))), exponent};
  }

  static HWY_INLINE Double Align(Double x) {
    if constexpr (kAlignment == Rounding::toward_negative) return hn::Floor(x);
    return kAlignment == Rounding::nearest_even ? hn::Round(x) : hn::Trunc(x);
  }

  /// The two sums, each rounded down to its number of bits below the larger exponent.
  static HWY_INLINE Aligned Realigned(const Aligned& x, int x_bits, const Aligned& y, int y_bits) {
    const Int exponent = hn::Max(x.exponent, y.exponent);
    return {hn::Add(RoundedDown(x.value, exponent, x_bits), RoundedDown(y.value, exponent, y_bits)),
            exponent};
  }

  static HWY_INLINE Double RoundedDown(Double x, Int exponent, int bits) {
    const IntTag di;
    const Int kept = hn::Set(di, std::int64_t{bits});
    const Double whole = hn::Floor(hn::Mul(x, PowerOfTwo(D(), hn::Sub(kept, exponent))));
    return hn::Mul(whole, PowerOfTwo(D(), hn::Sub(exponent, kept)));
  }

  HWY_INLINE Aligned WithAddend(const Aligned& products, Double addend) const {
    const D d;
    const IntTag di;
    const int bits = plan_.rule.fraction_bits;
    Aligned other{addend, ExponentOf(D(), addend, kBinary32LeastExponent)};
    if (plan_.rule.drops_far_addend) {
      const Int distance = hn::Sub(products.exponent, other.exponent);
      const auto is_far = hn::Gt(distance, hn::Set(di, std::int64_t{bits + 1}));
      other.value = hn::IfThenZeroElse(hn::RebindMask(d, is_far), other.value);
    }
    return Realigned(products, plan_.rule.realigned_bits, other, bits);
  }

  const AlignedPlan& plan_;
  SumRounder<D> round_;
  std::size_t panel_ = 0;
  AlignedOperand<double> a_, b_;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_ALIGNED_WIDE_INL_H_
