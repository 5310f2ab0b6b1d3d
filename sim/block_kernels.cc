#include "sim/block_kernels.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/block_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/block_factors-inl.h"
#include "sim/round_magic-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

std::size_t block_lanes_kernel() { return hn::Lanes(hn::ScalableTag<float>()); }

std::uint32_t block_magnitudes_kernel(const float* in, std::size_t n, std::size_t length,
                                      std::uint32_t* maxima) {
  const DU du;
  VU of_all = hn::Zero(du);
  constexpr std::size_t kLanes = HWY_LANES(std::uint32_t);
  const std::size_t lanes = hn::Lanes(du);
  const std::size_t whole = n / length;
  std::size_t b = 0;
  if (length % lanes == 0 && lanes == kLanes) {
    for (; b + kLanes <= whole; b += kLanes) {
      const VU of_runs = maxima_of_panel(in + b * length, length);
      of_all = hn::Max(of_all, of_runs);
      hn::StoreU(of_runs, du, maxima + b);
    }
  }
  std::uint32_t result = hn::GetLane(hn::MaxOfLanes(du, of_all));
  for (; b * length < n; ++b) {
    const float* run = in + b * length;
    const std::size_t count = std::min(length, n - b * length);
    std::uint32_t largest = 0;
    std::size_t i = 0;
    if (count >= lanes) {
      VU all = load_magnitudes(run);
      for (i = lanes; i + lanes <= count; i += lanes) all = hn::Max(all, load_magnitudes(run + i));
      largest = hn::GetLane(hn::MaxOfLanes(du, all));
    }
    for (; i < count; ++i) largest = std::max(largest, magnitude_of(run[i]));
    maxima[b] = largest;
    result = std::max(result, largest);
  }
  return result;
}

std::uint32_t column_magnitudes_kernel(const float* in, std::size_t stride, std::size_t rows,
                                       std::size_t cols, std::uint32_t* maxima) {
  const DU du;
  VU of_all = hn::Zero(du);
  const std::size_t lanes = hn::Lanes(du);
  std::size_t c = 0;
  for (; c + 4 * lanes <= cols; c += 4 * lanes) {
    VU m0 = hn::Zero(du);
    VU m1 = m0;
    VU m2 = m0;
    VU m3 = m0;
    for (std::size_t r = 0; r < rows; ++r) {
      const float* row = in + r * stride + c;
      m0 = hn::Max(m0, load_magnitudes(row));
      m1 = hn::Max(m1, load_magnitudes(row + lanes));
      m2 = hn::Max(m2, load_magnitudes(row + 2 * lanes));
      m3 = hn::Max(m3, load_magnitudes(row + 3 * lanes));
    }
    hn::StoreU(m0, du, maxima + c);
    hn::StoreU(m1, du, maxima + c + lanes);
    hn::StoreU(m2, du, maxima + c + 2 * lanes);
    hn::StoreU(m3, du, maxima + c + 3 * lanes);
    of_all = hn::Max(of_all, hn::Max(hn::Max(m0, m1), hn::Max(m2, m3)));
  }
  for (; c + lanes <= cols; c += lanes) {
    VU m = hn::Zero(du);
    for (std::size_t r = 0; r < rows; ++r) m = hn::Max(m, load_magnitudes(in + r * stride + c));
    hn::StoreU(m, du, maxima + c);
    of_all = hn::Max(of_all, m);
  }
  std::uint32_t result = hn::GetLane(hn::MaxOfLanes(du, of_all));
  for (; c < cols; ++c) {
    maxima[c] = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      maxima[c] = std::max(maxima[c], magnitude_of(in[r * stride + c]));
    }
    result = std::max(result, maxima[c]);
  }
  return result;
}

void power_of_two_factors_kernel(const PowerOfTwoPlan& plan, const std::uint32_t* maxima,
                                 std::size_t n, float* multipliers, float* scales) {
  const DU du;
  const hn::Rebind<float, DU> d;
  const std::size_t lanes = hn::Lanes(du);
  const PowerOfTwoFactors factors(plan);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto multiplier = hn::Undefined(d);
    auto scale = hn::Undefined(d);
    factors(hn::LoadU(du, maxima + i), multiplier, scale);
    hn::StoreU(multiplier, d, multipliers + i);
    hn::StoreU(scale, d, scales + i);
  }
  if (i == n) return;
  HWY_ALIGN std::uint32_t rest[HWY_LANES(float)] = {};
  HWY_ALIGN float rest_multipliers[HWY_LANES(float)];
  HWY_ALIGN float rest_scales[HWY_LANES(float)];
  std::copy(maxima + i, maxima + n, rest);
  power_of_two_factors_kernel(plan, rest, lanes, rest_multipliers, rest_scales);
  std::copy(rest_multipliers, rest_multipliers + (n - i), multipliers + i);
  std::copy(rest_scales, rest_scales + (n - i), scales + i);
}

// --- elements

template <class Op>
void round_blocks(const RoundPlan& plan, const float* in, float* out, std::size_t blocks,
                  std::size_t length, const float* multipliers, const float* scales) {
  using D = typename Op::D;
  const D d;
  const Op op(plan);
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t b = 0; b < blocks; ++b) {
    const auto multiplier = hn::Set(d, multipliers[b]);
    const auto scale = hn::Set(d, scales[b]);
    const std::size_t end = (b + 1) * length;
    std::size_t i = b * length;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      const auto x0 = hn::Mul(hn::LoadU(d, in + i), multiplier);
      const auto x1 = hn::Mul(hn::LoadU(d, in + i + lanes), multiplier);
      hn::StoreU(hn::Mul(op(x0, nullptr), scale), d, out + i);
      hn::StoreU(hn::Mul(op(x1, nullptr), scale), d, out + i + lanes);
    }
    for (; i < end; i += lanes) {
      const auto x = hn::Mul(hn::LoadU(d, in + i), multiplier);
      hn::StoreU(hn::Mul(op(x, nullptr), scale), d, out + i);
    }
  }
}

/// Columns whose factors stay in registers while the rows pass.
template <class Op>
void round_columns(const RoundPlan& plan, const ColumnBlock& block, const float* multipliers,
                   const float* scales) {
  using D = typename Op::D;
  const D d;
  const Op op(plan);
  const std::size_t lanes = hn::Lanes(d);
  std::size_t c = 0;
  for (; c + 2 * lanes <= block.cols; c += 2 * lanes) {
    const auto multiplier0 = hn::LoadU(d, multipliers + c);
    const auto multiplier1 = hn::LoadU(d, multipliers + c + lanes);
    const auto scale0 = hn::LoadU(d, scales + c);
    const auto scale1 = hn::LoadU(d, scales + c + lanes);
    for (std::size_t r = 0; r < block.rows; ++r) {
      const float* in = block.in + r * block.in_stride + c;
      float* out = block.out + r * block.out_stride + c;
      const auto x0 = hn::Mul(hn::LoadU(d, in), multiplier0);
      const auto x1 = hn::Mul(hn::LoadU(d, in + lanes), multiplier1);
      hn::StoreU(hn::Mul(op(x0, nullptr), scale0), d, out);
      hn::StoreU(hn::Mul(op(x1, nullptr), scale1), d, out + lanes);
    }
  }
  for (; c < block.cols; c += lanes) {
    const std::size_t count = std::min(lanes, block.cols - c);
    HWY_ALIGN float x[HWY_LANES(float)] = {};
    HWY_ALIGN float m[HWY_LANES(float)] = {};
    HWY_ALIGN float s[HWY_LANES(float)] = {};
    std::copy(multipliers + c, multipliers + c + count, m);
    std::copy(scales + c, scales + c + count, s);
    for (std::size_t r = 0; r < block.rows; ++r) {
      const float* in = block.in + r * block.in_stride + c;
      std::copy(in, in + count, x);
      const auto product = hn::Mul(hn::LoadU(d, x), hn::LoadU(d, m));
      hn::StoreU(hn::Mul(op(product, nullptr), hn::LoadU(d, s)), d, x);
      std::copy(x, x + count, block.out + r * block.out_stride + c);
    }
  }
}

template <template <bool, NanRule> class Op>
void round_columns_of_method(const RoundPlan& plan, const ColumnBlock& block,
                             const float* multipliers, const float* scales) {
  const auto loop = plan.nan_rule == NanRule::keep ? round_columns<Op<true, NanRule::keep>>
                    : plan.nan_rule == NanRule::highest
                        ? round_columns<Op<true, NanRule::highest>>
                        : round_columns<Op<true, NanRule::constant>>;
  loop(plan, block, multipliers, scales);
}

void column_round_kernel(const RoundPlan& plan, const ColumnBlock& block, const float* multipliers,
                         const float* scales) {
  const auto loop = plan.method == RoundMethod::integer_magic
                        ? round_columns_of_method<IntegerRounding>
                        : round_columns_of_method<FloatRounding>;
  loop(plan, block, multipliers, scales);
}

template <template <bool, NanRule> class Op>
void round_blocks_of_method(const RoundPlan& plan, const float* in, float* out, std::size_t blocks,
                            std::size_t length, const float* multipliers, const float* scales) {
  const auto loop = plan.nan_rule == NanRule::keep      ? round_blocks<Op<true, NanRule::keep>>
                    : plan.nan_rule == NanRule::highest ? round_blocks<Op<true, NanRule::highest>>
                                                        : round_blocks<Op<true, NanRule::constant>>;
  loop(plan, in, out, blocks, length, multipliers, scales);
}

void block_round_kernel(const RoundPlan& plan, const float* in, float* out, std::size_t blocks,
                        std::size_t length, const float* multipliers, const float* scales) {
  const auto loop = plan.method == RoundMethod::integer_magic
                        ? round_blocks_of_method<IntegerRounding>
                        : round_blocks_of_method<FloatRounding>;
  loop(plan, in, out, blocks, length, multipliers, scales);
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {
HWY_EXPORT(block_lanes_kernel);
HWY_EXPORT(block_magnitudes_kernel);
HWY_EXPORT(column_magnitudes_kernel);
HWY_EXPORT(power_of_two_factors_kernel);
HWY_EXPORT(block_round_kernel);
HWY_EXPORT(column_round_kernel);
}  // namespace

std::size_t block_lanes() { return HWY_DYNAMIC_DISPATCH(block_lanes_kernel)(); }

std::uint32_t block_magnitudes(const float* in, std::size_t n, std::size_t length,
                               std::uint32_t* maxima) {
  return HWY_DYNAMIC_DISPATCH(block_magnitudes_kernel)(in, n, length, maxima);
}

std::uint32_t column_magnitudes(const float* in, std::size_t stride, std::size_t rows,
                                std::size_t cols, std::uint32_t* maxima) {
  return HWY_DYNAMIC_DISPATCH(column_magnitudes_kernel)(in, stride, rows, cols, maxima);
}

void power_of_two_factors(const PowerOfTwoPlan& plan, const std::uint32_t* maxima, std::size_t n,
                          float* multipliers, float* scales) {
  HWY_DYNAMIC_DISPATCH(power_of_two_factors_kernel)(plan, maxima, n, multipliers, scales);
}

bool has_block_kernel(const RoundPlan& plan) {
  const bool is_magic =
      plan.method == RoundMethod::magic || plan.method == RoundMethod::integer_magic;
  return is_magic && plan.decision == Decision::nearest_even && plan.clamps && !plan.wraps &&
         !plan.reports;
}

void block_round(const RoundPlan& plan, const float* in, float* out, std::size_t blocks,
                 std::size_t length, const float* multipliers, const float* scales) {
  HWY_DYNAMIC_DISPATCH(block_round_kernel)
  (plan, in, out, blocks, length, multipliers, scales);
}

void column_round(const RoundPlan& plan, const ColumnBlock& block, const float* multipliers,
                  const float* scales) {
  HWY_DYNAMIC_DISPATCH(column_round_kernel)(plan, block, multipliers, scales);
}

}  // namespace halfulp

#endif  // HWY_ONCE
