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
#include "sim/round_general-inl.h"
#include "sim/round_magic-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

using Kind = Scaling::Kind;

// Elements per pass of the kernels that need more than one pass; the buffers stay in the L1 cache.
inline constexpr std::size_t kBlock = 4 * kRandomPair;

// Arrays from this size on come from memory; then asking for the lines to be written ahead pays.
inline constexpr std::size_t kStreamingElements = std::size_t{1} << 20;
inline constexpr std::size_t kLineElements = 16;
inline constexpr std::size_t kPrefetchElements = 64 * kLineElements;

HWY_INLINE void prefetch_for_writing(const float* address) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  asm volatile("prefetchw %0" : : "m"(*address));  // the builtin would fetch the line for reading
#else
  __builtin_prefetch(address, 1);
#endif
}

template <Kind kScaling, class Op, class D = typename Op::D>
HWY_INLINE void round_vector(const Op& op, const float* in, float* out, const float* multiplier,
                             const float* scale, const std::uint32_t* words) {
  const D d;
  auto x = hn::LoadU(d, in);
  if constexpr (kScaling == Kind::uniform) x = hn::Mul(x, hn::Set(d, *multiplier));
  if constexpr (kScaling == Kind::each) x = hn::Mul(x, hn::LoadU(d, multiplier));
  auto result = op(x, words);
  if constexpr (kScaling == Kind::uniform) result = hn::Mul(result, hn::Set(d, *scale));
  if constexpr (kScaling == Kind::each) result = hn::Mul(result, hn::LoadU(d, scale));
  hn::StoreU(result, d, out);
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
  const std::size_t ahead = n >= kStreamingElements ? kPrefetchElements : 0;

  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    for (std::size_t j = 0; ahead != 0 && j < 4 * lanes; j += kLineElements) {
      prefetch_for_writing(out + i + ahead + j);
    }
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
    case RoundMethod::bits:
      return bits_loop(plan);
    case RoundMethod::magnitude:
      return magnitude_loop<float>(plan.decision);
    case RoundMethod::wide_magnitude:
      break;
  }
  return magnitude_loop<double>(plan.decision);
}

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

/// Words of elements first .. first + n - 1, n up to kBlock, inside whole pairs of chunks of
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
    const std::uint32_t* random = is_random ? words_of(stream, index, count, words) : words;
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
