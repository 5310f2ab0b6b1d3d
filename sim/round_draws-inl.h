// Loops over arrays that round stochastically by 16-bit draws, made as they are used. Included once
// per SIMD target.
#if defined(HALFULP_SIM_ROUND_DRAWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_DRAWS_INL_H_
#undef HALFULP_SIM_ROUND_DRAWS_INL_H_
#else
#define HALFULP_SIM_ROUND_DRAWS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sim/random_draws-inl.h"
#include "sim/round_carry-inl.h"
#include "sim/round_kernels.h"
#include "sim/round_loops-inl.h"
#include "sim/round_stochastic-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

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

/// Draws are made as they are used.
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
inline DrawLoop draw_loop(Kind kind) {
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

#if HWY_TARGET <= HWY_AVX3
template <bool kFixed>
DrawLoop magic_draw_loop(const RoundPlan& plan, Kind kind) {
  const bool keeps_nan = plan.nan_rule == NanRule::keep;
  if (!plan.clamps) {
    return keeps_nan ? draw_loop<DrawStochastic<kFixed, false, NanRule::keep>>(kind)
                     : draw_loop<DrawStochastic<kFixed, false, NanRule::constant>>(kind);
  }
  if (keeps_nan) return draw_loop<DrawStochastic<kFixed, true, NanRule::keep>>(kind);
  return plan.nan_rule == NanRule::highest
             ? draw_loop<DrawStochastic<kFixed, true, NanRule::highest>>(kind)
             : draw_loop<DrawStochastic<kFixed, true, NanRule::constant>>(kind);
}
#endif

/// The loop that makes draws as it uses them; null for plans that look at results again or have no
/// such method.
inline DrawLoop draw_loop(const RoundPlan& plan, Kind kind) {
  if (plan.reports) return nullptr;
#if HWY_TARGET <= HWY_AVX3
  if (plan.magic.draw_mask != 0) {
    return plan.magic.is_fixed ? magic_draw_loop<true>(plan, kind)
                               : magic_draw_loop<false>(plan, kind);
  }
#endif
  if (plan.method != RoundMethod::carry) return nullptr;
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
