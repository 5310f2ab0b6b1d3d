// Loops over arrays around the ways to round one vector. Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_LOOPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_LOOPS_INL_H_
#undef HALFULP_SIM_ROUND_LOOPS_INL_H_
#else
#define HALFULP_SIM_ROUND_LOOPS_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sim/random-inl.h"
#include "sim/round_carry-inl.h"
#include "sim/round_general-inl.h"
#include "sim/round_kernels.h"
#include "sim/round_magic-inl.h"
#include "sim/round_nearest-inl.h"
#include "sim/round_posit-inl.h"
#include "sim/round_steps-inl.h"
#include "sim/round_stochastic-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Kind = Scaling::Kind;

// Arrays from this size on come from memory; then asking for the lines to be written ahead pays.
inline constexpr std::size_t kStreamingElements = std::size_t{1} << 20;
inline constexpr std::size_t kLineElements = 16;
inline constexpr std::size_t kPrefetchElements = 32 * kLineElements;

HWY_INLINE void prefetch_for_writing(const float* address) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  asm volatile("prefetchw %0" : : "m"(*address));  // the builtin would fetch the line for reading
#else
  __builtin_prefetch(address, 1);
#endif
}

// Results that go to another array of at least this size are not wanted in the caches.
inline constexpr std::size_t kBypassElements = std::size_t{1} << 23;

template <Kind kScaling, bool kBypass = false, class Op, class D = typename Op::D>
HWY_INLINE void round_vector(const Op& op, const float* in, float* out, const float* multiplier,
                             const float* scale, const std::uint32_t* words) {
  const D d;
  auto x = hn::LoadU(d, in);
  if constexpr (kScaling == Kind::uniform) x = hn::Mul(x, hn::Set(d, *multiplier));
  if constexpr (kScaling == Kind::each) x = hn::Mul(x, hn::LoadU(d, multiplier));
  auto result = op(x, words);
  if constexpr (kScaling == Kind::uniform) result = hn::Mul(result, hn::Set(d, *scale));
  if constexpr (kScaling == Kind::each) result = hn::Mul(result, hn::LoadU(d, scale));
  if constexpr (kBypass) {
    hn::Stream(result, d, out);
  } else {
    hn::StoreU(result, d, out);
  }
}

/// Whether results should bypass the caches; `out` must then be aligned to vectors.
HWY_INLINE bool bypasses(const float* in, const float* out, std::size_t n) {
  return n >= kBypassElements && in != out && reinterpret_cast<std::uintptr_t>(out) % 64 == 0;
}

/// Asks for the lines of the next `count` elements but kPrefetchElements.
HWY_INLINE void prefetch_ahead(const float* out, std::size_t count) {
  for (std::size_t j = 0; j < count; j += kLineElements) {
    prefetch_for_writing(out + kPrefetchElements + j);
  }
}

/// `words` must be readable for a whole vector beyond the last element.
template <class Op, Kind kScaling = Kind::none>
void apply(const RoundPlan& plan, const float* in, float* out, std::size_t n,
           const Scaling& scaling, const std::uint32_t* words) {
  using D = typename Op::D;
  const Op op(plan);
  const std::size_t lanes = hn::Lanes(D());
  const float* multiplier = scaling.multiplier;
  const float* scale = scaling.scale;
  const std::size_t each = kScaling == Kind::each ? 1 : 0;
  const std::size_t word = Op::kUsesWords ? 1 : 0;
  const bool streams = n >= kStreamingElements;

  std::size_t i = 0;
  if (bypasses(in, out, n)) {
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      for (std::size_t j = i; j < i + 4 * lanes; j += lanes) {
        round_vector<kScaling, true>(op, in + j, out + j, multiplier + j * each, scale + j * each,
                                     words + j * word);
      }
    }
    hwy::FlushStream();
  }
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    if (streams) prefetch_ahead(out + i, 4 * lanes);
    for (std::size_t j = i; j < i + 4 * lanes; j += lanes) {
      round_vector<kScaling>(op, in + j, out + j, multiplier + j * each, scale + j * each,
                             words + j * word);
    }
  }
  for (; i + lanes <= n; i += lanes) {
    round_vector<kScaling>(op, in + i, out + i, multiplier + i * each, scale + i * each,
                           words + i * word);
  }
  if (i == n) return;
  HWY_ALIGN float operands[HWY_LANES(float)] = {};
  HWY_ALIGN float multipliers[HWY_LANES(float)] = {};
  HWY_ALIGN float scales[HWY_LANES(float)] = {};
  std::copy(in + i, in + n, operands);
  if (kScaling == Kind::each) {
    std::copy(multiplier + i, multiplier + n, multipliers);
    std::copy(scale + i, scale + n, scales);
    multiplier = multipliers;
    scale = scales;
  }
  round_vector<kScaling>(op, operands, operands, multiplier, scale, words + i * word);
  std::copy(operands, operands + (n - i), out + i);
}

using Loop = void (*)(const RoundPlan&, const float*, float*, std::size_t, const Scaling&,
                      const std::uint32_t*);

template <class Op>
Loop scaled_loop(Kind kind) {
  switch (kind) {
    case Kind::none:
      return apply<Op, Kind::none>;
    case Kind::uniform:
      return apply<Op, Kind::uniform>;
    case Kind::each:
      break;
  }
  return apply<Op, Kind::each>;
}

template <template <bool, NanRule> class Op>
inline Loop magic_loop(const RoundPlan& plan, Kind kind) {
  const bool keeps_nan = plan.nan_rule == NanRule::keep;
  if (!plan.clamps) {
    return keeps_nan ? scaled_loop<Op<false, NanRule::keep>>(kind)
                     : scaled_loop<Op<false, NanRule::constant>>(kind);
  }
  if (keeps_nan) return scaled_loop<Op<true, NanRule::keep>>(kind);
  return plan.nan_rule == NanRule::highest ? scaled_loop<Op<true, NanRule::highest>>(kind)
                                           : scaled_loop<Op<true, NanRule::constant>>(kind);
}

/// The loop of the methods by magic numbers, which scale as well; null for the others.
inline Loop magic_loop(const RoundPlan& plan, Kind kind) {
  switch (plan.method) {
    case RoundMethod::integer_magic:
      return magic_loop<IntegerRounding>(plan, kind);
    case RoundMethod::magic:
      return plan.decision == Decision::stochastic ? magic_loop<FloatStochastic>(plan, kind)
                                                   : magic_loop<FloatRounding>(plan, kind);
    case RoundMethod::normal_magic:
      return magic_loop<NormalRounding>(plan, kind);
    case RoundMethod::parity_magic:
      return magic_loop<ParityRounding>(plan, kind);
    case RoundMethod::signed_magic:
      return magic_loop<SignedMagicRounding>(plan, kind);
    case RoundMethod::subnormal_magic:
      return magic_loop<SubnormalRounding>(plan, kind);
    case RoundMethod::powers:
      return scaled_loop<PowerRounding>(kind);
    case RoundMethod::carry:
    case RoundMethod::bits:
    case RoundMethod::bottom:
    case RoundMethod::magnitude:
    case RoundMethod::wide_magnitude:
    case RoundMethod::posit:
    case RoundMethod::steps:
    case RoundMethod::scalar:
      break;
  }
  return nullptr;
}

template <Rounding kRounding>
inline Loop bits_loop(bool clamps) {
  return clamps ? apply<BitsRounding<kRounding, true>> : apply<BitsRounding<kRounding, false>>;
}

inline Loop bits_loop(const RoundPlan& plan) {
  switch (plan.decision) {
    case Decision::nearest_even:
    case Decision::nearest_even_exponent:
      return bits_loop<Rounding::nearest_even>(plan.clamps);
    case Decision::nearest_away:
      return bits_loop<Rounding::nearest_away>(plan.clamps);
    case Decision::toward_zero:
      return bits_loop<Rounding::toward_zero>(plan.clamps);
    case Decision::toward_positive:
      return bits_loop<Rounding::toward_positive>(plan.clamps);
    case Decision::toward_negative:
      return bits_loop<Rounding::toward_negative>(plan.clamps);
    case Decision::to_odd:
    case Decision::to_odd_exponent:
      return bits_loop<Rounding::to_odd>(plan.clamps);
    case Decision::stochastic:
      break;
  }
  return bits_loop<Rounding::stochastic>(plan.clamps);
}

inline Loop carry_loop(const RoundPlan& plan) {
  return plan.nan_rule == NanRule::keep ? apply<StochasticCarry<false, true>>
                                        : apply<StochasticCarry<false, false>>;
}

template <bool kClamps>
Loop bottom_loop(bool has_subnormals) {
  return has_subnormals ? apply<BottomRounding<kClamps, true>>
                        : apply<BottomRounding<kClamps, false>>;
}

template <class T>
Loop magnitude_loop(Decision decision) {
  switch (decision) {
    case Decision::nearest_even:
      return apply<MagnitudeRounding<T, Decision::nearest_even>>;
    case Decision::nearest_away:
      return apply<MagnitudeRounding<T, Decision::nearest_away>>;
    case Decision::toward_zero:
      return apply<MagnitudeRounding<T, Decision::toward_zero>>;
    case Decision::toward_positive:
      return apply<MagnitudeRounding<T, Decision::toward_positive>>;
    case Decision::toward_negative:
      return apply<MagnitudeRounding<T, Decision::toward_negative>>;
    case Decision::to_odd:
      return apply<MagnitudeRounding<T, Decision::to_odd>>;
    case Decision::stochastic:
      return apply<MagnitudeRounding<T, Decision::stochastic>>;
    case Decision::nearest_even_exponent:
      return apply<MagnitudeRounding<T, Decision::nearest_even_exponent>>;
    case Decision::to_odd_exponent:
      break;
  }
  return apply<MagnitudeRounding<T, Decision::to_odd_exponent>>;
}

inline Loop unscaled_loop(const RoundPlan& plan) {
  switch (plan.method) {
    case RoundMethod::integer_magic:
    case RoundMethod::magic:
    case RoundMethod::normal_magic:
    case RoundMethod::parity_magic:
    case RoundMethod::signed_magic:
    case RoundMethod::subnormal_magic:
    case RoundMethod::powers:
      return magic_loop(plan, Kind::none);
    case RoundMethod::carry:
      return carry_loop(plan);
    case RoundMethod::bits:
      return bits_loop(plan);
    case RoundMethod::bottom:
      return plan.clamps ? bottom_loop<true>(plan.bottom.has_subnormals)
                         : bottom_loop<false>(plan.bottom.has_subnormals);
    case RoundMethod::magnitude:
      return magnitude_loop<float>(plan.decision);
    case RoundMethod::posit:
      return apply<PositRounding>;
    case RoundMethod::steps:
      return plan.tables->steps->tree.empty() ? apply<StepRounding<float>>
                                              : apply<FewStepsRounding>;
    case RoundMethod::wide_magnitude:
    case RoundMethod::scalar:
      break;
  }
  return magnitude_loop<double>(plan.decision);
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
