#include "experiments/kinds/stored_bits.h"

#include <utility>

namespace halfulp {
namespace {

double number(std::size_t value) { return static_cast<double>(value); }

/// Rows and columns that share a scale; the whole tensor where that is one unit.
std::pair<std::size_t, std::size_t> unit_shape(const QuantizerSpec& spec, std::size_t rows,
                                               std::size_t cols) {
  if (spec.block) {
    const BlockFormat& block = *spec.block;
    const auto length = static_cast<std::size_t>(block.length);
    const auto lines = static_cast<std::size_t>(block.lines);
    if (length == 0) return {rows, cols};
    return block.axis == BlockAxis::columns ? std::pair(length, lines) : std::pair(lines, length);
  }
  const auto group = static_cast<std::size_t>(spec.group_size);
  const auto lines = static_cast<std::size_t>(spec.tile_lines);
  switch (spec.granularity) {
    case Granularity::tensor:
      return {rows, cols};
    case Granularity::row:
      return {1, cols};
    case Granularity::column:
      return {rows, 1};
    case Granularity::group:
    case Granularity::tile:
      break;
  }
  return spec.along_columns ? std::pair(group, lines) : std::pair(lines, group);
}

/// Bits of one scale and, where there is one, its zero point.
double scale_bits(const QuantizerSpec& spec) {
  if (!spec.block) return spec.scale == ScaleRule::scale_binary32 ? 32.0 : 8.0;
  BlockFormat alone = *spec.block;
  alone.length = alone.lines = 1;
  return bits_per_element(alone) - static_cast<double>(width(alone.element));
}

}  // namespace

double scale_count(const QuantizerSpec& spec, std::size_t rows, std::size_t cols) {
  if (!spec.block && spec.scale == ScaleRule::unscaled) return 0.0;
  const auto [unit_rows, unit_cols] = unit_shape(spec, rows, cols);
  return number((rows + unit_rows - 1) / unit_rows) * number((cols + unit_cols - 1) / unit_cols);
}

double stored_bits(const QuantizerSpec& spec, std::size_t rows, std::size_t cols) {
  const Format& element = spec.block ? spec.block->element : spec.format;
  const double scales = scale_count(spec, rows, cols);
  const double codes = static_cast<double>(width(element)) * number(rows) * number(cols);
  return scales == 0.0 ? codes : codes + scales * scale_bits(spec);
}

}  // namespace halfulp
