#include "bench/fma_peak.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/fma_peak.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();

namespace halfulp::bench {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

float MultiplyInRegisters(std::size_t terms) {
  constexpr int kSums = 12;  // two units with a latency of four cycles need eight
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> sum[kSums];
  for (auto& s : sum) s = hn::Set(d, 1.0F);
  const auto factor = hn::Set(d, 0.75F);
  const auto term = hn::Set(d, 0.25F);
  const std::size_t each = kSums * hn::Lanes(d);
  for (std::size_t done = 0; done < terms; done += each) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sum[i] = hn::MulAdd(sum[i], factor, term);
  }
  for (int i = 1; i < kSums; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  return hn::GetLane(hn::SumOfLanes(d, sum[0]));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp::bench

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp::bench {

HWY_EXPORT(MultiplyInRegisters);

float multiply_in_registers(std::size_t terms) {
  return HWY_DYNAMIC_DISPATCH(MultiplyInRegisters)(terms);
}

}  // namespace halfulp::bench

#endif  // HWY_ONCE
