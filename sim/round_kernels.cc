#include "sim/round_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "formats/round.h"
#include "sim/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/round_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/random-inl.h"
#include "sim/random_draws-inl.h"
#include "sim/round_draws-inl.h"
#include "sim/round_loops-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

// Elements per pass of the kernels that need more than one pass; the buffers stay in the L1 cache.
inline constexpr std::size_t kBlock = 4 * kRandomPair;

/// x modulo 2^bits quanta, in [lowest, largest]. Exact: x is a multiple of the quantum and binary64
/// holds every step. (Infinity was clamped to the largest binary32 number, a multiple of 2^bits,
/// and gives the 0 that is asked for.)
void wrap(const RoundPlan& plan, float* values, std::size_t n) {
  const double modulus = plan.largest - plan.lowest + plan.quantum;
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(values[i]);
    double rest = x - modulus * std::floor(x / modulus);
    if (rest > plan.largest) rest -= modulus;
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
  const Loop scaled = magic_loop(plan, scaling.kind);
  const bool one_loop = scaled != nullptr && !plan.wraps && !plan.reports;
  const Loop loop = one_loop ? scaled : unscaled_loop(plan);
  const std::size_t each = scaling.kind == Kind::each ? 1 : 0;
  const bool is_random = plan.decision == Decision::stochastic;
  // Short passes spread what is asked of the memory.
  const bool streams = n >= kStreamingElements;
  const std::size_t block = streams ? kRandomPair : kBlock;

  std::size_t count = 0;
  for (std::size_t i = 0; i < n; i += count) {
    const std::uint64_t index = first_index + i;
    if (streams) prefetch_ahead(out + i, block);
    // Blocks end where pairs of random chunks do, so that none is made twice.
    count = std::min<std::size_t>(block - index % kRandomPair, n - i);
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
  const Loop scaled = magic_loop(plan, scaling.kind);
  if (one_pass && scaled != nullptr) {
    scaled(plan, in, out, n, scaling, nullptr);
    return {};
  }
  if (const DrawLoop loop = draw_loop(plan, scaling.kind)) {
    loop(plan, in, out, n, scaling, stream, first_index);
    return {};
  }
  if (one_pass && scaling.kind == Kind::none) {
    unscaled_loop(plan)(plan, in, out, n, scaling, nullptr);
    return {};
  }
  return round_blocks(plan, in, out, n, scaling, stream, first_index);
}

using WideLoop = void (*)(const RoundPlan&, const double*, double*, std::size_t,
                          const std::uint32_t*);

template <class Op>
void apply_wide(const RoundPlan& plan, const double* in, double* out, std::size_t n,
                const std::uint32_t* words) {
  const Op op(plan);
  const typename Op::D d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t word = Op::kUsesWords ? 1 : 0;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(op(hn::LoadU(d, in + i), words + i * word), d, out + i);
  }
  if (i == n) return;
  HWY_ALIGN double operands[HWY_LANES(double)] = {};
  std::copy(in + i, in + n, operands);
  hn::StoreU(op(hn::LoadU(d, operands), words + i * word), d, operands);
  std::copy(operands, operands + (n - i), out + i);
}

WideLoop wide_loop(const RoundPlan& plan) {
  if (plan.method == RoundMethod::steps) return apply_wide<StepRounding<double>>;
  switch (plan.decision) {
    case Decision::nearest_even:
      return apply_wide<MagnitudeRounding<double, Decision::nearest_even, double>>;
    case Decision::nearest_away:
      return apply_wide<MagnitudeRounding<double, Decision::nearest_away, double>>;
    case Decision::toward_zero:
      return apply_wide<MagnitudeRounding<double, Decision::toward_zero, double>>;
    case Decision::toward_positive:
      return apply_wide<MagnitudeRounding<double, Decision::toward_positive, double>>;
    case Decision::toward_negative:
      return apply_wide<MagnitudeRounding<double, Decision::toward_negative, double>>;
    case Decision::to_odd:
      return apply_wide<MagnitudeRounding<double, Decision::to_odd, double>>;
    case Decision::stochastic:
      return apply_wide<MagnitudeRounding<double, Decision::stochastic, double>>;
    case Decision::nearest_even_exponent:
      return apply_wide<MagnitudeRounding<double, Decision::nearest_even_exponent, double>>;
    case Decision::to_odd_exponent:
      break;
  }
  return apply_wide<MagnitudeRounding<double, Decision::to_odd_exponent, double>>;
}

WideOverflowReport round_wide_array_kernel(const RoundPlan& plan, const double* in, double* out,
                                           std::size_t n, const RandomStream& stream,
                                           std::uint64_t first_index) {
  constexpr std::size_t kSlack = 64;  // of the last vector
  HWY_ALIGN double results[kBlock];
  HWY_ALIGN std::uint32_t words[kBlock + kSlack] = {};
  const WideLoop loop = wide_loop(plan);
  const bool is_random = plan.decision == Decision::stochastic;
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; i += count) {
    const std::uint64_t index = first_index + i;
    count = std::min<std::size_t>(kBlock - index % kRandomPair, n - i);
    const std::uint32_t* random = words;
    if (is_random) random = (plan.uses_draws ? draws_of : words_of)(stream, index, count, words);
    loop(plan, in + i, plan.reports ? results : out + i, count, random);
    if (!plan.reports) continue;
    for (std::size_t j = 0; j < count; ++j) {
      if (std::isnan(results[j]) && !std::isnan(in[i + j])) return {i + j, in[i + j]};
    }
    std::copy(results, results + count, out + i);
  }
  return {};
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {
HWY_EXPORT(round_array_kernel);
HWY_EXPORT(round_wide_array_kernel);
}  // namespace

namespace {

/// RoundMethod::scalar for one element; false when it overflows under Overflow::error.
bool round_one(const RoundTables& tables, double x, const RandomStream& stream, std::uint64_t index,
               double& result) {
  const int bits = tables.spec.random_bits;
  const std::uint64_t random = bits == 0 ? 0 : random_bits(stream, index, bits);
  try {
    result = round(tables.format, tables.spec, x, random);
  } catch (const OverflowError&) {
    return false;
  }
  return true;
}

OverflowReport round_scalars(const RoundTables& tables, const float* in, float* out, std::size_t n,
                             const Scaling& scaling, const RandomStream& stream,
                             std::uint64_t first_index) {
  const std::size_t each = scaling.kind == Scaling::Kind::each ? 1 : 0;
  const bool scales = scaling.kind != Scaling::Kind::none;
  for (std::size_t i = 0; i < n; ++i) {
    const float x = scales ? in[i] * scaling.multiplier[i * each] : in[i];
    double result = 0;
    if (!round_one(tables, static_cast<double>(x), stream, first_index + i, result)) return {i, x};
    out[i] = static_cast<float>(result);
    if (scales) out[i] *= scaling.scale[i * each];
  }
  return {};
}

WideOverflowReport round_scalars(const RoundTables& tables, const double* in, double* out,
                                 std::size_t n, const RandomStream& stream,
                                 std::uint64_t first_index) {
  for (std::size_t i = 0; i < n; ++i) {
    const double x = in[i];
    if (!round_one(tables, x, stream, first_index + i, out[i])) return {i, x};
  }
  return {};
}

}  // namespace

OverflowReport round_array(const RoundPlan& plan, const float* in, float* out, std::size_t n,
                           const Scaling& scaling, const RandomStream& stream,
                           std::uint64_t first_index) {
  if (plan.method == RoundMethod::scalar) {
    return round_scalars(*plan.tables, in, out, n, scaling, stream, first_index);
  }
  return HWY_DYNAMIC_DISPATCH(round_array_kernel)(plan, in, out, n, scaling, stream, first_index);
}

WideOverflowReport round_array(const RoundPlan& plan, const double* in, double* out, std::size_t n,
                               const RandomStream& stream, std::uint64_t first_index) {
  if (plan.method == RoundMethod::scalar) {
    return round_scalars(*plan.tables, in, out, n, stream, first_index);
  }
  return HWY_DYNAMIC_DISPATCH(round_wide_array_kernel)(plan, in, out, n, stream, first_index);
}

}  // namespace halfulp

#endif  // HWY_ONCE
