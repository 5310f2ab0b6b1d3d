// The fused kernels of block quantization: maxima, factors and elements of a few blocks at a time,
// so that the elements come from the L1 cache the second time.
#include <type_traits>

#include "sim/block_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/block_fused.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/block_factors-inl.h"
#include "sim/round_magic-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

using DF = hn::Rebind<float, DU>;
using VF = hn::Vec<DF>;

/// The factors, with NaN as the scale of blocks that are not finite. (The element rounding makes a
/// number of every operand, so the product is this NaN.)
template <class Factors>
HWY_INLINE void poisoned_factors(const Factors& factors, VU maxima, VF& multiplier, VF& scale) {
  const DF d;
  const DU du;
  factors(maxima, multiplier, scale);
  const auto is_finite = hn::Lt(hn::BitCast(hn::RebindToSigned<DU>(), maxima),
                                hn::Set(hn::RebindToSigned<DU>(), 0x7F800000));
  const VF nan = hn::BitCast(d, hn::Set(du, 0x7FC00000U));
  scale = hn::IfThenElse(hn::RebindMask(d, is_finite), scale, nan);
}

/// round(x m) s with the operations of round_magic-inl.h.
template <class Op>
struct ScaledElements {
  Op op;
  static constexpr bool kUsesWords = Op::kUsesWords;

  struct Constants {
    VF multiplier, scale;
  };

  HWY_INLINE ScaledElements(const RoundPlan& plan, const FusedPlan& /*fused*/) : op(plan) {}

  HWY_INLINE VF operator()(VF x, const Constants& c, const std::uint32_t* words) const {
    return hn::Mul(op(hn::Mul(x, c.multiplier), words), c.scale);
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
    return hn::Or(nearest, hn::And(clamped, sign_mask));
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

template <class Elements, class Factors, class InPlace>
void rows_loop(const RoundPlan& plan, const FusedPlan& fused, const float* in, float* out,
               std::size_t blocks, std::size_t length, const std::uint32_t* words) {
  constexpr bool kInPlace = !std::is_same_v<InPlace, NoInPlace>;
  constexpr std::size_t kLanes = HWY_LANES(float);
  const DF d;
  const Elements elements(plan, fused);
  const Factors factors(fused);
  HWY_ALIGN float first[kLanes];
  HWY_ALIGN float second[kLanes];
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t word = Elements::kUsesWords ? 1 : 0;
  for (std::size_t b = 0; b < blocks; b += kLanes) {
    const float* panel_in = in + b * length;
    float* panel_out = out + b * length;
    const VU maxima = maxima_of_runs<kLanes>(panel_in, length);
    VF multiplier;
    VF scale;
    if constexpr (kInPlace) {
      if (HWY_LIKELY(are_central(maxima))) {
        const InPlace in_place(plan, fused);
        factors(maxima, multiplier, scale);
        const typename InPlace::Constants all = in_place.constants(scale);
        hn::Store(all.first, d, first);
        hn::Store(all.second, d, second);
        for (std::size_t j = 0; j < kLanes; ++j) {
          const typename InPlace::Constants c{hn::Set(d, first[j]), hn::Set(d, second[j])};
          for (std::size_t i = j * length; i < (j + 1) * length; i += lanes) {
            hn::StoreU(in_place(hn::LoadU(d, panel_in + i), c), d, panel_out + i);
          }
        }
        continue;
      }
    }
    poisoned_factors(factors, maxima, multiplier, scale);
    hn::Store(multiplier, d, first);
    hn::Store(scale, d, second);
    for (std::size_t j = 0; j < kLanes; ++j) {
      const typename Elements::Constants c{hn::Set(d, first[j]), hn::Set(d, second[j])};
      for (std::size_t i = j * length; i < (j + 1) * length; i += lanes) {
        const std::uint32_t* own_words = words + (b * length + i) * word;
        hn::StoreU(elements(hn::LoadU(d, panel_in + i), c, own_words), d, panel_out + i);
      }
    }
  }
}

template <class Elements, class Factors, class InPlace>
void columns_loop(const RoundPlan& plan, const FusedPlan& fused, const ColumnBlock& block) {
  constexpr bool kInPlace = !std::is_same_v<InPlace, NoInPlace>;
  const DF d;
  const Elements elements(plan, fused);
  const Factors factors(fused);
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t c = 0; c < block.cols; c += lanes) {
    VU maxima = hn::Zero(DU());
    for (std::size_t r = 0; r < block.rows; ++r) {
      maxima = hn::Max(maxima, load_magnitudes(block.in + r * block.in_stride + c));
    }
    VF multiplier;
    VF scale;
    // Backwards: the last rows are the ones still in the cache.
    if constexpr (kInPlace) {
      if (HWY_LIKELY(are_central(maxima))) {
        const InPlace in_place(plan, fused);
        factors(maxima, multiplier, scale);
        const typename InPlace::Constants constants = in_place.constants(scale);
        for (std::size_t r = block.rows; r-- > 0;) {
          const VF x = hn::LoadU(d, block.in + r * block.in_stride + c);
          hn::StoreU(in_place(x, constants), d, block.out + r * block.out_stride + c);
        }
        continue;
      }
    }
    poisoned_factors(factors, maxima, multiplier, scale);
    const typename Elements::Constants constants{multiplier, scale};
    for (std::size_t r = block.rows; r-- > 0;) {
      const VF x = hn::LoadU(d, block.in + r * block.in_stride + c);
      hn::StoreU(elements(x, constants, nullptr), d, block.out + r * block.out_stride + c);
    }
  }
}

// --- the loop for a plan

using IntegerElements = ScaledElements<IntegerRounding<true, NanRule::highest>>;
using FloatElements = ScaledElements<FloatRounding<true, NanRule::highest>>;
using StochasticElements = ScaledElements<FloatStochastic<true, NanRule::highest>>;

/// Whether elements can be rounded in place of being scaled.
bool rounds_in_place(const FusedPlan& fused) {
  return fused.kind == FusedPlan::Kind::power_of_two && fused.power_of_two.scale_factor == 1;
}

template <class Elements, class InPlace, class Function>
void with_factors(const FusedPlan& fused, const Function& function) {
  switch (fused.kind) {
    case FusedPlan::Kind::transformer_engine:
      return function.template run<Elements, TransformerEngineFactors, NoInPlace>();
    case FusedPlan::Kind::torchao:
      return function.template run<Elements, TorchaoFactors, NoInPlace>();
    case FusedPlan::Kind::absmax:
      return function.template run<Elements, AbsmaxFactors, NoInPlace>();
    case FusedPlan::Kind::power_of_two:
      break;
  }
  if (rounds_in_place(fused)) return function.template run<Elements, PowerOfTwoFactors, InPlace>();
  function.template run<Elements, PowerOfTwoFactors, NoInPlace>();
}

struct Rows {
  const RoundPlan& plan;
  const FusedPlan& fused;
  const float* in;
  float* out;
  std::size_t blocks, length;
  const std::uint32_t* words;

  template <class Elements, class Factors, class InPlace>
  void run() const {
    rows_loop<Elements, Factors, InPlace>(plan, fused, in, out, blocks, length, words);
  }
};

struct Columns {
  const RoundPlan& plan;
  const FusedPlan& fused;
  const ColumnBlock& block;

  template <class Elements, class Factors, class InPlace>
  void run() const {
    columns_loop<Elements, Factors, InPlace>(plan, fused, block);
  }
};

void fused_rows_kernel(const RoundPlan& plan, const FusedPlan& fused, const float* in, float* out,
                       std::size_t blocks, std::size_t length, const std::uint32_t* words) {
  const Rows rows{plan, fused, in, out, blocks, length, words};
  if (plan.method == RoundMethod::integer_magic) {
    with_factors<IntegerElements, IntegerElementsInPlace>(fused, rows);
  } else if (plan.decision == Decision::stochastic) {
    with_factors<StochasticElements, NoInPlace>(fused, rows);
  } else {
    with_factors<FloatElements, FloatElementsInPlace>(fused, rows);
  }
}

void fused_columns_kernel(const RoundPlan& plan, const FusedPlan& fused, const ColumnBlock& block) {
  const Columns columns{plan, fused, block};
  if (plan.method == RoundMethod::integer_magic) {
    with_factors<IntegerElements, IntegerElementsInPlace>(fused, columns);
  } else {
    with_factors<FloatElements, FloatElementsInPlace>(fused, columns);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {
HWY_EXPORT(fused_rows_kernel);
HWY_EXPORT(fused_columns_kernel);
}  // namespace

bool has_fused_kernel(const RoundPlan& plan) { return has_block_kernel(plan); }

void fused_rows(const RoundPlan& plan, const FusedPlan& fused, const float* in, float* out,
                std::size_t blocks, std::size_t length, const std::uint32_t* words) {
  HWY_DYNAMIC_DISPATCH(fused_rows_kernel)(plan, fused, in, out, blocks, length, words);
}

void fused_columns(const RoundPlan& plan, const FusedPlan& fused, const ColumnBlock& block) {
  HWY_DYNAMIC_DISPATCH(fused_columns_kernel)(plan, fused, block);
}

}  // namespace halfulp

#endif  // HWY_ONCE
