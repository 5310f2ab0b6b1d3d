#include "formats/block.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "formats/block_scale.h"
#include "formats/codec.h"
#include "formats/properties.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

const Format kBinary32 = FloatFormat{8, 23, 127};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Number number_of(float x) { return reduced(from_double(static_cast<double>(x))); }

float float_of(const Number& x) { return static_cast<float>(to_double(x)); }

/// The exact product of up to three numbers of at most 24 bits each, rounded once to binary32.
float rounded_product(const Number& a, const Number& b, const Number& c) {
  if (a.kind == Kind::nan || b.kind == Kind::nan) return kNan;
  const bool negative = a.negative != (b.negative != c.negative);
  WideNumber product{a.kind, negative, false, 0, 0};
  if (a.kind == Kind::zero || b.kind == Kind::zero) {
    product.kind = Kind::zero;
  } else if (a.kind == Kind::finite) {
    const Number p = reduced(a);
    const Number q = reduced(b);
    product.significand = uint128{p.significand} * q.significand * c.significand;
    product.exponent = p.exponent + q.exponent + c.exponent;
  }
  Flags flags;
  return float_of(
      round_to(kBinary32, {Rounding::nearest_even, Overflow::infinity}, product, 0, flags));
}

/// Smallest and largest code around a zero point.
struct CodeRange {
  int low, high;
};

CodeRange code_range(const Format& element) {
  return {static_cast<int>(to_double(lowest_finite(element))),
          static_cast<int>(to_double(max_finite(element)))};
}

/// Rows and columns of a block.
std::pair<std::size_t, std::size_t> block_shape(const BlockFormat& format,
                                                const BlockTensor& tensor) {
  const bool is_down = format.axis == BlockAxis::columns;
  const auto length = static_cast<std::size_t>(format.length);
  const auto lines = static_cast<std::size_t>(format.lines);
  if (length == 0) return {tensor.rows, tensor.cols};
  return is_down ? std::pair(length, lines) : std::pair(lines, length);
}

/// One block: which elements, and what they share.
struct Block {
  std::size_t row, col, rows, cols;
  Number scale;
  int zero_point = 0;
  bool is_poisoned = false;
};

class Encoder {
 public:
  Encoder(const BlockFormat& format, const float* x, BlockTensor& tensor, const BlockRandom& random)
      : format_(format), x_(x), tensor_(tensor), random_(random) {}

  void run() {
    level_ = tensor_scale(format_, tensor_.tensor_amax);
    tensor_.tensor_scale = level_.decode;
    std::tie(height_, width_) = block_shape(format_, tensor_);
    tensor_.block_rows = (tensor_.rows + height_ - 1) / height_;
    tensor_.block_cols = (tensor_.cols + width_ - 1) / width_;
    for (std::size_t i = 0; i < tensor_.block_rows; ++i) {
      for (std::size_t j = 0; j < tensor_.block_cols; ++j) encode_block(i * height_, j * width_);
    }
  }

  /// The code of the only element under scales that are given.
  Code encode_alone(const TensorScale& level, const Number& scale, int zero_point) {
    level_ = level;
    return element_code({0, 0, 1, 1, scale, zero_point, scale.kind == Kind::nan}, 0, 0);
  }

 private:
  float at(std::size_t r, std::size_t c) const { return x_[r * tensor_.cols + c]; }

  template <class Function>
  static void for_each_element(const Block& block, const Function& function) {
    for (std::size_t r = block.row; r < block.row + block.rows; ++r) {
      for (std::size_t c = block.col; c < block.col + block.cols; ++c) function(r, c);
    }
  }

  void encode_block(std::size_t row, std::size_t col) {
    Block block{
        row, col, std::min(height_, tensor_.rows - row), std::min(width_, tensor_.cols - col), {}};
    float amax = 0;
    bool is_finite = std::isfinite(level_.amax);
    for_each_element(block, [&](std::size_t r, std::size_t c) {
      if (std::isfinite(at(r, c))) {
        amax = std::max(amax, std::abs(at(r, c)));
      } else {
        is_finite = false;
      }
    });
    const RoundSpec to_nearest{Rounding::nearest_even, Overflow::saturate};
    amax = static_cast<float>(round(format_.amax_format, to_nearest, static_cast<double>(amax)));
    if (!is_finite && format_.non_finite == NonFiniteBlock::poison) {
      block.is_poisoned = true;
      block.scale.kind = Kind::nan;
    } else if (format_.zero_point != ZeroPoint::none) {
      set_zero_point(block);
    } else if (format_.four_over_six != FourOverSix::none) {
      block.scale = better_of_four_and_six(block, amax);
    } else {
      block.scale = block_scale(format_, amax, level_);
    }
    tensor_.scales.push_back(encode(format_.scale, block.scale));
    if (format_.zero_point != ZeroPoint::none) tensor_.zero_points.push_back(block.zero_point);
    for_each_element(block, [&](std::size_t r, std::size_t c) {
      tensor_.codes[r * tensor_.cols + c] = element_code(block, r, c);
    });
  }

  /// Binary32 throughout: X = (high - low) / steps, z = lowest code - round(low / X).
  void set_zero_point(Block& block) const {
    float low = 0;
    float high = 0;
    for_each_element(block, [&](std::size_t r, std::size_t c) {
      if (!std::isfinite(at(r, c))) return;
      low = std::min(low, at(r, c));
      high = std::max(high, at(r, c));
    });
    const CodeRange codes = code_range(format_.element);
    const auto steps = static_cast<float>(codes.high - codes.low);
    const float range = (high - low) / steps;
    block.scale =
        range == 0 ? zero_block_scale(format_) : round_scale(format_, widen(number_of(range)));
    const float scale = float_of(block.scale);
    const float steps_below = scale == 0 ? 0 : std::nearbyint(low / scale);
    const float zero_point = static_cast<float>(codes.low) - steps_below;
    block.zero_point = static_cast<int>(
        std::clamp(zero_point, static_cast<float>(codes.low), static_cast<float>(codes.high)));
  }

  std::uint64_t random_of(std::size_t r, std::size_t c) const {
    if (format_.rounding.rounding != Rounding::stochastic) return 0;
    if (!random_) throw std::invalid_argument("stochastic rounding needs random bits");
    return random_(r * tensor_.cols + c);
  }

  Number rounded_element(const WideNumber& x, std::size_t r, std::size_t c) const {
    Flags flags;
    return round_to(format_.element, format_.rounding, x, random_of(r, c), flags);
  }

  bool uses_factors() const {
    return format_.arithmetic != BlockArithmetic::exact || format_.three_quarters;
  }

  Number element(const Number& scale, std::size_t r, std::size_t c) const {
    const float x = at(r, c);
    if (uses_factors()) {
      const float multiplier = binary32_factors(format_, float_of(scale), level_).multiplier;
      return rounded_element(widen(number_of(x * multiplier)), r, c);
    }
    Number operand = number_of(x);
    if (scale.kind == Kind::zero) {
      operand.kind = Kind::zero;
      return rounded_element(widen(operand), r, c);
    }
    return rounded_element(quotient(operand, product(scale, number_of(level_.decode))), r, c);
  }

  Code element_code(const Block& block, std::size_t r, std::size_t c) const {
    if (block.is_poisoned) {
      Number nothing;
      if (has_nan(format_.element)) nothing.kind = Kind::nan;
      return encode(format_.element, has_nan(format_.element) ? nothing : smallest_magnitude());
    }
    if (format_.zero_point == ZeroPoint::none) {
      return encode(format_.element, element(block.scale, r, c));
    }
    const CodeRange codes = code_range(format_.element);
    const float scale = float_of(block.scale);
    const float steps = scale == 0 ? 0 : at(r, c) / scale;
    Flags flags;
    const Number rounded =
        round_to(kSteps, format_.rounding, number_of(steps), random_of(r, c), flags);
    const int code =
        std::clamp(static_cast<int>(to_double(rounded)) + block.zero_point, codes.low, codes.high);
    return encode(format_.element, from_double(code));
  }

  /// Zero, or what a format without zero has instead.
  Number smallest_magnitude() const {
    Flags flags;
    return round_to(format_.element, {Rounding::nearest_even, Overflow::saturate}, Number{}, 0,
                    flags);
  }

  // --- four over six: TransformerEngine, _quantize_blockwise_4over6_reference

  Number better_of_four_and_six(const Block& block, float amax) const {
    const float base = amax / largest_element(format_) * level_.encode;
    const auto candidate = [&](float scale) {
      return round_scale(format_, widen(number_of(scale)));
    };
    const Number at_six = candidate(base);
    const Number at_four = candidate(base * 1.5F);
    return error_of(block, at_four) < error_of(block, at_six) ? at_four : at_six;
  }

  /// Sums along each line in order, then the lines as a tree of halves.
  float error_of(const Block& block, const Number& scale) const {
    const bool is_down = format_.axis == BlockAxis::columns;
    const std::size_t lines = is_down ? block.cols : block.rows;
    const std::size_t length = is_down ? block.rows : block.cols;
    std::vector<float> sums(std::bit_ceil(static_cast<std::size_t>(format_.lines)), 0.0F);
    for (std::size_t line = 0; line < lines; ++line) {
      for (std::size_t i = 0; i < length; ++i) {
        const std::size_t r = block.row + (is_down ? i : line);
        const std::size_t c = block.col + (is_down ? line : i);
        const float difference = four_over_six_value(element(scale, r, c), scale) - at(r, c);
        sums[line] += format_.four_over_six == FourOverSix::mse ? difference * difference
                                                                : std::abs(difference);
      }
    }
    for (std::size_t half = sums.size() / 2; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
    }
    return sums[0];
  }

  float four_over_six_value(const Number& element, const Number& scale) const {
    const float range = largest_element(format_) * static_cast<float>(format_.tensor_bound);
    return float_of(element) * float_of(scale) * level_.amax / range;
  }

  // Wide enough for round(x / X) of every binary32 x within a block: at most 2^24 steps.
  static constexpr IntegerFormat kSteps{26};

  const BlockFormat& format_;
  const float* x_;
  BlockTensor& tensor_;
  const BlockRandom& random_;
  TensorScale level_;
  std::size_t height_ = 0;
  std::size_t width_ = 0;
};

float decoded(const BlockFormat& format, const TensorScale& level, const Number& scale,
              const Number& element, int zero_point) {
  if (scale.kind == Kind::nan) return kNan;
  if (format.zero_point != ZeroPoint::none) {
    return static_cast<float>(to_double(element) - zero_point) * float_of(scale);
  }
  if (format.arithmetic != BlockArithmetic::exact || format.three_quarters) {
    return float_of(element) * binary32_factors(format, float_of(scale), level).scale;
  }
  return rounded_product(element, scale, number_of(level.decode));
}

}  // namespace

BlockTensor quantize_blocks(const BlockFormat& format, const float* x, std::size_t rows,
                            std::size_t cols, const BlockRandom& random) {
  check_block_format(format);
  BlockTensor tensor;
  tensor.rows = rows;
  tensor.cols = cols;
  if (rows == 0 || cols == 0) return tensor;
  tensor.codes.resize(rows * cols);
  if (format.tensor_bound != 0) {
    for (std::size_t i = 0; i < rows * cols; ++i) {
      if (std::isfinite(x[i])) {
        tensor.tensor_amax = std::max(tensor.tensor_amax, std::abs(x[i]));
      } else if (format.non_finite == NonFiniteBlock::poison) {
        tensor.tensor_amax = kNan;
        break;
      }
    }
  }
  Encoder(format, x, tensor, random).run();
  tensor.values = decode_blocks(format, tensor);
  return tensor;
}

std::vector<float> decode_blocks(const BlockFormat& format, const BlockTensor& tensor) {
  const TensorScale level = tensor_scale(format, tensor.tensor_amax);
  std::vector<float> values(tensor.rows * tensor.cols);
  if (values.empty()) return values;
  const auto [height, width] = block_shape(format, tensor);
  for (std::size_t r = 0; r < tensor.rows; ++r) {
    for (std::size_t c = 0; c < tensor.cols; ++c) {
      const std::size_t block = r / height * tensor.block_cols + c / width;
      const int zero_point = tensor.zero_points.empty() ? 0 : tensor.zero_points[block];
      const Number element = decode(format.element, tensor.codes[r * tensor.cols + c]);
      values[r * tensor.cols + c] =
          decoded(format, level, decode(format.scale, tensor.scales[block]), element, zero_point);
    }
  }
  return values;
}

float round_in_block(const BlockFormat& format, const BlockTensor& tensor, float x, std::size_t row,
                     std::size_t col) {
  const auto [height, width] = block_shape(format, tensor);
  const std::size_t block = row / height * tensor.block_cols + col / width;
  const TensorScale level = tensor_scale(format, tensor.tensor_amax);
  const Number scale = decode(format.scale, tensor.scales[block]);
  const int zero_point = tensor.zero_points.empty() ? 0 : tensor.zero_points[block];
  BlockTensor alone;
  alone.rows = alone.cols = 1;
  const BlockRandom none;
  const Code code = Encoder(format, &x, alone, none).encode_alone(level, scale, zero_point);
  return decoded(format, level, scale, decode(format.element, code), zero_point);
}

}  // namespace halfulp
