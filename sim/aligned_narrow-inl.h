// Aligned sums in binary32 and int32: the fast ones.
// Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_ALIGNED_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ALIGNED_NARROW_INL_H_
#undef HALFULP_SIM_ALIGNED_NARROW_INL_H_
#else
#define HALFULP_SIM_ALIGNED_NARROW_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sim/aligned_kernels-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

/// Products in binary32, aligned toward zero by conversion to int32.
template <int kSumLanes>
class NarrowAlignedKernel {
 public:
  static constexpr std::size_t kRows = 4;

  explicit NarrowAlignedKernel(const AlignedPlan& plan) : plan_(plan), round_(plan.rounding) {}

  std::size_t width() const { return kLanes; }

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
    const DoubleTag dd;
    Float sum[kTileRows];
    HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
      const auto low = NearestFloat(dd, hn::LoadU(dd, sums + i * stride));
      const auto high = NearestFloat(dd, hn::LoadU(dd, sums + i * stride + kDoubles));
      sum[i] = hn::Combine(FloatTag(), high, low);
    }
    Operands o{a_.values(0), a_.exponents(0), b_.values(panel * panel_),
               b_.exponents(panel * panel_)};
    for (const std::size_t count : plan_.counts) {
      Add<kTileRows>(o, count, sum);
      o.a += count * kTileRows;
      o.a_exponent += count * kTileRows;
      o.b += count * kLanes;
      o.b_exponent += count * kLanes;
    }
    HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
      hn::StoreU(Low(sum[i]), dd, sums + i * stride);
      hn::StoreU(High(sum[i]), dd, sums + i * stride + kDoubles);
    }
  }

 private:
  using DoubleTag = hn::ScalableTag<double>;
  using Double = hn::Vec<DoubleTag>;
  static constexpr std::size_t kDoubles = hn::MaxLanes(DoubleTag());
  using Addend = AlignedSum::Addend;
  using Float = hn::Vec<FloatTag>;
  using IntTag = hn::RebindToSigned<FloatTag>;
  using Int = hn::Vec<IntTag>;
  using HalfTag = hn::Half<FloatTag>;
  using HalfIntTag = hn::Half<IntTag>;

  struct Operands {
    const float* a;
    const std::int32_t* a_exponent;
    const float* b;
    const std::int32_t* b_exponent;
  };

  /// Both halves of a vector in binary64.
  struct Halves {
    Double low, high;
  };

  static HWY_INLINE Double Low(Float x) {
    return hn::PromoteTo(DoubleTag(), hn::LowerHalf(HalfTag(), x));
  }

  static HWY_INLINE Double High(Float x) {
    return hn::PromoteTo(DoubleTag(), hn::UpperHalf(HalfTag(), x));
  }

  static HWY_INLINE Double Low(Int x) {
    return hn::PromoteTo(DoubleTag(), hn::LowerHalf(HalfIntTag(), x));
  }

  static HWY_INLINE Double High(Int x) {
    return hn::PromoteTo(DoubleTag(), hn::UpperHalf(HalfIntTag(), x));
  }

  /// 2^e for -127 < e < 128.
  static HWY_INLINE Float Power(Int e) {
    const IntTag di;
    return hn::BitCast(FloatTag(), hn::ShiftLeft<23>(hn::Add(e, hn::Set(di, 127))));
  }

  template <std::size_t kTileRows>
  HWY_INLINE void Add(const Operands& o, std::size_t count, Float (&sum)[kTileRows]) const {
    if constexpr (kSumLanes == 1) {
      if (plan_.rule.addend != Addend::realigned) {
        plan_.in_int32 ? AddInInt32(o, count, sum) : AddInBinary64(o, count, sum);
        return;
      }
    }
    AddRealigned(o, count, sum);
  }

  /// The largest exponents of the products first, first + kSumLanes, ... and of what is there.
  template <std::size_t kTileRows>
  static HWY_INLINE void FindExponents(const Operands& o, std::size_t first, std::size_t count,
                                       Int (&exponent)[kTileRows]) {
    const IntTag di;
    for (std::size_t k = first; k < count; k += kSumLanes) {
      const Int right = hn::Load(di, o.b_exponent + k * kLanes);
      HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
        const Int left = hn::Set(di, o.a_exponent[k * kTileRows + i]);
        exponent[i] = hn::Max(exponent[i], hn::Add(left, right));
      }
    }
  }

  /// Adds the aligned products first, first + kSumLanes, ... to `whole`.
  template <std::size_t kTileRows>
  static HWY_INLINE void AddProducts(const Operands& o, std::size_t first, std::size_t count,
                                     const Float (&scale)[kTileRows], Int (&whole)[kTileRows]) {
    const FloatTag d;
    for (std::size_t k = first; k < count; k += kSumLanes) {
      const Float right = hn::Load(d, o.b + k * kLanes);
      HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
        const Float product = hn::Mul(right, hn::Set(d, o.a[k * kTileRows + i]));
        whole[i] = hn::Add(whole[i], TruncatedInt(hn::Mul(product, scale[i])));
      }
    }
  }

  /// Exponents, scales and the aligned addend, where it is one of the terms.
  template <std::size_t kTileRows>
  HWY_INLINE void Prepare(const Operands& o, std::size_t count, const Float (&sum)[kTileRows],
                          Int (&exponent)[kTileRows], Float (&scale)[kTileRows],
                          Int (&whole)[kTileRows]) const {
    const IntTag di;
    const bool joins = plan_.rule.addend == Addend::aligned;
    HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
      exponent[i] = hn::Set(di, plan_.least_exponent);
      if (joins) exponent[i] = hn::Max(exponent[i], AddendExponent(sum[i]));
    }
    FindExponents(o, 0, count, exponent);
    HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
      scale[i] = Power(hn::Sub(hn::Set(di, plan_.rule.fraction_bits), exponent[i]));
      whole[i] = joins ? TruncatedInt(hn::Mul(sum[i], scale[i])) : hn::Zero(di);
    }
  }

  /// All aligned terms together are less than 2^31; the sum is cut to its leading bits.
  template <std::size_t kTileRows>
  HWY_INLINE void AddInInt32(const Operands& o, std::size_t count, Float (&sum)[kTileRows]) const {
    const FloatTag d;
    const IntTag di;
    const Int bits = hn::Set(di, plan_.rule.fraction_bits);
    const Int mask = hn::Set(di, -(1 << (23 - plan_.rounding.trailing_bits)));
    Int exponent[kTileRows], whole[kTileRows];
    Float scale[kTileRows];
    Prepare(o, count, sum, exponent, scale, whole);
    AddProducts(o, 0, count, scale, whole);
    HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
      // Where the conversion rounded up, the pattern below is the number toward zero.
      const Float nearest = hn::ConvertTo(d, whole[i]);
      const auto is_above = hn::Gt(hn::Abs(TruncatedInt(nearest)), hn::Abs(whole[i]));
      const Int step = hn::VecFromMask(di, is_above);
      const Int cut = hn::And(hn::Add(hn::BitCast(di, nearest), step), mask);
      const Float rounded = hn::Mul(hn::BitCast(d, cut), Power(hn::Sub(exponent[i], bits)));
      sum[i] = plan_.rule.addend == Addend::aligned ? rounded : hn::Add(sum[i], rounded);
    }
  }

  template <std::size_t kTileRows>
  HWY_INLINE void AddInBinary64(const Operands& o, std::size_t count,
                                Float (&sum)[kTileRows]) const {
    const IntTag di;
    const Int bits = hn::Set(di, plan_.rule.fraction_bits);
    Int exponent[kTileRows], whole[kTileRows];
    Float scale[kTileRows];
    Halves total[kTileRows];
    Prepare(o, count, sum, exponent, scale, whole);
    HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
      total[i] = {Low(whole[i]), High(whole[i])};
    }
    for (std::size_t first = 0; first < count; first += plan_.chunk) {
      HALFULP_UNROLL(4)
      for (std::size_t i = 0; i < kTileRows; ++i) whole[i] = hn::Zero(di);
      AddProducts(o, first, std::min(first + plan_.chunk, count), scale, whole);
      HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
        total[i].low = hn::Add(total[i].low, Low(whole[i]));
        total[i].high = hn::Add(total[i].high, High(whole[i]));
      }
    }
    HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
      const Float unit = Power(hn::Sub(exponent[i], bits));
      total[i] = {hn::Mul(total[i].low, Low(unit)), hn::Mul(total[i].high, High(unit))};
      const Float rounded = Rounded(total[i]);
      if (plan_.rule.addend != Addend::aligned) {
        sum[i] = hn::Add(sum[i], rounded);
      } else if (plan_.rounding.clears_bits) {
        sum[i] = rounded;
      } else {
        // Infinities and NaN stay: as integers they mean nothing.
        const auto is_number = hn::Le(hn::Abs(sum[i]), hn::Set(FloatTag(), largest_));
        sum[i] = hn::IfThenElse(is_number, rounded, sum[i]);
      }
    }
  }

  /// The addend is realigned, or there are two sums of products: of even and of odd ones.
  template <std::size_t kTileRows>
  HWY_INLINE void AddRealigned(const Operands& o, std::size_t count,
                               Float (&sum)[kTileRows]) const {
    const IntTag di;
    const Int bits = hn::Set(di, plan_.rule.fraction_bits);
    Int exponent[kSumLanes][kTileRows], whole[kSumLanes][kTileRows];
    HALFULP_UNROLL(2) for (std::size_t lane = 0; lane < kSumLanes; ++lane) {
      Float scale[kTileRows];
      HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
        exponent[lane][i] = hn::Set(di, plan_.least_exponent);
        whole[lane][i] = hn::Zero(di);
      }
      FindExponents(o, lane, count, exponent[lane]);
      HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
        scale[i] = Power(hn::Sub(bits, exponent[lane][i]));
      }
      AddProducts(o, lane, count, scale, whole[lane]);
    }
    HALFULP_UNROLL(4) for (std::size_t i = 0; i < kTileRows; ++i) {
      if constexpr (kSumLanes == 2) {
        const Int larger = hn::Max(exponent[0][i], exponent[1][i]);
        whole[0][i] = hn::Add(RoundedDown(whole[0][i], hn::Sub(larger, exponent[0][i])),
                              RoundedDown(whole[1][i], hn::Sub(larger, exponent[1][i])));
        exponent[0][i] = larger;
      }
      const auto is_number = hn::Le(hn::Abs(sum[i]), hn::Set(FloatTag(), largest_));
      const Float next = WithAddend(whole[0][i], exponent[0][i], sum[i]);
      sum[i] = hn::IfThenElse(is_number, next, sum[i]);
    }
  }

  static HWY_INLINE Int RoundedDown(Int x, Int shift) {
    return hn::Shr(x, hn::Min(shift, hn::Set(IntTag(), 31)));
  }

  /// Both aligned to the larger exponent and rounded down, products to realigned_bits.
  HWY_INLINE Float WithAddend(Int products, Int exponent, Float addend) const {
    const IntTag di;
    const int bits = plan_.rule.fraction_bits;
    const int product_bits = plan_.rule.realigned_bits;
    const Int own = hn::Max(AddendExponent(addend), hn::Set(di, kBinary32LeastExponent));
    const Int larger = hn::Max(exponent, own);
    if (plan_.rule.drops_far_addend) {
      const auto is_far = hn::Gt(hn::Sub(larger, own), hn::Set(di, bits + 1));
      addend = hn::IfThenZeroElse(hn::RebindMask(FloatTag(), is_far), addend);
    }
    // Farther down nothing but the sign is left of an int32.
    const Int down = hn::Max(hn::Sub(exponent, larger), hn::Set(di, -64));
    const Float product_scale = Power(hn::Add(down, hn::Set(di, product_bits - bits)));
    const Float addend_scale = Power(hn::Sub(hn::Set(di, bits), larger));
    const Float product_unit = Power(hn::Sub(larger, hn::Set(di, product_bits)));
    const Float addend_unit = Power(hn::Sub(larger, hn::Set(di, bits)));
    const auto total = [](Double x, Double x_scale, Double x_unit, Double y, Double y_scale,
                          Double y_unit) {
      return hn::Add(hn::Mul(hn::Floor(hn::Mul(x, x_scale)), x_unit),
                     hn::Mul(hn::Floor(hn::Mul(y, y_scale)), y_unit));
    };
    return Rounded({total(Low(products), Low(product_scale), Low(product_unit), Low(addend),
                          Low(addend_scale), Low(addend_unit)),
                    total(High(products), High(product_scale), High(product_unit), High(addend),
                          High(addend_scale), High(addend_unit))});
  }

  /// Zero has no influence: -127 is below any exponent that is left.
  static HWY_INLINE Int AddendExponent(Float x) {
    const IntTag di;
    const Int field = hn::ShiftRight<23>(hn::BitCast(di, hn::Abs(x)));
    return hn::Sub(field, hn::Set(di, 127));
  }

  HWY_INLINE Float Rounded(const Halves& x) const {
    // A sum of terms that are all zero is +0.
    const Double zero = hn::Zero(DoubleTag());
    return hn::Combine(FloatTag(), round_.narrow(hn::Add(x.high, zero)),
                       round_.narrow(hn::Add(x.low, zero)));
  }

  const AlignedPlan& plan_;
  SumRounder<DoubleTag> round_;
  float largest_ = static_cast<float>(plan_.rounding.largest);
  std::size_t panel_ = 0;
  AlignedOperand<float> a_, b_;
};

#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_ALIGNED_NARROW_INL_H_
