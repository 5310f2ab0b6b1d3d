#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "sim/round_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/magnitudes.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Several pages at once, so that the hardware fetches ahead in all of them: memory is read a sixth
// faster than in order.
inline constexpr std::size_t kStreamingElements = std::size_t{1} << 20;
inline constexpr std::size_t kPageElements = 1024;

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
    for (; n >= kStreamingElements && i + 8 * kPageElements <= n; i += 8 * kPageElements) {
      for (std::size_t j = i; j < i + kPageElements; j += lanes) {
        m0 = hn::Max(m0, hn::Max(load(j), load(j + 4 * kPageElements)));
        m1 = hn::Max(m1, hn::Max(load(j + kPageElements), load(j + 5 * kPageElements)));
        m2 = hn::Max(m2, hn::Max(load(j + 2 * kPageElements), load(j + 6 * kPageElements)));
        m3 = hn::Max(m3, hn::Max(load(j + 3 * kPageElements), load(j + 7 * kPageElements)));
      }
    }
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
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
HWY_EXPORT(largest_magnitude_kernel);
HWY_EXPORT(group_magnitudes_kernel);
HWY_EXPORT(update_magnitudes_kernel);
}  // namespace

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
