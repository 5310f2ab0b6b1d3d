#include "experiments/kinds/expected_sqnr.h"

#include <cmath>
#include <limits>

#include "formats/block_scale.h"
#include "formats/properties.h"
#include "sim/expected_error.h"
#include "sim/rounder.h"

namespace halfulp {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int kWidestGrid = 12;

/// Elements that share a scale; 0 when units differ in size.
std::size_t unit_length(const QuantizerSpec& spec, std::size_t rows, std::size_t cols) {
  const auto dividing = [](std::size_t length, std::size_t line) {
    return length > 0 && line % length == 0 ? length : 0;
  };
  if (spec.block) {
    const bool down = spec.block->axis == BlockAxis::columns;
    const auto lines = static_cast<std::size_t>(spec.block->lines);
    return lines * dividing(static_cast<std::size_t>(spec.block->length), down ? rows : cols);
  }
  switch (spec.granularity) {
    case Granularity::tensor:
      return rows * cols;
    case Granularity::row:
      return cols;
    case Granularity::column:
      return rows;
    case Granularity::group:
    case Granularity::tile:
      break;
  }
  return dividing(static_cast<std::size_t>(spec.tile_lines), spec.along_columns ? cols : rows) *
         dividing(static_cast<std::size_t>(spec.group_size), spec.along_columns ? rows : cols);
}

/// Directed modes see that x * (M / amax), rounded to binary32, may fall short of M for the largest
/// element of a unit: their error is no function of real numbers.
bool is_nearest(const RoundSpec& rounding) {
  return rounding.rounding == Rounding::nearest_even || rounding.rounding == Rounding::nearest_away;
}

/// 2^-floor(log2(largest / amax)), as the quantizer has it.
double power_of_two_scale(double largest, double amax) {
  int exponent = 0;
  std::frexp(largest / amax, &exponent);
  return std::ldexp(1.0, 1 - exponent);
}

}  // namespace

std::optional<ScaleOfAmax> scale_of_amax(const QuantizerSpec& spec) {
  const double largest = to_double(max_finite(spec.format));
  if (spec.block) {
    const BlockFormat& block = *spec.block;
    const bool possible = block.tensor_bound == 0 && block.four_over_six == FourOverSix::none &&
                          block.zero_point == ZeroPoint::none && !block.three_quarters &&
                          block.arithmetic == BlockArithmetic::exact;
    if (!possible) return std::nullopt;
    return [block](double amax) {
      return to_double(block_scale(block, static_cast<float>(amax), {}));
    };
  }
  switch (spec.scale) {
    case ScaleRule::unscaled:
      return std::nullopt;
    case ScaleRule::scale_binary32:
      return [largest](double amax) { return amax / largest; };
    case ScaleRule::scale_power_of_two:
      break;
  }
  return [largest](double amax) { return power_of_two_scale(largest, amax); };
}

double expected_unit_error(const QuantizerSpec& spec, const Distribution& distribution,
                           double sigma, std::size_t rows, std::size_t cols) {
  const std::size_t length = unit_length(spec, rows, cols);
  const std::optional<ScaleOfAmax> scale = scale_of_amax(spec);
  const bool possible = scale && length > 1 && length < (1U << 30) && is_nearest(spec.rounding) &&
                        width(spec.format) <= kWidestGrid;
  if (!possible) return kNan;
  const ScalarGrid grid = decision_grid(spec.format, spec.rounding);
  return expected_block_error(distribution, sigma, grid, static_cast<int>(length), *scale);
}

std::uint64_t count_saturated_in_blocks(const QuantizerSpec& spec, const float* x, std::size_t n) {
  const auto length = static_cast<std::size_t>(spec.block->length);
  const ScaleOfAmax scale = *scale_of_amax(spec);
  const double high = to_double(max_finite(spec.format));
  const double low = to_double(lowest_finite(spec.format));
  std::uint64_t saturated = 0;
  for (const float* block = x; block != x + n; block += length) {
    const double amax = static_cast<double>(halfulp::amax(block, length));
    if (amax == 0.0) continue;
    const double unit = scale(amax);
    for (std::size_t i = 0; i < length; ++i) {
      const double value = static_cast<double>(block[i]) / unit;
      saturated += value > high || value < low ? 1U : 0U;
    }
  }
  return saturated;
}

}  // namespace halfulp
