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
#include "sim/random_draws-inl.h"
#include "sim/round_carry-inl.h"
#include "sim/round_general-inl.h"
#include "sim/round_kernels.h"
#include "sim/round_magic-inl.h"
#include "sim/round_posit-inl.h"
#include "sim/round_steps-inl.h"

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
Loop magic_loop(const RoundPlan& plan, Kind kind) {
  const bool keeps_nan = plan.nan_rule == NanRule::keep;
  if (!plan.clamps) {
    return keeps_nan ? scaled_loop<Op<false, NanRule::keep>>(kind)
                     : scaled_loop<Op<false, NanRule::constant>>(kind);
  }
  if (keeps_nan) return scaled_loop<Op<true, NanRule::keep>>(kind);
  return plan.nan_rule == NanRule::highest ? scaled_loop<Op<true, NanRule::highest>>(kind)
                                           : scaled_loop<Op<true, NanRule::constant>>(kind);
}

Loop magic_loop(const RoundPlan& plan, Kind kind) {
  if (plan.method == RoundMethod::integer_magic) return magic_loop<IntegerRounding>(plan, kind);
  if (plan.decision == Decision::stochastic) return magic_loop<FloatStochastic>(plan, kind);
  return magic_loop<FloatRounding>(plan, kind);
}

template <Rounding kRounding>
Loop bits_loop(bool clamps) {
  return clamps ? apply<BitsRounding<kRounding, true>> : apply<BitsRounding<kRounding, false>>;
}

Loop bits_loop(const RoundPlan& plan) {
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

Loop carry_loop(const RoundPlan& plan) {
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

Loop unscaled_loop(const RoundPlan& plan) {
  switch (plan.method) {
    case RoundMethod::integer_magic:
    case RoundMethod::magic:
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

/// One vector with its multipliers, draws and scales.
template <Kind kScaling, bool kHigh, class Op>
HWY_INLINE void round_with_draws(const Op& op, const float* in, float* out, const float* multiplier,
                                 const float* scale, hn::Vec<typename Op::DU> words) {
  const auto d = op.d;
  auto x = hn::LoadU(d, in);
  if constexpr (kScaling == Kind::uniform) x = hn::Mul(x, hn::Set(d, *multiplier));
  if constexpr (kScaling == Kind::each) x = hn::Mul(x, hn::LoadU(d, multiplier));
  auto result = kHigh ? op.with_high_draws(x, words) : op.with_low_draws(x, words);
  if constexpr (kScaling == Kind::uniform) result = hn::Mul(result, hn::Set(d, *scale));
  if constexpr (kScaling == Kind::each) result = hn::Mul(result, hn::LoadU(d, scale));
  hn::StoreU(result, d, out);
}

/// Whole chunks, whose draws DrawMaker laid out in `words`.
template <class Op, Kind kScaling>
HWY_INLINE void round_chunks(const Op& op, const float* in, float* out, std::size_t chunks,
                             const float* multiplier, const float* scale,
                             const std::uint32_t* words) {
  constexpr std::size_t kEach = kScaling == Kind::each ? 1 : 0;
  const std::size_t lanes = hn::Lanes(op.d);
  for (std::size_t i = 0; i < chunks * kDrawChunk; i += 32) {
    for (std::size_t l = i; l < i + 16; l += lanes) {
      const auto pair = hn::LoadU(op.du, words + (i / 2 + l - i));
      const std::size_t m = l + 16;
      round_with_draws<kScaling, false>(op, in + l, out + l, multiplier + l * kEach,
                                        scale + l * kEach, pair);
      round_with_draws<kScaling, true>(op, in + m, out + m, multiplier + m * kEach,
                                       scale + m * kEach, pair);
    }
  }
}

/// A part of a chunk, through buffers.
template <class Op, Kind kScaling>
HWY_INLINE void round_part_of_chunk(const Op& op, const float* in, float* out, std::size_t offset,
                                    std::size_t count, const float* multiplier, const float* scale,
                                    const std::uint32_t* words) {
  HWY_ALIGN float operands[kDrawChunk] = {};
  HWY_ALIGN float multipliers[kDrawChunk] = {};
  HWY_ALIGN float scales[kDrawChunk] = {};
  std::copy(in, in + count, operands + offset);
  if (kScaling == Kind::each) {
    std::copy(multiplier, multiplier + count, multipliers + offset);
    std::copy(scale, scale + count, scales + offset);
    multiplier = multipliers;
    scale = scales;
  }
  round_chunks<Op, kScaling>(op, operands, operands, 1, multiplier, scale, words);
  std::copy(operands + offset, operands + offset + count, out);
}

/// RoundMethod::carry without a second look at results: draws are made as they are used.
template <class Op, Kind kScaling>
void apply_draws(const RoundPlan& plan, const float* in, float* out, std::size_t n,
                 const Scaling& scaling, const RandomStream& stream, std::uint64_t first_index) {
  constexpr std::size_t kQuad = kDrawQuad * kDrawChunk;
  constexpr std::size_t kEach = kScaling == Kind::each ? 1 : 0;
  const Op op(plan);
  const DrawMaker maker(stream);
  const bool streams = n >= kStreamingElements;
  HWY_ALIGN std::uint32_t words[kDrawQuad * kDrawChunkWords];
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; i += count) {
    const std::uint64_t index = first_index + i;
    const float* multiplier = scaling.multiplier + i * kEach;
    const float* scale = scaling.scale + i * kEach;
    if (index % kQuad == 0 && n - i >= kQuad) {
      count = kQuad;
      if (streams) prefetch_ahead(out + i, kQuad);
      maker.make(index / kDrawChunk, kDrawQuad, words);
      round_chunks<Op, kScaling>(op, in + i, out + i, kDrawQuad, multiplier, scale, words);
      continue;
    }
    const std::size_t offset = index % kDrawChunk;
    count = std::min<std::size_t>(kDrawChunk - offset, n - i);
    maker.make(index / kDrawChunk, 1, words);
    if (count == kDrawChunk) {
      round_chunks<Op, kScaling>(op, in + i, out + i, 1, multiplier, scale, words);
    } else {
      round_part_of_chunk<Op, kScaling>(op, in + i, out + i, offset, count, multiplier, scale,
                                        words);
    }
  }
}

using DrawLoop = void (*)(const RoundPlan&, const float*, float*, std::size_t, const Scaling&,
                          const RandomStream&, std::uint64_t);

template <class Op>
DrawLoop draw_loop(Kind kind) {
  switch (kind) {
    case Kind::none:
      return apply_draws<Op, Kind::none>;
    case Kind::uniform:
      return apply_draws<Op, Kind::uniform>;
    case Kind::each:
      break;
  }
  return apply_draws<Op, Kind::each>;
}

DrawLoop draw_loop(const RoundPlan& plan, Kind kind) {
  const bool keeps_nan = plan.nan_rule == NanRule::keep;
  if (plan.carry.is_plain) {
    return keeps_nan ? draw_loop<StochasticCarry<true, true>>(kind)
                     : draw_loop<StochasticCarry<true, false>>(kind);
  }
  return keeps_nan ? draw_loop<StochasticCarry<false, true>>(kind)
                   : draw_loop<StochasticCarry<false, false>>(kind);
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
