#include "sim/nn/counter_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/nn/counter_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Partial sums of binary64.
constexpr std::size_t kPartialSums = 16;

using Wide = hn::CappedTag<double, 8>;
using Narrow = hn::Rebind<float, Wide>;

constexpr std::size_t kWideLanes = hn::MaxLanes(Wide());
constexpr std::size_t kVectors = kPartialSums / kWideLanes;

double Fold(const hn::Vec<Wide>* sums) {
  HWY_ALIGN double lanes[kPartialSums];
  for (std::size_t v = 0; v < kVectors; ++v) hn::Store(sums[v], Wide(), lanes + v * kWideLanes);
  for (std::size_t width = kPartialSums / 2; width > 0; width /= 2) {
    for (std::size_t j = 0; j < width; ++j) lanes[j] += lanes[j + width];
  }
  return lanes[0];
}

OperandSums Sums(const float* x, const float* q, std::size_t n) {
  const Wide wide;
  const Narrow narrow;
  hn::Vec<Wide> squares[kVectors], fourths[kVectors], errors[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) squares[v] = fourths[v] = errors[v] = hn::Zero(wide);
  auto amax = hn::Zero(narrow);
  const auto zero = hn::Zero(narrow);
  OperandSums sums;
  const auto add = [&](const float* in, const float* out) HWY_ATTR {
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto a = hn::LoadU(narrow, in + v * kWideLanes);
      const auto b = hn::LoadU(narrow, out + v * kWideLanes);
      const auto is_zero = hn::Eq(a, zero);
      sums.zeros += hn::CountTrue(narrow, is_zero);
      sums.flushed += hn::CountTrue(narrow, hn::AndNot(is_zero, hn::Eq(b, zero)));
      const auto magnitude = hn::Abs(a);
      amax = hn::IfThenElse(hn::Gt(magnitude, amax), magnitude, amax);
      const auto x_wide = hn::PromoteTo(wide, a);
      const auto square = hn::Mul(x_wide, x_wide);
      const auto error = hn::Sub(hn::PromoteTo(wide, b), x_wide);
      squares[v] = hn::Add(squares[v], square);
      fourths[v] = hn::Add(fourths[v], hn::Mul(square, square));
      errors[v] = hn::Add(errors[v], hn::Mul(error, error));
    }
  };
  std::size_t i = 0;
  for (; i + kPartialSums <= n; i += kPartialSums) add(x + i, q + i);
  if (i < n) {
    // Zeros change no sum.
    float in[kPartialSums] = {}, out[kPartialSums] = {};
    std::copy(x + i, x + n, in);
    std::copy(q + i, q + n, out);
    add(in, out);
    sums.zeros -= kPartialSums - (n - i);
  }
  sums.squares = Fold(squares);
  sums.fourths = Fold(fourths);
  sums.errors = Fold(errors);
  HWY_ALIGN float magnitudes[kWideLanes];
  hn::Store(amax, narrow, magnitudes);
  sums.amax = *std::max_element(magnitudes, magnitudes + kWideLanes);
  return sums;
}

/// `scales` null: the limits are those of all elements.
std::size_t Beyond(const float* x, const float* scales, std::size_t n, float low, float high) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto low_limit = hn::Set(d, low), high_limit = hn::Set(d, high);
  std::size_t count = 0;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto value = hn::LoadU(d, x + i);
    auto below = low_limit, above = high_limit;
    if (scales != nullptr) {
      const auto scale = hn::LoadU(d, scales + i);
      below = hn::Mul(below, scale);
      above = hn::Mul(above, scale);
    }
    count += hn::CountTrue(d, hn::Or(hn::Gt(value, above), hn::Lt(value, below)));
  }
  for (; i < n; ++i) {
    const float scale = scales == nullptr ? 1.0F : scales[i];
    count += (x[i] > high * scale) || (x[i] < low * scale) ? 1U : 0U;
  }
  return count;
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp::nn {

HWY_EXPORT(Sums);
HWY_EXPORT(Beyond);

OperandSums operand_sums(const float* x, const float* q, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(Sums)(x, q, n);
}

std::size_t count_beyond(const float* x, std::size_t n, float low, float high) {
  return HWY_DYNAMIC_DISPATCH(Beyond)(x, nullptr, n, low, high);
}

std::size_t count_beyond(const float* x, const float* scales, std::size_t n, float low,
                         float high) {
  return HWY_DYNAMIC_DISPATCH(Beyond)(x, scales, n, low, high);
}

}  // namespace halfulp::nn

#endif  // HWY_ONCE
