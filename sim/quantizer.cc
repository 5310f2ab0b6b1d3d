#include "sim/quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "sim/aligned_vector.h"
#include "sim/block_kernels.h"
#include "sim/block_quantizer.h"
#include "sim/round_kernels.h"
#include "sim/round_plan.h"
#include "sim/unit_scale.h"

namespace halfulp {

namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Columns that are processed together; their maxima, multipliers and scales stay in the L1 cache.
constexpr std::size_t kColumnBlock = 2048;

// From this size on a group gets a call of its own; shorter ones share one call per row.
constexpr std::size_t kLongGroup = 256;

/// Part of a matrix with the random index of its first element: row r starts at first + r * pitch.
struct Block {
  const float* in;
  std::size_t in_stride;
  float* out;
  std::size_t out_stride;
  std::size_t rows;
  std::size_t cols;
  std::uint64_t first_index;
  std::uint64_t pitch;
  float* scales = nullptr;  ///< where the units' scales go instead of into their elements

  Block part(std::size_t row, std::size_t col, std::size_t row_count, std::size_t col_count) const {
    return {in + row * in_stride + col,
            in_stride,
            out + row * out_stride + col,
            out_stride,
            row_count,
            col_count,
            first_index + row * pitch + col,
            pitch,
            scales};
  }

  Block with_scales(std::size_t offset) const {
    Block block = *this;
    if (scales != nullptr) block.scales += offset;
    return block;
  }

  bool is_dense() const { return in_stride == cols && out_stride == cols; }

  const float* in_row(std::size_t r) const { return in + r * in_stride; }

  float* out_row(std::size_t r) const { return out + r * out_stride; }
};

/// The fused kernels' form of groups with binary32 scales, where it serves.
std::optional<FusedPlan> fused_groups(const QuantizerSpec& spec, const RoundPlan& plan) {
  const bool is_served = !spec.block && spec.granularity == Granularity::group &&
                         spec.scale == ScaleRule::scale_binary32 && plan.largest > 0 &&
                         has_block_kernel(plan);
  if (!is_served) return std::nullopt;
  FusedPlan fused;
  fused.kind = FusedPlan::Kind::absmax;
  const auto largest = static_cast<float>(plan.largest);
  fused.largest = largest;
  // Products exceed the largest number by a rounding error at most: less than half of its last
  // step.
  const bool is_symmetric = plan.lowest <= -plan.largest;
  if (is_symmetric && width(spec.format) <= 16) fused.overflow_from = largest * (1 + 0x1p-20F);
  fused.largest_single = kLargest;
  return fused;
}

/// Moves the units' scales to where the block wants them: its elements are then multiplied by 1.
void separate_scales(const Block& block, float* scales, std::size_t n) {
  if (block.scales == nullptr) return;
  std::copy_n(scales, n, block.scales);
  std::fill_n(scales, n, 1.0F);
}

}  // namespace

struct Quantizer::Impl {
  QuantizerSpec spec;
  RoundPlan plan;
  bool is_identity;
  std::optional<BlockQuantizer> blocks;
  std::optional<FusedPlan> fused;  ///< of groups whose factors the fused kernels compute

  void round_block(const Block& block, const Scaling& scaling, const RandomStream& stream) const;
  void round_unit(const Block& block, const RandomStream& stream) const;
  void round_columns(const Block& block, const RandomStream& stream) const;
  void round_groups_of_row(const Block& row, const RandomStream& stream) const;
  void round_tiles(const Block& all, const RandomStream& stream) const;
  void quantize(const Block& all, const RandomStream& stream) const;

  bool fill_scales(const std::uint32_t* maxima, std::size_t n, float* multipliers,
                   float* scales) const {
    return unit_scales(spec.scale, static_cast<float>(plan.largest), {maxima, n}, multipliers,
                       scales);
  }
};

void Quantizer::Impl::round_block(const Block& block, const Scaling& scaling,
                                  const RandomStream& stream) const {
  const bool is_dense = block.in_stride == block.cols && block.out_stride == block.cols &&
                        block.pitch == block.cols && scaling.kind != Scaling::Kind::each;
  const std::size_t rows = is_dense ? 1 : block.rows;
  const std::size_t cols = is_dense ? block.rows * block.cols : block.cols;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint64_t index = block.first_index + r * block.pitch;
    const OverflowReport report =
        round_array(plan, block.in_row(r), block.out_row(r), cols, scaling, stream, index);
    if (report.index == kNoOverflow) continue;
    const std::uint64_t element = index + report.index;
    throw OverflowError(fmt::format("element ({}, {}), {} after scaling, is {} the range of {}",
                                    element / block.pitch, element % block.pitch, report.operand,
                                    report.operand < 0 ? "below" : "above", to_spec(spec.format)));
  }
}

void Quantizer::Impl::round_unit(const Block& block, const RandomStream& stream) const {
  std::uint32_t amax_pattern = 0;
  if (block.in_stride == block.cols) {
    amax_pattern = largest_magnitude(block.in, block.rows * block.cols);
  } else {
    for (std::size_t r = 0; r < block.rows; ++r) {
      amax_pattern = std::max(amax_pattern, largest_magnitude(block.in_row(r), block.cols));
    }
  }
  UnitScale unit;
  if (fill_scales(&amax_pattern, 1, &unit.multiplier, &unit.scale)) {
    separate_scales(block, &unit.scale, 1);
    round_block(block, {Scaling::Kind::uniform, &unit.multiplier, &unit.scale}, stream);
    return;
  }
  if (block.scales != nullptr) *block.scales = 1.0F;
  for (std::size_t r = 0; r < block.rows; ++r) std::fill_n(block.out_row(r), block.cols, kNan);
}

/// Units are the columns of the block.
void Quantizer::Impl::round_columns(const Block& block, const RandomStream& stream) const {
  const std::size_t whole = block.cols / block_lanes() * block_lanes();
  if (fused && whole > 0 && block.scales == nullptr) {
    fused_columns(plan, *fused,
                  {block.in, block.in_stride, block.out, block.out_stride, block.rows, whole});
    if (whole == block.cols) return;
    return round_columns(block.part(0, whole, block.rows, block.cols - whole), stream);
  }
  alignas(64) std::uint32_t maxima[kColumnBlock];
  alignas(64) float multipliers[kColumnBlock];
  alignas(64) float scales[kColumnBlock];
  for (std::size_t c = 0; c < block.cols; c += kColumnBlock) {
    const Block part = block.part(0, c, block.rows, std::min(kColumnBlock, block.cols - c));
    std::fill_n(maxima, part.cols, 0U);
    for (std::size_t r = 0; r < part.rows; ++r) {
      update_magnitudes(part.in_row(r), maxima, part.cols);
    }
    const bool all_finite = fill_scales(maxima, part.cols, multipliers, scales);
    separate_scales(part.with_scales(c), scales, part.cols);
    round_block(part, {Scaling::Kind::each, multipliers, scales}, stream);
    for (std::size_t j = 0; !all_finite && j < part.cols; ++j) {
      if (is_finite_pattern(maxima[j])) continue;
      if (block.scales != nullptr) block.scales[c + j] = 1.0F;
      for (std::size_t r = 0; r < part.rows; ++r) part.out_row(r)[j] = kNan;
    }
  }
}

/// Units are runs of group_size elements of the one row.
void Quantizer::Impl::round_groups_of_row(const Block& row, const RandomStream& stream) const {
  const auto group = static_cast<std::size_t>(spec.group_size);
  if (group >= kLongGroup) {
    for (std::size_t c = 0; c < row.cols; c += group) {
      round_unit(row.part(0, c, 1, std::min(group, row.cols - c)).with_scales(c / group), stream);
    }
    return;
  }
  const std::size_t panel = group * block_lanes();
  if (fused && group % block_lanes() == 0 && row.cols >= panel && row.scales == nullptr) {
    const std::size_t whole = row.cols / panel * panel;
    fused_rows(plan, *fused, row.in, row.out, whole / group, group);
    if (whole < row.cols) round_groups_of_row(row.part(0, whole, 1, row.cols - whole), stream);
    return;
  }
  alignas(64) std::uint32_t maxima[kColumnBlock];
  alignas(64) float unit_multipliers[kColumnBlock];
  alignas(64) float unit_scales[kColumnBlock];
  alignas(64) float multipliers[kColumnBlock];
  alignas(64) float scales[kColumnBlock];
  const std::size_t run = kColumnBlock / group * group;
  for (std::size_t c = 0; c < row.cols; c += run) {
    const Block part = row.part(0, c, 1, std::min(run, row.cols - c));
    const std::size_t units = (part.cols + group - 1) / group;
    group_magnitudes(part.in, part.cols, group, maxima);
    const bool all_finite = fill_scales(maxima, units, unit_multipliers, unit_scales);
    separate_scales(part.with_scales(c / group), unit_scales, units);
    for (std::size_t u = 0; u < units; ++u) {
      const std::size_t begin = u * group;
      const std::size_t count = std::min(group, part.cols - begin);
      std::fill_n(multipliers + begin, count, unit_multipliers[u]);
      std::fill_n(scales + begin, count, unit_scales[u]);
    }
    round_block(part, {Scaling::Kind::each, multipliers, scales}, stream);
    for (std::size_t j = 0; !all_finite && j < part.cols; ++j) {
      if (is_finite_pattern(maxima[j / group])) continue;
      part.out[j] = kNan;
      if (row.scales != nullptr) row.scales[(c + j) / group] = 1.0F;
    }
  }
}

void Quantizer::Impl::round_tiles(const Block& all, const RandomStream& stream) const {
  const auto group = static_cast<std::size_t>(spec.group_size);
  const auto lines = static_cast<std::size_t>(spec.tile_lines);
  const std::size_t rows = spec.along_columns ? group : lines;
  const std::size_t cols = spec.along_columns ? lines : group;
  std::size_t tile = 0;
  for (std::size_t r = 0; r < all.rows; r += rows) {
    for (std::size_t c = 0; c < all.cols; c += cols, ++tile) {
      const Block part = all.part(r, c, std::min(rows, all.rows - r), std::min(cols, all.cols - c));
      round_unit(part.with_scales(tile), stream);
    }
  }
}

void Quantizer::Impl::quantize(const Block& all, const RandomStream& stream) const {
  if (spec.scale == ScaleRule::unscaled) {
    if (all.scales != nullptr) *all.scales = 1.0F;
    return round_block(all, {}, stream);
  }
  switch (spec.granularity) {
    case Granularity::tensor:
      return round_unit(all, stream);
    case Granularity::row:
      for (std::size_t r = 0; r < all.rows; ++r) {
        round_unit(all.part(r, 0, 1, all.cols).with_scales(r), stream);
      }
      return;
    case Granularity::column:
      return round_columns(all, stream);
    case Granularity::tile:
      return round_tiles(all, stream);
    case Granularity::group:
      break;
  }
  const auto group = static_cast<std::size_t>(spec.group_size);
  if (!spec.along_columns && all.cols % group == 0 && all.is_dense()) {
    Block flat = all;
    flat.rows = 1;
    flat.cols = all.rows * all.cols;
    flat.pitch = all.rows * all.cols;
    if (fused && all.scales == nullptr) return round_groups_of_row(flat, stream);
  }
  const std::size_t step = spec.along_columns ? group : 1;
  for (std::size_t r = 0; r < all.rows; r += step) {
    const std::size_t first_scale =
        spec.along_columns ? r / step * all.cols : r * ((all.cols + group - 1) / group);
    const Block band =
        all.part(r, 0, std::min(step, all.rows - r), all.cols).with_scales(first_scale);
    if (spec.along_columns) {
      round_columns(band, stream);
    } else {
      round_groups_of_row(band, stream);
    }
  }
}

namespace {

bool copies(const QuantizerSpec& spec) {
  if (spec.block) return false;
  const bool is_binary32 = spec.format == Format(FloatFormat{8, 23, 127});
  return is_binary32 && spec.scale == ScaleRule::unscaled &&
         (spec.rounding.overflow == Overflow::saturate ||
          spec.rounding.overflow == Overflow::infinity);
}

}  // namespace

Quantizer::Quantizer(const QuantizerSpec& spec)
    : impl_(new Impl{spec, spec.block ? RoundPlan{} : make_round_plan(spec.format, spec.rounding),
                     copies(spec), std::nullopt, std::nullopt}) {
  if (spec.block) impl_->blocks.emplace(*spec.block);
  impl_->fused = fused_groups(spec, impl_->plan);
  const bool has_groups =
      spec.granularity == Granularity::group || spec.granularity == Granularity::tile;
  if (has_groups && (spec.group_size < 1 || spec.tile_lines < 1)) {
    throw SpecError("a group needs at least one element", 1);
  }
}

Quantizer::~Quantizer() = default;
Quantizer::Quantizer(Quantizer&&) noexcept = default;
Quantizer& Quantizer::operator=(Quantizer&&) noexcept = default;

const QuantizerSpec& Quantizer::spec() const { return impl_->spec; }

bool Quantizer::is_identity() const { return impl_->is_identity; }

void Quantizer::quantize(ConstMatrix in, Matrix out, const RandomStream& stream) const {
  if (impl_->is_identity) {
    for (std::size_t r = 0; r < in.rows && in.data != out.data; ++r) {
      std::copy_n(in.data + r * in.stride, in.cols, out.data + r * out.stride);
    }
    return;
  }
  if (impl_->blocks) return impl_->blocks->quantize(in, out, stream);
  if (in.rows == 0 || in.cols == 0) return;
  impl_->quantize({in.data, in.stride, out.data, out.stride, in.rows, in.cols, 0, in.cols}, stream);
}

void Quantizer::quantize_to_grid(ConstMatrix in, Matrix grid, Matrix scales,
                                 const RandomStream& stream) const {
  if (impl_->blocks) throw std::invalid_argument("block formats keep their scales");
  if (in.rows == 0 || in.cols == 0) return;
  std::vector<float> dense(scales.rows * scales.cols);
  impl_->quantize(
      {in.data, in.stride, grid.data, grid.stride, in.rows, in.cols, 0, in.cols, dense.data()},
      stream);
  for (std::size_t r = 0; r < scales.rows; ++r) {
    std::copy_n(dense.data() + r * scales.cols, scales.cols, scales.data + r * scales.stride);
  }
}

}  // namespace halfulp
