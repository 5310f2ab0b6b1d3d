// Scales that are kept apart from the numbers of the grid.
#include <utility>

#include "sim/quantizer.h"

namespace halfulp {

std::pair<std::size_t, std::size_t> Quantizer::scale_shape(std::size_t rows,
                                                           std::size_t cols) const {
  const QuantizerSpec& spec = this->spec();
  if (spec.scale == ScaleRule::unscaled) return {1, 1};
  const auto groups = [&](std::size_t n) {
    const auto group = static_cast<std::size_t>(spec.group_size);
    return (n + group - 1) / group;
  };
  const auto lines = [&](std::size_t n) {
    const auto count = static_cast<std::size_t>(spec.tile_lines);
    return (n + count - 1) / count;
  };
  switch (spec.granularity) {
    case Granularity::row:
      return {rows, 1};
    case Granularity::column:
      return {1, cols};
    case Granularity::group:
      return spec.along_columns ? std::pair{groups(rows), cols} : std::pair{rows, groups(cols)};
    case Granularity::tile:
      return spec.along_columns ? std::pair{groups(rows), lines(cols)}
                                : std::pair{lines(rows), groups(cols)};
    case Granularity::tensor:
      break;
  }
  return {1, 1};
}

void Quantizer::apply_scales(ConstMatrix grid, ConstMatrix scales, Matrix out) const {
  const QuantizerSpec& spec = this->spec();
  const bool has_groups =
      spec.granularity == Granularity::group || spec.granularity == Granularity::tile;
  const std::size_t group = has_groups ? static_cast<std::size_t>(spec.group_size) : 1;
  const auto lines = static_cast<std::size_t>(spec.tile_lines);
  const std::size_t unit_rows = spec.along_columns ? group : lines;
  const std::size_t unit_cols = spec.along_columns ? lines : group;
  for (std::size_t r = 0; r < grid.rows; ++r) {
    const float* scale = scales.data + (scales.rows == 1 ? 0 : r / unit_rows * scales.stride);
    const float* in = grid.data + r * grid.stride;
    float* to = out.data + r * out.stride;
    if (scales.cols == 1) {
      for (std::size_t c = 0; c < grid.cols; ++c) to[c] = in[c] * *scale;
    } else if (unit_cols == 1) {
      for (std::size_t c = 0; c < grid.cols; ++c) to[c] = in[c] * scale[c];
    } else {
      for (std::size_t c = 0; c < grid.cols; ++c) to[c] = in[c] * scale[c / unit_cols];
    }
  }
}

}  // namespace halfulp
