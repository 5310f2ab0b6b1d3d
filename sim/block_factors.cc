#include "sim/block_factors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "formats/properties.h"
#include "formats/round.h"

namespace halfulp {

namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr int kDigits = 24;

const Format kE8M0 = BlockFormat{}.scale;
const Format kBinary32 = FloatFormat{8, 23, 127};

/// Whether a block of zeros decodes to zeros whatever its scale.
bool has_zero(const Format& element) {
  return round(element, {Rounding::nearest_even, Overflow::saturate}, 0.0) == 0;
}

/// Bits of the numbers at which the rounding of an element changes.
int threshold_bits(const BlockFormat& format) {
  const bool is_stochastic = format.rounding.rounding == Rounding::stochastic;
  return precision(format.element) + 1 + (is_stochastic ? format.rounding.random_bits + 1 : 0);
}

/// Whether a product below binary32's normal numbers is far below the element's.
bool is_far_from_underflow(const Format& element) {
  constexpr int kLeast = -60;
  return floor_log2(min_positive(element)) >= kLeast;
}

/// Whether quotients in binary32 are good enough: a quotient of 24-bit numbers rounds to a
/// threshold t of the elements only if t times the scale, which has at most 24 bits then, is x.
/// (Directed rounding would miss quotients that vanish.)
bool divides_in_binary32(const BlockFormat& format) {
  const Rounding rounding = format.rounding.rounding;
  const bool is_directed = rounding == Rounding::toward_positive ||
                           rounding == Rounding::toward_negative || rounding == Rounding::to_odd;
  return !is_directed && threshold_bits(format) + precision(format.scale) <= kDigits;
}

/// Whether scales of rule exact are computed here: in binary32 itself, or rounded to odd first.
bool divides_exactly(const BlockFormat& format) {
  if (format.scale == kBinary32) return format.scale_rounding == Rounding::nearest_even;
  return precision(format.scale) <= kDigits - 3;
}

/// A quarter of the last step above M: nearest rounding takes smaller numbers to M at most. 0 where
/// the range is not symmetric enough to say so of magnitudes.
float overflow_threshold(const Format& element) {
  const Number largest = max_finite(element);
  if (to_double(lowest_finite(element)) > -to_double(largest)) return 0;
  const double step = std::ldexp(1.0, floor_log2(largest) + 1 - precision(element));
  return static_cast<float>(to_double(largest) + step / 4);
}

PowerOfTwoPlan power_of_two_plan(const BlockFormat& format) {
  PowerOfTwoPlan plan;
  plan.rule = format.rule;
  plan.emax = floor_log2(max_finite(format.element));
  plan.reciprocal = 1.0F / largest_element(format);
  if (format.rule == BlockScaleRule::even) {
    plan.half_step = 1U << (kDigits - 1 - precision(format.element));
  }
  if (format.three_quarters) {
    plan.multiplier_factor = 0.75F;
    plan.scale_factor = 4.0F / 3.0F;
  }
  return plan;
}

/// For torchao's scales; see FusedPlan::quotient_factor. Where a quotient loses digits to underflow
/// or overflow, both ways to compute it lie beyond the range of scales.
void fill_quotient(FusedPlan& fused) {
  const double factor =
      1 / (static_cast<double>(fused.largest) * static_cast<double>(fused.tensor_decode));
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): torchao's scales have a plan
  const RoundPlan& plan = *fused.scale_plan;
  const int drop = std::ilogb(plan.magic.magic);
  constexpr int kLeastDrop = 8;  // so that margins around ties are a small part
  if (!(factor >= 0x1p-60 && factor <= 0x1p60) || fused.least_scale < 0x1p-40F ||
      plan.clamp_high > 0x1p40 || drop < kLeastDrop) {
    return;
  }
  fused.quotient_factor = static_cast<float>(factor);
  fused.scale_drop_mask = (1 << drop) - 1;
}

bool suits_power_of_two(const BlockFormat& format) {
  const int emax = floor_log2(max_finite(format.element));
  return format.scale == kE8M0 && emax >= 0 && emax <= 126 &&
         (format.rule != BlockScaleRule::even || precision(format.element) < kDigits - 1);
}

}  // namespace

BlockFactors::BlockFactors(const BlockFormat& format)
    : format_(format), largest_(largest_element(format)) {
  if (format.amax_format != kBinary32) {
    amax_rounder_.emplace(format.amax_format, RoundSpec{});
  }
  overflow_from_ = overflow_threshold(format.element);
  is_power_of_two_ = format.rule != BlockScaleRule::exact;
  if (is_power_of_two_) {
    power_of_two_ = power_of_two_plan(format);
    return;
  }
  if (format.arithmetic == BlockArithmetic::exact) {
    method_ = divides_in_binary32(format) ? FactorMethod::divide : FactorMethod::divide_to_odd;
  }
  least_scale_ = static_cast<float>(to_double(min_normal(format.scale)));
  scale_rounder_.emplace(
      format.scale, RoundSpec{.rounding = format.scale_rounding, .overflow = Overflow::saturate});
  const RoundPlan plan = make_round_plan(format.scale, RoundSpec{});
  if (plan.method == RoundMethod::magic) scale_plan_ = std::make_shared<const RoundPlan>(plan);
}

std::optional<FusedPlan> BlockFactors::fused_plan(const TensorScale& tensor) const {
  const bool has_plan = is_power_of_two_ || scale_plan_ != nullptr;
  if (!has_plan || amax_rounder_ || method_ != FactorMethod::multiply) return std::nullopt;
  using Kind = FusedPlan::Kind;
  const bool is_te = format_.arithmetic == BlockArithmetic::transformer_engine;
  const bool has_tensor = format_.tensor_bound != 0;
  const auto bound = static_cast<float>(format_.tensor_bound);
  FusedPlan fused{.kind = is_power_of_two_ ? Kind::power_of_two
                          : is_te          ? Kind::transformer_engine
                                           : Kind::torchao,
                  .power_of_two = power_of_two_,
                  .scale_plan = scale_plan_.get(),
                  .largest = largest_,
                  .overflow_from = overflow_from_,
                  .largest_single = kLargest,
                  .has_tensor_scale = has_tensor,
                  .tensor_amax = tensor.amax,
                  .tensor_encode = has_tensor ? 1.0F / tensor.decode : 1.0F,
                  .tensor_decode = tensor.decode,
                  .scale_multiplier = tensor.encode * (1.0F / largest_),
                  .range_reciprocal = has_tensor ? 1.0F / (largest_ * bound) : 0.0F,
                  .least_scale = least_scale_};
  if (fused.kind == Kind::torchao) fill_quotient(fused);
  return fused;
}

std::optional<BlockFactors> BlockFactors::make(const BlockFormat& format) {
  const bool is_library = format.arithmetic != BlockArithmetic::exact;
  const bool has_vector_rounding = std::holds_alternative<FloatFormat>(format.element) ||
                                   std::holds_alternative<IntegerFormat>(format.element);
  const bool is_rare = !has_vector_rounding || format.zero_point != ZeroPoint::none ||
                       format.four_over_six != FourOverSix::none ||
                       (format.tensor_bound != 0 && !is_library) ||
                       format.rounding.overflow != Overflow::saturate || !has_zero(format.element);
  if (is_rare) return std::nullopt;
  if (!is_library) {
    if (!is_far_from_underflow(format.element)) return std::nullopt;
    if (format.rule != BlockScaleRule::exact && !suits_power_of_two(format)) return std::nullopt;
    if (format.rule == BlockScaleRule::exact &&
        (!divides_exactly(format) || threshold_bits(format) > kDigits - 1)) {
      return std::nullopt;
    }
  }
  return BlockFactors(format);
}

void BlockFactors::fill_transformer_engine(const float* amax, std::size_t n,
                                           const TensorScale& tensor, float* multipliers,
                                           float* scales) const {
  const float multiplier = tensor.encode * (1.0F / largest_);
  for (std::size_t i = 0; i < n; ++i) scales[i] = amax[i] * multiplier;
  scale_rounder_->round(scales, scales, n);
  const float range_reciprocal = 1.0F / (largest_ * static_cast<float>(format_.tensor_bound));
  const float decode = tensor.decode;
  const float tensor_amax = tensor.amax;
  for (std::size_t i = 0; i < n; ++i) {
    multipliers[i] = std::min(1.0F / (scales[i] * decode), kLargest);
    scales[i] = scales[i] * tensor_amax * range_reciprocal;
  }
}

void BlockFactors::fill_torchao(const float* amax, std::size_t n, const TensorScale& tensor,
                                float* multipliers, float* scales) const {
  const bool has_tensor = format_.tensor_bound != 0;
  const float least = least_scale_;
  const float largest = largest_;
  const float decode = tensor.decode;
  for (std::size_t i = 0; i < n; ++i) scales[i] = amax[i] / largest;
  for (std::size_t i = 0; has_tensor && i < n; ++i) scales[i] /= decode;
  for (std::size_t i = 0; i < n; ++i) scales[i] = std::max(scales[i], least);
  scale_rounder_->round(scales, scales, n);
  const float encode = has_tensor ? 1.0F / decode : 1.0F;
  for (std::size_t i = 0; i < n; ++i) {
    multipliers[i] = std::min(encode / scales[i], kLargest);
    scales[i] = decode * scales[i];
  }
}

void BlockFactors::fill(const std::uint32_t* maxima, std::size_t n, const TensorScale& tensor,
                        float* multipliers, float* scales) const {
  alignas(64) float amax[kMaxBlocks];
  alignas(64) std::uint32_t rounded[kMaxBlocks];
  if (amax_rounder_) {
    std::transform(maxima, maxima + n, amax,
                   [](std::uint32_t m) { return std::bit_cast<float>(m); });
    amax_rounder_->round(amax, amax, n);
    std::transform(amax, amax + n, rounded,
                   [](float a) { return std::bit_cast<std::uint32_t>(a); });
    maxima = rounded;
  }
  if (is_power_of_two_) {
    power_of_two_factors(power_of_two_, maxima, n, multipliers, scales);
    return;
  }
  std::transform(maxima, maxima + n, amax, [](std::uint32_t m) { return std::bit_cast<float>(m); });
  switch (format_.arithmetic) {
    case BlockArithmetic::transformer_engine:
      return fill_transformer_engine(amax, n, tensor, multipliers, scales);
    case BlockArithmetic::torchao:
      return fill_torchao(amax, n, tensor, multipliers, scales);
    case BlockArithmetic::exact:
      break;
  }
  const float largest = largest_;
  if (format_.scale == kBinary32) {
    for (std::size_t i = 0; i < n; ++i) scales[i] = amax[i] / largest;
  } else {
    quotients_to_odd(amax, n, &largest, 0, scales);
    scale_rounder_->round(scales, scales, n);
  }
}

void quotients_to_odd(const float* x, std::size_t n, const float* divisors, std::size_t step,
                      float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    // With s of 24 bits, x / s is no number of 29 bits or fewer unless exactly, so the quotient in
    // binary64 tells on which side of every binary32 number it lies.
    const float divisor = divisors[i * step];
    const double quotient = static_cast<double>(x[i]) / static_cast<double>(divisor);
    const auto nearest = static_cast<float>(quotient);
    const auto pattern = std::bit_cast<std::uint32_t>(nearest);
    const auto back = static_cast<double>(nearest);
    const std::uint32_t is_above = std::abs(back) > std::abs(quotient) ? 1 : 0;
    const std::uint32_t is_inexact = back != quotient ? 1 : 0;
    const float odd = std::bit_cast<float>((pattern - is_above) | is_inexact);
    out[i] = divisor == 0 ? std::copysign(0.0F, x[i]) : odd;
  }
}

void quotients(const float* x, std::size_t n, const float* divisors, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const float quotient = x[i] / divisors[i];
    out[i] = divisors[i] == 0 ? std::copysign(0.0F, x[i]) : quotient;
  }
}

void products_to_odd(const float* x, std::size_t n, const float* multipliers, float* out) {
  constexpr float kSmallestNormal = std::numeric_limits<float>::min();
  for (std::size_t i = 0; i < n; ++i) {
    const float product = x[i] * multipliers[i];
    const bool vanishes = std::abs(product) < kSmallestNormal && x[i] != 0;
    out[i] = vanishes ? std::copysign(kSmallestNormal, x[i]) : product;
  }
}

}  // namespace halfulp
