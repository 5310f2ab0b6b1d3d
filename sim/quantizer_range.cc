#include "sim/quantizer_range.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include "formats/arithmetic.h"
#include "formats/block.h"
#include "formats/block_scale.h"
#include "formats/codec.h"
#include "formats/properties.h"
#include "sim/block_factors.h"

namespace halfulp {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void set_units(QuantizerRange& range, const QuantizerSpec& spec, ConstMatrix x) {
  const auto group = static_cast<std::size_t>(spec.group_size);
  range.unit_rows = x.rows;
  range.unit_cols = x.cols;
  if (spec.scale == ScaleRule::unscaled || spec.granularity == Granularity::tensor) return;
  if (spec.granularity == Granularity::row) range.unit_rows = 1;
  if (spec.granularity == Granularity::column) range.unit_cols = 1;
  const bool is_tile = spec.granularity == Granularity::tile;
  if (spec.granularity != Granularity::group && !is_tile) return;
  const std::size_t lines = is_tile ? static_cast<std::size_t>(spec.tile_lines) : 1;
  range.unit_rows = spec.along_columns ? group : lines;
  range.unit_cols = spec.along_columns ? lines : group;
}

void scaled_range(QuantizerRange& range, const Quantizer& quantizer, ConstMatrix x) {
  set_ends(range, quantizer.spec().format);
  set_units(range, quantizer.spec(), x);
  std::tie(range.scale_rows, range.scale_cols) = quantizer.scale_shape(x.rows, x.cols);
  range.scales.assign(range.scale_rows * range.scale_cols, 1.0F);
  if (quantizer.spec().scale == ScaleRule::unscaled) return;
  std::vector<float> grid(x.rows * x.cols);
  quantizer.quantize_to_grid(
      x, {grid.data(), x.rows, x.cols, x.cols},
      {range.scales.data(), range.scale_rows, range.scale_cols, range.scale_cols});
}

/// Patterns of the largest magnitudes, NaN and infinity above all.
std::vector<std::uint32_t> unit_maxima(const QuantizerRange& range, ConstMatrix x) {
  std::vector<std::uint32_t> maxima(range.scale_rows * range.scale_cols, 0);
  for (std::size_t r = 0; r < x.rows; ++r) {
    std::uint32_t* units = maxima.data() + r / range.unit_rows * range.scale_cols;
    const float* row = x.data + r * x.stride;
    for (std::size_t c = 0; c < x.cols; c += range.unit_cols, ++units) {
      std::uint32_t amax = *units;
      const std::size_t end = std::min(c + range.unit_cols, x.cols);
      for (std::size_t j = c; j < end; ++j) {
        amax = std::max(amax, std::bit_cast<std::uint32_t>(row[j]) & 0x7FFFFFFFU);
      }
      *units = amax;
    }
  }
  return maxima;
}

void scales_of_kernels(QuantizerRange& range, const BlockFormat& format,
                       const BlockFactors& factors, ConstMatrix x) {
  const std::vector<std::uint32_t> maxima = unit_maxima(range, x);
  const float amax = std::bit_cast<float>(*std::max_element(maxima.begin(), maxima.end()));
  const TensorScale tensor = tensor_scale(format, amax);
  std::vector<float> multipliers(BlockFactors::kMaxBlocks);
  for (std::size_t i = 0; i < maxima.size(); i += BlockFactors::kMaxBlocks) {
    const std::size_t n = std::min(BlockFactors::kMaxBlocks, maxima.size() - i);
    factors.fill(maxima.data() + i, n, tensor, multipliers.data(), range.scales.data() + i);
  }
  for (std::size_t i = 0; i < maxima.size(); ++i) {
    if (!std::isfinite(std::bit_cast<float>(maxima[i]))) range.scales[i] = kInfinity;
  }
}

/// By the readable definition, for formats that have no kernels.
void scales_of_reference(QuantizerRange& range, const BlockFormat& format, ConstMatrix x) {
  std::vector<float> dense(x.rows * x.cols);
  for (std::size_t r = 0; r < x.rows; ++r) {
    std::copy_n(x.data + r * x.stride, x.cols, dense.data() + r * x.cols);
  }
  BlockFormat nearest = format;
  nearest.rounding.rounding = Rounding::nearest_even;
  const BlockTensor blocks = quantize_blocks(nearest, dense.data(), x.rows, x.cols);
  const TensorScale level = tensor_scale(format, blocks.tensor_amax);
  const bool has_factors = format.arithmetic != BlockArithmetic::exact || format.three_quarters;
  for (std::size_t i = 0; i < range.scales.size(); ++i) {
    const auto scale = static_cast<float>(to_double(decode(format.scale, blocks.scales[i])));
    range.scales[i] =
        has_factors ? binary32_factors(format, scale, level).scale : scale * level.decode;
  }
}

void block_range(QuantizerRange& range, const BlockFormat& format, ConstMatrix x) {
  const bool is_down = format.axis == BlockAxis::columns;
  const auto length = static_cast<std::size_t>(format.length);
  const auto lines = static_cast<std::size_t>(format.lines);
  range.unit_rows = length == 0 ? x.rows : (is_down ? length : lines);
  range.unit_cols = length == 0 ? x.cols : (is_down ? lines : length);
  range.scale_rows = (x.rows + range.unit_rows - 1) / range.unit_rows;
  range.scale_cols = (x.cols + range.unit_cols - 1) / range.unit_cols;
  range.scales.assign(range.scale_rows * range.scale_cols, 1.0F);
  if (format.zero_point != ZeroPoint::none) {
    range.high = kInfinity;
    range.low = -kInfinity;
    return;
  }
  set_ends(range, format.element);
  if (const auto factors = BlockFactors::make(format)) {
    scales_of_kernels(range, format, *factors, x);
  } else {
    scales_of_reference(range, format, x);
  }
}

}  // namespace

void set_ends(QuantizerRange& range, const Format& format) {
  const Number largest = max_finite(format), lowest = lowest_finite(format);
  const double top = to_double(largest), bottom = to_double(lowest);
  const double before_top = to_double(next_down(format, largest, Overflow::saturate));
  const double after_bottom = to_double(next_up(format, lowest, Overflow::saturate));
  range.high = static_cast<float>(top + (top - before_top) / 2.0);
  range.low = static_cast<float>(bottom - (after_bottom - bottom) / 2.0);
}

QuantizerRange quantizer_range(const Quantizer& quantizer, ConstMatrix x) {
  QuantizerRange range;
  if (x.rows == 0 || x.cols == 0) return range;
  if (const auto& block = quantizer.spec().block) {
    block_range(range, *block, x);
  } else {
    scaled_range(range, quantizer, x);
  }
  for (float& scale : range.scales) {
    if (scale == 0.0F) scale = kInfinity;
  }
  return range;
}

}  // namespace halfulp
