#include "experiments/kinds/expected_sqnr.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "formats/properties.h"
#include "sim/expected_error.h"

namespace halfulp {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int kWidestGrid = 12;
constexpr std::size_t kSmallGrid = 64;

/// Elements that share a scale; 0 when units differ in size.
std::size_t unit_length(const QuantizerSpec& spec, std::size_t rows, std::size_t cols) {
  switch (spec.granularity) {
    case Granularity::tensor:
      return rows * cols;
    case Granularity::row:
      return cols;
    case Granularity::column:
      return rows;
    case Granularity::group:
      break;
  }
  const auto group = static_cast<std::size_t>(spec.group_size);
  const std::size_t line = spec.along_columns ? rows : cols;
  return line % group == 0 ? group : 0;
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

double expected_unit_error(const QuantizerSpec& spec, const Distribution& distribution,
                           double sigma, std::size_t rows, std::size_t cols) {
  const std::size_t length = unit_length(spec, rows, cols);
  const bool possible = spec.scale != ScaleRule::unscaled && length > 1 && length < (1U << 30) &&
                        is_nearest(spec.rounding) && width(spec.format) <= kWidestGrid;
  if (!possible) return kNan;
  const ScalarGrid grid = decision_grid(spec.format, spec.rounding);
  const double largest = to_double(max_finite(spec.format));
  const auto scale = [&](double amax) {
    return spec.scale == ScaleRule::scale_binary32
               ? amax / largest
               : power_of_two_scale(largest, amax * sigma) / sigma;
  };
  return expected_block_error(distribution, grid, static_cast<int>(length), scale,
                              grid.values.size() <= kSmallGrid ? 64 : 24);
}

}  // namespace halfulp
