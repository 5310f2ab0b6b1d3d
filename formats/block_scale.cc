#include "formats/block_scale.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "formats/properties.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr int kVanished = -1000;  // an exponent below every scale

WideNumber power_of_two(int exponent) { return {Kind::finite, false, false, exponent, 1}; }

/// floor(log2 x), and one more when x is above that power of two.
int ceil_log2(const Number& x) {
  const bool is_power = std::popcount(x.significand) == 1;
  return floor_log2(x) + (is_power ? 0 : 1);
}

/// a rounded to the element's precision; the exponent range is unbounded.
Number rounded_to_element_precision(const BlockFormat& format, const Number& a) {
  const FloatFormat wide{15, precision(format.element) - 1, ieee_bias(15)};
  Flags flags;
  return round_to(wide, {Rounding::nearest_even, Overflow::saturate}, a, 0, flags);
}

/// Exponent of X under the rules that give powers of two.
int scale_exponent(const BlockFormat& format, float a) {
  const Number amax = from_double(static_cast<double>(a));
  const int emax = floor_log2(max_finite(format.element));
  switch (format.rule) {
    case BlockScaleRule::ceil:
      return ceil_log2(amax) - emax;
    case BlockScaleRule::even:
      return floor_log2(rounded_to_element_precision(format, amax)) - emax;
    case BlockScaleRule::rceil: {
      const float descale = a * (1.0F / largest_element(format));
      if (descale == 0) return kVanished;
      return ceil_log2(from_double(static_cast<double>(descale)));
    }
    case BlockScaleRule::floor:
    case BlockScaleRule::exact:
      break;
  }
  return floor_log2(amax) - emax;
}

/// TransformerEngine, _quantize_blockwise_reference.
Number transformer_engine_scale(const BlockFormat& format, float a, const TensorScale& tensor) {
  const float reciprocal = 1.0F / largest_element(format);
  const float multiplier = tensor.encode * reciprocal;
  return round_scale(format, widen(from_double(static_cast<double>(a * multiplier))));
}

/// torchao, nvfp4_quantize: never below the smallest normal scale.
Number torchao_scale(const BlockFormat& format, float a, const TensorScale& tensor) {
  float scale = a / largest_element(format);
  if (format.tensor_bound != 0) scale = scale / tensor.decode;
  const auto least = static_cast<float>(to_double(min_normal(format.scale)));
  return round_scale(format, widen(from_double(static_cast<double>(std::max(scale, least)))));
}

Number exact_scale(const BlockFormat& format, float a, const TensorScale& tensor) {
  const Number g = from_double(static_cast<double>(tensor.decode));
  const Number divisor = product(max_finite(format.element), g);
  return round_scale(format, quotient(from_double(static_cast<double>(a)), divisor));
}

}  // namespace

int floor_log2(const Number& x) {
  return x.exponent + static_cast<int>(std::bit_width(x.significand)) - 1;
}

Number reduced(const Number& x) {
  if (x.kind != Kind::finite) return x;
  const int zeros = std::countr_zero(x.significand);
  return {Kind::finite, x.negative, x.sticky, x.exponent + zeros, x.significand >> zeros};
}

Number product(const Number& a, const Number& b) {
  const Number p = reduced(a);
  const Number q = reduced(b);
  return {Kind::finite, p.negative != q.negative, false, p.exponent + q.exponent,
          p.significand * q.significand};
}

WideNumber quotient(const Number& a, const Number& b) {
  if (a.kind != Kind::finite) return widen(a);
  const int shift = 128 - static_cast<int>(std::bit_width(a.significand));
  const uint128 dividend = uint128{a.significand} << shift;
  const uint128 whole = dividend / b.significand;
  const bool sticky = whole * b.significand != dividend;
  return {Kind::finite, a.negative != b.negative, sticky, a.exponent - shift - b.exponent, whole};
}

float largest_element(const BlockFormat& format) {
  return static_cast<float>(to_double(max_finite(format.element)));
}

TensorScale tensor_scale(const BlockFormat& format, float amax) {
  TensorScale tensor{.amax = amax};
  if (format.tensor_bound == 0) return tensor;
  const float range = static_cast<float>(format.tensor_bound) * largest_element(format);
  if (format.arithmetic == BlockArithmetic::transformer_engine) {
    tensor.encode = std::min(range / amax, kLargest);
    if (tensor.encode == 0) tensor.encode = 1;
    tensor.decode = 1.0F / tensor.encode;
  } else if (amax != 0) {
    tensor.decode = amax / range;
    if (tensor.decode == 0) tensor.decode = std::numeric_limits<float>::denorm_min();
  }
  return tensor;
}

Number round_scale(const BlockFormat& format, const WideNumber& x) {
  Flags flags;
  return round_to(format.scale, {format.scale_rounding, Overflow::saturate}, x, 0, flags);
}

Number zero_block_scale(const BlockFormat& format) {
  switch (format.zero_block) {
    case ZeroBlock::smallest:
      return min_positive(format.scale);
    case ZeroBlock::min_normal:
      return min_normal(format.scale);
    case ZeroBlock::one:
      return round_scale(format, power_of_two(0));
    case ZeroBlock::zero:
      break;
  }
  return {};
}

Number block_scale(const BlockFormat& format, float amax, const TensorScale& tensor) {
  if (amax == 0) return zero_block_scale(format);
  switch (format.arithmetic) {
    case BlockArithmetic::transformer_engine:
      return transformer_engine_scale(format, amax, tensor);
    case BlockArithmetic::torchao:
      return torchao_scale(format, amax, tensor);
    case BlockArithmetic::exact:
      break;
  }
  if (format.rule == BlockScaleRule::exact) return exact_scale(format, amax, tensor);
  return round_scale(format, power_of_two(scale_exponent(format, amax)));
}

Factors binary32_factors(const BlockFormat& format, float scale, const TensorScale& tensor) {
  const float largest = largest_element(format);
  switch (format.arithmetic) {
    case BlockArithmetic::transformer_engine: {
      const float range_reciprocal = 1.0F / (largest * static_cast<float>(format.tensor_bound));
      return {std::min(1.0F / (scale * tensor.decode), kLargest),
              scale * tensor.amax * range_reciprocal};
    }
    case BlockArithmetic::torchao:
      // Where torchao's own reciprocal of a tiny tensor scale is infinite, the limit holds.
      if (format.tensor_bound == 0) return {std::min(1.0F / scale, kLargest), scale};
      return {std::min(1.0F / tensor.decode / scale, kLargest), tensor.decode * scale};
    case BlockArithmetic::exact:
      break;
  }
  return {std::min(0.75F / scale, kLargest), 4.0F / 3.0F * scale};
}

}  // namespace halfulp
