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
  switch (spec.granularity) {
    case Granularity::row:
      return {rows, 1};
    case Granularity::column:
      return {1, cols};
    case Granularity::group:
      return spec.along_columns ? std::pair{groups(rows), cols} : std::pair{rows, groups(cols)};
    case Granularity::tensor:
      break;
  }
  return {1, 1};
}

void Quantizer::apply_scales(ConstMatrix grid, ConstMatrix scales, Matrix out) const {
  const bool along_columns = spec().along_columns;
  const std::size_t group =
      spec().granularity == Granularity::group ? static_cast<std::size_t>(spec().group_size) : 1;
  for (std::size_t r = 0; r < grid.rows; ++r) {
    const std::size_t scale_row = along_columns ? r / group : r;
    const float* scale = scales.data + (scales.rows == 1 ? 0 : scale_row * scales.stride);
    const float* in = grid.data + r * grid.stride;
    float* to = out.data + r * out.stride;
    if (scales.cols == 1) {
      for (std::size_t c = 0; c < grid.cols; ++c) to[c] = in[c] * *scale;
    } else if (along_columns || group == 1) {
      for (std::size_t c = 0; c < grid.cols; ++c) to[c] = in[c] * scale[c];
    } else {
      for (std::size_t c = 0; c < grid.cols; ++c) to[c] = in[c] * scale[c / group];
    }
  }
}

}  // namespace halfulp
