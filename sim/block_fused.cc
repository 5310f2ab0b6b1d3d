// The fused kernels of block quantization: maxima, factors and elements of a few blocks at a time,
// so that the elements come from the L1 cache the second time.
#include <type_traits>

#include "sim/block_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/block_fused.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/block_elements-inl.h"
#include "sim/block_factors-inl.h"
#include "sim/round_magic-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

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

/// Two factors or constants for each block of a panel, which has as many blocks as vectors have
/// lanes.
struct PanelConstants {
  HWY_ALIGN float first[HWY_LANES(float)];
  HWY_ALIGN float second[HWY_LANES(float)];
  bool in_place;
  bool unclamped;
};

template <class InPlace, class Factors>
HWY_INLINE void prepare_panel(const RoundPlan& plan, const FusedPlan& fused, const Factors& factors,
                              const float* in, std::size_t length, PanelConstants& constants) {
  const DF d;
  const VU maxima = maxima_of_runs<HWY_LANES(float)>(in, length);
  VF first;
  VF second;
  constants.in_place = false;
  if constexpr (!std::is_same_v<InPlace, NoInPlace>) constants.in_place = are_central(maxima);
  if (HWY_LIKELY(constants.in_place)) {
    if constexpr (!std::is_same_v<InPlace, NoInPlace>) {
      factors(maxima, first, second);
      const typename InPlace::Constants own = InPlace(plan, fused).constants(second);
      first = own.first;
      second = own.second;
    }
  } else {
    poisoned_factors(factors, maxima, first, second);
    constants.unclamped = stay_inside(fused, maxima, first);
  }
  hn::Store(first, d, constants.first);
  hn::Store(second, d, constants.second);
}

/// round(x, constants) for the elements of one panel.
template <class Constants, class Round>
HWY_INLINE void round_panel(const PanelConstants& all, const float* in, float* out,
                            std::size_t length, const Round& round) {
  const DF d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t j = 0; j < lanes; ++j) {
    const Constants c{hn::Set(d, all.first[j]), hn::Set(d, all.second[j])};
    for (std::size_t i = j * length; i < (j + 1) * length; i += lanes) {
      hn::StoreU(round(hn::LoadU(d, in + i), c), d, out + i);
    }
  }
}

template <class Elements, class Factors, class InPlace>
void rows_loop(const RoundPlan& plan, const FusedPlan& fused, const float* in, float* out,
               std::size_t blocks, std::size_t length) {
  constexpr std::size_t kLanes = HWY_LANES(float);
  const Elements elements(plan, fused);
  const UnclampedElements<typename Elements::Rounding> unclamped(plan);
  const Factors factors(fused);
  const std::size_t panel = kLanes * length;
  const std::size_t n = blocks * length;
  PanelConstants constants[2];
  prepare_panel<InPlace>(plan, fused, factors, in, length, constants[0]);
  std::size_t current = 0;
  for (std::size_t begin = 0; begin < n; begin += panel) {
    // The next panel's factors are a long chain of operations: begun here, it is over when they are
    // needed.
    const std::size_t next = begin + panel;
    if (next < n) {
      prepare_panel<InPlace>(plan, fused, factors, in + next, length, constants[1 - current]);
    }
    const PanelConstants& own = constants[current];
    current = 1 - current;
    if constexpr (!std::is_same_v<InPlace, NoInPlace>) {
      if (HWY_LIKELY(own.in_place)) {
        const InPlace in_place(plan, fused);
        round_panel<typename InPlace::Constants>(own, in + begin, out + begin, length,
                                                 [&](VF x, const auto& c)
                                                     HWY_ATTR { return in_place(x, c); });
        continue;
      }
    }
    round_panel<typename Elements::Constants>(own, in + begin, out + begin, length,
                                              [&](VF x, const auto& c)
                                                  HWY_ATTR { return elements(x, c); });
  }
}

/// kVectors vectors of columns at a time.
template <std::size_t kVectors, class Elements, class Factors, class InPlace>
HWY_INLINE void columns_strip(const RoundPlan& plan, const FusedPlan& fused,
                              const Elements& elements, const Factors& factors,
                              const ColumnBlock& block, std::size_t c) {
  constexpr bool kInPlace = !std::is_same_v<InPlace, NoInPlace>;
  const DF d;
  const std::size_t lanes = hn::Lanes(d);
  VU maxima[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) maxima[v] = hn::Zero(DU());
  for (std::size_t r = 0; r < block.rows; ++r) {
    const float* row = block.in + r * block.in_stride + c;
    for (std::size_t v = 0; v < kVectors; ++v) {
      maxima[v] = hn::Max(maxima[v], load_magnitudes(row + v * lanes));
    }
  }
  // Rows backwards: the last ones are those that the cache still has.
  const auto for_each_row = [&](const auto& round) HWY_ATTR {
    for (std::size_t r = block.rows; r-- > 0;) {
      const float* in = block.in + r * block.in_stride + c;
      float* out = block.out + r * block.out_stride + c;
      for (std::size_t v = 0; v < kVectors; ++v) {
        hn::StoreU(round(hn::LoadU(d, in + v * lanes), v), d, out + v * lanes);
      }
    }
  };
  if constexpr (kInPlace) {
    bool central = true;
    for (std::size_t v = 0; v < kVectors; ++v) central = central && are_central(maxima[v]);
    if (HWY_LIKELY(central)) {
      const InPlace in_place(plan, fused);
      typename InPlace::Constants constants[kVectors];
      for (std::size_t v = 0; v < kVectors; ++v) {
        VF multiplier;
        VF scale;
        factors(maxima[v], multiplier, scale);
        constants[v] = in_place.constants(scale);
      }
      for_each_row([&](VF x, std::size_t v) HWY_ATTR { return in_place(x, constants[v]); });
      return;
    }
  }
  typename Elements::Constants constants[kVectors];
  bool unclamped = true;
  for (std::size_t v = 0; v < kVectors; ++v) {
    poisoned_factors(factors, maxima[v], constants[v].multiplier, constants[v].scale);
    unclamped = unclamped && stay_inside(fused, maxima[v], constants[v].multiplier);
  }
  if (HWY_LIKELY(unclamped)) {
    const UnclampedElements<typename Elements::Rounding> round(plan);
    for_each_row([&](VF x, std::size_t v) HWY_ATTR { return round(x, constants[v]); });
    return;
  }
  for_each_row([&](VF x, std::size_t v) HWY_ATTR { return elements(x, constants[v]); });
}

template <class Elements, class Factors, class InPlace>
void columns_loop(const RoundPlan& plan, const FusedPlan& fused, const ColumnBlock& block) {
  constexpr std::size_t kVectors = 4;
  const Elements elements(plan, fused);
  const Factors factors(fused);
  const std::size_t lanes = hn::Lanes(DF());
  std::size_t c = 0;
  for (; c + kVectors * lanes <= block.cols; c += kVectors * lanes) {
    columns_strip<kVectors, Elements, Factors, InPlace>(plan, fused, elements, factors, block, c);
  }
  for (; c < block.cols; c += lanes) {
    columns_strip<1, Elements, Factors, InPlace>(plan, fused, elements, factors, block, c);
  }
}

// --- the loop for a plan

using IntegerElements = ScaledElements<IntegerRounding<true, NanRule::highest>>;
using FloatElements = ScaledElements<FloatRounding<true, NanRule::highest>>;

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

  template <class Elements, class Factors, class InPlace>
  void run() const {
    rows_loop<Elements, Factors, InPlace>(plan, fused, in, out, blocks, length);
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
                       std::size_t blocks, std::size_t length) {
  const Rows rows{plan, fused, in, out, blocks, length};
  if (plan.method == RoundMethod::integer_magic) {
    with_factors<IntegerElements, IntegerElementsInPlace>(fused, rows);
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

void fused_rows(const RoundPlan& plan, const FusedPlan& fused, const float* in, float* out,
                std::size_t blocks, std::size_t length) {
  HWY_DYNAMIC_DISPATCH(fused_rows_kernel)(plan, fused, in, out, blocks, length);
}

void fused_columns(const RoundPlan& plan, const FusedPlan& fused, const ColumnBlock& block) {
  HWY_DYNAMIC_DISPATCH(fused_columns_kernel)(plan, fused, block);
}

}  // namespace halfulp

#endif  // HWY_ONCE
