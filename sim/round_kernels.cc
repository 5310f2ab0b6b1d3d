#include "sim/round_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "sim/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/round_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/random-inl.h"
#include "sim/random_draws-inl.h"
#include "sim/round_loops-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

// Elements per pass of the kernels that need more than one pass; the buffers stay in the L1 cache.
inline constexpr std::size_t kBlock = 4 * kRandomPair;

/// x mod 2^bits, in [lowest, largest]. Exact: x is an integer and binary64 holds every step.
/// (Infinity was clamped to the largest binary32 number, a multiple of 2^bits, and gives the 0 that
/// is asked for.)
void wrap(const RoundPlan& plan, float* values, std::size_t n) {
  const auto largest = static_cast<double>(plan.largest);
  const double modulus = largest - static_cast<double>(plan.lowest) + 1;
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(values[i]);
    double rest = x - modulus * std::floor(x / modulus);
    if (rest > largest) rest -= modulus;
    values[i] = static_cast<float>(rest);
  }
}

void multiply(const float* a, const float* b, Kind kind, float* product, std::size_t n) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t each = kind == Kind::each ? 1 : 0;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto factor = each == 1 ? hn::LoadU(d, b + i) : hn::Set(d, *b);
    hn::StoreU(hn::Mul(hn::LoadU(d, a + i), factor), d, product + i);
  }
  for (; i < n; ++i) product[i] = a[i] * b[i * each];
}

/// The draws of elements first .. first + n - 1 as words, n up to kBlock, inside whole chunks of
/// `buffer`.
const std::uint32_t* draws_of(const RandomStream& stream, std::uint64_t first, std::size_t n,
                              std::uint32_t* buffer) {
  HWY_ALIGN std::uint32_t packed[kDrawChunkWords];
  const DrawMaker maker(stream);
  const std::uint64_t begin = first / kDrawChunk;
  const std::uint64_t end = (first + n + kDrawChunk - 1) / kDrawChunk;
  for (std::uint64_t chunk = begin; chunk < end; ++chunk) {
    maker.make(chunk, 1, packed);
    spread_draws(packed, buffer + (chunk - begin) * kDrawChunk);
  }
  return buffer + first % kDrawChunk;
}

/// The words of elements first .. first + n - 1, n up to kBlock, inside whole pairs of chunks of
/// `buffer`.
const std::uint32_t* words_of(const RandomStream& stream, std::uint64_t first, std::size_t n,
                              std::uint32_t* buffer) {
  const std::uint64_t begin = first / kRandomPair;
  const std::uint64_t end = (first + n + kRandomPair - 1) / kRandomPair;
  for (std::uint64_t pair = begin; pair < end; ++pair) {
    random_words_of_pair(stream, pair, buffer + (pair - begin) * kRandomPair);
  }
  return buffer + first % kRandomPair;
}

/// The general form: block by block, each step a pass over buffers in the L1 cache.
OverflowReport round_blocks(const RoundPlan& plan, const float* in, float* out, std::size_t n,
                            const Scaling& scaling, const RandomStream& stream,
                            std::uint64_t first_index) {
  constexpr std::size_t kSlack = 64;  // of the last vector
  HWY_ALIGN float operands[kBlock];
  HWY_ALIGN float results[kBlock];
  HWY_ALIGN std::uint32_t words[kBlock + kSlack] = {};
  const bool is_magic =
      plan.method == RoundMethod::magic || plan.method == RoundMethod::integer_magic;
  const bool one_loop = is_magic && !plan.wraps && !plan.reports;
  const Loop loop = one_loop ? magic_loop(plan, scaling.kind) : unscaled_loop(plan);
  const std::size_t each = scaling.kind == Kind::each ? 1 : 0;
  const bool is_random = plan.decision == Decision::stochastic;

  std::size_t count = 0;
  for (std::size_t i = 0; i < n; i += count) {
    const std::uint64_t index = first_index + i;
    // Blocks end where pairs of random chunks do, so that none is made twice.
    count = std::min<std::size_t>(kBlock - index % kRandomPair, n - i);
    const std::uint32_t* random = words;
    if (is_random) random = (plan.uses_draws ? draws_of : words_of)(stream, index, count, words);
    const Scaling part{scaling.kind, scaling.multiplier + i * each, scaling.scale + i * each};
    if (one_loop) {
      loop(plan, in + i, out + i, count, part, random);
      continue;
    }
    const float* source = in + i;
    if (scaling.kind != Kind::none) {
      multiply(source, part.multiplier, part.kind, operands, count);
      source = operands;
    }
    // An operand is looked at again when its result may be an overflow.
    float* target = plan.reports ? results : out + i;
    loop(plan, source, target, count, {}, random);
    if (plan.wraps) wrap(plan, target, count);
    for (std::size_t j = 0; plan.reports && j < count; ++j) {
      if (std::isnan(results[j]) && !std::isnan(source[j])) return {i + j, source[j]};
    }
    if (scaling.kind != Kind::none) {
      multiply(target, part.scale, part.kind, out + i, count);
    } else if (plan.reports) {
      std::copy(results, results + count, out + i);
    }
  }
  return {};
}

OverflowReport round_array_kernel(const RoundPlan& plan, const float* in, float* out, std::size_t n,
                                  const Scaling& scaling, const RandomStream& stream,
                                  std::uint64_t first_index) {
  const bool one_pass = !plan.reports && !plan.wraps && plan.decision != Decision::stochastic;
  const bool is_magic =
      plan.method == RoundMethod::magic || plan.method == RoundMethod::integer_magic;
  if (one_pass && is_magic) {
    magic_loop(plan, scaling.kind)(plan, in, out, n, scaling, nullptr);
    return {};
  }
  if (plan.method == RoundMethod::carry && !plan.reports) {
    draw_loop(plan, scaling.kind)(plan, in, out, n, scaling, stream, first_index);
    return {};
  }
  if (one_pass && scaling.kind == Kind::none) {
    unscaled_loop(plan)(plan, in, out, n, scaling, nullptr);
    return {};
  }
  return round_blocks(plan, in, out, n, scaling, stream, first_index);
}

/// As an unsigned pattern, NaN is larger than every number.
HWY_INLINE std::uint32_t largest_of(const float* in, std::size_t n) {
  const hn::ScalableTag<std::uint32_t> du;
  const hn::Rebind<float, decltype(du)> d;
  const std::size_t lanes = hn::Lanes(du);
  const auto magnitude_mask = hn::Set(du, 0x7FFFFFFFU);
  const auto load = [&](std::size_t i) {
    return hn::And(hn::BitCast(du, hn::LoadU(d, in + i)), magnitude_mask);
  };
  std::uint32_t largest = 0;
  std::size_t i = 0;
  if (n >= lanes) {
    auto m0 = load(0);
    auto m1 = m0;
    auto m2 = m0;
    auto m3 = m0;
    for (i = lanes; i + 4 * lanes <= n; i += 4 * lanes) {
      m0 = hn::Max(m0, load(i));
      m1 = hn::Max(m1, load(i + lanes));
      m2 = hn::Max(m2, load(i + 2 * lanes));
      m3 = hn::Max(m3, load(i + 3 * lanes));
    }
    for (; i + lanes <= n; i += lanes) m0 = hn::Max(m0, load(i));
    const auto all = hn::Max(hn::Max(m0, m1), hn::Max(m2, m3));
    largest = hn::GetLane(hn::MaxOfLanes(du, all));
  }
  for (; i < n; ++i) largest = std::max(largest, std::bit_cast<std::uint32_t>(in[i]) & 0x7FFFFFFFU);
  return largest;
}

std::uint32_t largest_magnitude_kernel(const float* in, std::size_t n) { return largest_of(in, n); }

void group_magnitudes_kernel(const float* in, std::size_t n, std::size_t group,
                             std::uint32_t* maxima) {
  for (std::size_t i = 0; i < n; i += group) *maxima++ = largest_of(in + i, std::min(group, n - i));
}

/// Running maxima of the columns: maxima[j] = max(maxima[j], |in[j]|) as patterns.
void update_magnitudes_kernel(const float* in, std::uint32_t* maxima, std::size_t n) {
  const hn::ScalableTag<std::uint32_t> du;
  const hn::Rebind<float, decltype(du)> d;
  const std::size_t lanes = hn::Lanes(du);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto x = hn::And(hn::BitCast(du, hn::LoadU(d, in + i)), hn::Set(du, 0x7FFFFFFFU));
    hn::StoreU(hn::Max(hn::LoadU(du, maxima + i), x), du, maxima + i);
  }
  for (; i < n; ++i) {
    maxima[i] = std::max(maxima[i], std::bit_cast<std::uint32_t>(in[i]) & 0x7FFFFFFFU);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {
HWY_EXPORT(round_array_kernel);
HWY_EXPORT(largest_magnitude_kernel);
HWY_EXPORT(group_magnitudes_kernel);
HWY_EXPORT(update_magnitudes_kernel);
}  // namespace

OverflowReport round_array(const RoundPlan& plan, const float* in, float* out, std::size_t n,
                           const Scaling& scaling, const RandomStream& stream,
                           std::uint64_t first_index) {
  return HWY_DYNAMIC_DISPATCH(round_array_kernel)(plan, in, out, n, scaling, stream, first_index);
}

std::uint32_t largest_magnitude(const float* in, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(largest_magnitude_kernel)(in, n);
}

void group_magnitudes(const float* in, std::size_t n, std::size_t group, std::uint32_t* maxima) {
  HWY_DYNAMIC_DISPATCH(group_magnitudes_kernel)(in, n, group, maxima);
}

void update_magnitudes(const float* in, std::uint32_t* maxima, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(update_magnitudes_kernel)(in, maxima, n);
}

}  // namespace halfulp

#endif  // HWY_ONCE
