#include "sim/round_kernels.h"

#include <algorithm>
#include <cmath>

#include "sim/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/round_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/random-inl.h"
#include "sim/round_kernels-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

using Kind = Scaling::Kind;

// Elements per pass of the kernels that need more than one pass; the buffers stay in the L1 cache.
inline constexpr std::size_t kBlock = 4 * kRandomChunk;

// Arrays from this size on come from memory; then asking for the lines to be written ahead pays.
inline constexpr std::size_t kStreamingElements = std::size_t{1} << 20;
inline constexpr std::size_t kPrefetchElements = 64 * 16;

HWY_INLINE void prefetch_for_writing(const float* address) {
#if HWY_ARCH_X86
  asm volatile("prefetchw %0" : : "m"(*address));
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
  (void)ahead;
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();
