#include "sim/block_quantizer.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "formats/block.h"
#include "sim/aligned_vector.h"
#include "sim/block_factors.h"
#include "sim/block_kernels.h"
#include "sim/round_kernels.h"
#include "sim/round_plan.h"

namespace halfulp {

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::uint32_t kInfinityPattern = 0x7F800000;

// Elements that pass through all steps together: they stay in the L1 cache in between.
constexpr std::size_t kChunk = 2048;
// Columns of a strip of blocks that run down, for the same reason.
constexpr std::size_t kStrip = 256;
// Up to this size the pass for a tensor scale keeps the maxima of the blocks, which stay in a
// cache.
constexpr std::size_t kMaximaElements = std::size_t{1} << 22;
// Rows of a matrix that comes from memory are asked for ahead when they leave room in the L2 cache.
constexpr std::size_t kFetchedElements = std::size_t{1} << 17;

bool is_finite(std::uint32_t pattern) { return pattern < kInfinityPattern; }

/// Part of the matrix. Element (r, c) has the random index first_index + r * pitch + c.
struct Region {
  const float* in;
  std::size_t in_stride;
  float* out;
  std::size_t out_stride;
  std::size_t rows, cols;
  std::uint64_t first_index;
  std::uint64_t pitch;

  Region part(std::size_t row, std::size_t col, std::size_t row_count,
              std::size_t col_count) const {
    return {in + row * in_stride + col,
            in_stride,
            out + row * out_stride + col,
            out_stride,
            row_count,
            col_count,
            first_index + row * pitch + col,
            pitch};
  }

  bool is_dense() const { return in_stride == cols && out_stride == cols && pitch == cols; }

  const float* in_row(std::size_t r) const { return in + r * in_stride; }

  float* out_row(std::size_t r) const { return out + r * out_stride; }
};

std::uint32_t largest_of(const Region& all) {
  if (all.in_stride == all.cols) return largest_magnitude(all.in, all.rows * all.cols);
  std::uint32_t amax = 0;
  for (std::size_t r = 0; r < all.rows; ++r) {
    amax = std::max(amax, largest_magnitude(all.in_row(r), all.cols));
  }
  return amax;
}

/// Each of the first `blocks` numbers `length` times, n in all, in place.
void repeat_each(float* numbers, std::size_t blocks, std::size_t length, std::size_t n) {
  for (std::size_t b = blocks; b-- > 0 && length > 1;) {
    const float number = numbers[b];
    std::fill_n(numbers + b * length, std::min(length, n - b * length), number);
  }
}

/// Under these the sign of a vanishing product decides.
bool is_directed(Rounding rounding) {
  return rounding == Rounding::toward_positive || rounding == Rounding::toward_negative ||
         rounding == Rounding::to_odd;
}

}  // namespace

struct BlockQuantizer::Impl {
  BlockFormat format;
  std::optional<BlockFactors> factors;
  std::optional<RoundPlan> plan;
  bool has_kernel = false;    ///< block_round() and column_round() serve the elements
  bool to_odd_first = false;  ///< products need care before rounding

  explicit Impl(const BlockFormat& f);
  void quantize(const Region& all, const RandomStream& stream) const;
  void by_reference(const Region& all, const RandomStream& stream) const;
  void round_rows(const Region& row, const TensorScale& tensor, const RandomStream& stream) const;
  void round_tiles(const Region& all, std::size_t height, std::size_t width,
                   const TensorScale& tensor, const RandomStream& stream) const;
  void round_strips(const Region& all, std::size_t height, std::size_t width,
                    const TensorScale& tensor, const RandomStream& stream) const;
  void round_tensor(const Region& all, const RandomStream& stream) const;
  std::unique_ptr<std::uint32_t[]> maxima_of_blocks(const Region& all, std::uint32_t& amax) const;
  void round_with_maxima(const Region& all, const std::uint32_t* maxima, const TensorScale& tensor,
                         const RandomStream& stream) const;
  void round_run(const Region& row, const float* multipliers, const float* scales,
                 const RandomStream& stream) const;
};

BlockQuantizer::Impl::Impl(const BlockFormat& f) : format(f) {
  check_block_format(f);
  factors = BlockFactors::make(f);
  if (!factors) return;
  plan = make_round_plan(f.element, f.rounding);
  to_odd_first = is_directed(f.rounding.rounding) && f.arithmetic == BlockArithmetic::exact &&
                 !f.three_quarters;
  has_kernel =
      has_block_kernel(*plan) && factors->method() == FactorMethod::multiply && !to_odd_first;
}

/// Elements of one row with factors of their own; at most kChunk.
void BlockQuantizer::Impl::round_run(const Region& row, const float* multipliers,
                                     const float* scales, const RandomStream& stream) const {
  alignas(64) float operands[kChunk];
  const Scaling direct{Scaling::Kind::each, multipliers, scales};
  const bool divides = factors->method() != FactorMethod::multiply;
  if (!divides && !to_odd_first) {
    round_array(*plan, row.in, row.out, row.cols, direct, stream, row.first_index);
    return;
  }
  static const AlignedVector<float> ones(kChunk, 1.0F);
  if (factors->method() == FactorMethod::divide) {
    quotients(row.in, row.cols, scales, operands);
  } else if (divides) {
    quotients_to_odd(row.in, row.cols, scales, 1, operands);
  } else {
    products_to_odd(row.in, row.cols, multipliers, operands);
  }
  round_array(*plan, operands, row.out, row.cols, {Scaling::Kind::each, ones.data(), scales},
              stream, row.first_index);
}

/// Blocks along the one row, of at most kChunk elements each.
void BlockQuantizer::Impl::round_rows(const Region& row, const TensorScale& tensor,
                                      const RandomStream& stream) const {
  alignas(64) std::uint32_t maxima[BlockFactors::kMaxBlocks];
  alignas(64) float multipliers[kChunk];
  alignas(64) float scales[kChunk];
  const auto length = static_cast<std::size_t>(format.length);
  const bool is_vector_length = length % block_lanes() == 0;
  std::size_t c = 0;
  if (const std::optional<FusedPlan> fused = factors->fused_plan(tensor);
      fused && has_kernel && is_vector_length) {
    // Whole panels, which have as many blocks as vectors have lanes.
    const std::size_t panel = length * block_lanes();
    c = row.cols / panel * panel;
    if (c > 0) fused_rows(*plan, *fused, row.in, row.out, c / length, length);
  }
  const std::size_t step = kChunk / length * length;
  for (; c < row.cols; c += step) {
    const Region part = row.part(0, c, 1, std::min(step, row.cols - c));
    const std::size_t blocks = (part.cols + length - 1) / length;
    block_magnitudes(part.in, part.cols, length, maxima);
    factors->fill(maxima, blocks, tensor, multipliers, scales);
    if (has_kernel && is_vector_length && part.cols % length == 0) {
      block_round(*plan, part.in, part.out, blocks, length, multipliers, scales);
    } else {
      repeat_each(multipliers, blocks, length, part.cols);
      repeat_each(scales, blocks, length, part.cols);
      round_run(part, multipliers, scales, stream);
    }
    if (is_finite(*std::max_element(maxima, maxima + blocks))) continue;
    for (std::size_t b = 0; b < blocks; ++b) {
      if (is_finite(maxima[b])) continue;
      std::fill_n(part.out + b * length, std::min(length, part.cols - b * length), kNan);
    }
  }
}

/// Blocks of height x width elements, whatever their shape.
void BlockQuantizer::Impl::round_tiles(const Region& all, std::size_t height, std::size_t width,
                                       const TensorScale& tensor,
                                       const RandomStream& stream) const {
  if (has_kernel && width == 1) {
    if (const std::optional<FusedPlan> fused = factors->fused_plan(tensor)) {
      const std::size_t whole = all.cols / block_lanes() * block_lanes();
      const bool is_large =
          all.rows * whole > kMaximaElements && height * all.in_stride < kFetchedElements;
      for (std::size_t r = 0; r < all.rows && whole > 0; r += height) {
        const Region band = all.part(r, 0, std::min(height, all.rows - r), whole);
        const bool fetches_next = is_large && r + 2 * height <= all.rows;
        fused_columns(*plan, *fused,
                      {band.in, band.in_stride, band.out, band.out_stride, band.rows, band.cols,
                       nullptr, fetches_next});
      }
      if (whole == all.cols) return;
      return round_strips(all.part(0, whole, all.rows, all.cols - whole), height, width, tensor,
                          stream);
    }
  }
  round_strips(all, height, width, tensor, stream);
}

/// The same for any width and rounding, strip by strip.
void BlockQuantizer::Impl::round_strips(const Region& all, std::size_t height, std::size_t width,
                                        const TensorScale& tensor,
                                        const RandomStream& stream) const {
  const std::size_t strip = std::min(all.cols, std::max(kStrip / width, std::size_t{1}) * width);
  std::vector<std::uint32_t> maxima(strip);
  AlignedVector<float> multipliers(strip);
  AlignedVector<float> scales(strip);
  for (std::size_t r = 0; r < all.rows; r += height) {
    for (std::size_t c = 0; c < all.cols; c += strip) {
      const Region part =
          all.part(r, c, std::min(height, all.rows - r), std::min(strip, all.cols - c));
      column_magnitudes(part.in, part.in_stride, part.rows, part.cols, maxima.data());
      const std::size_t blocks = (part.cols + width - 1) / width;
      for (std::size_t b = 0; b < blocks && width > 1; ++b) {
        const auto begin = maxima.begin() + static_cast<std::ptrdiff_t>(b * width);
        const auto count = std::min(width, part.cols - b * width);
        maxima[b] = *std::max_element(begin, begin + static_cast<std::ptrdiff_t>(count));
      }
      factors->fill(maxima.data(), blocks, tensor, multipliers.data(), scales.data());
      repeat_each(multipliers.data(), blocks, width, part.cols);
      repeat_each(scales.data(), blocks, width, part.cols);
      if (has_kernel) {
        column_round(*plan,
                     {part.in, part.in_stride, part.out, part.out_stride, part.rows, part.cols},
                     multipliers.data(), scales.data());
      } else {
        for (std::size_t i = 0; i < part.rows; ++i) {
          for (std::size_t j = 0; j < part.cols; j += kChunk) {
            round_run(part.part(i, j, 1, std::min(kChunk, part.cols - j)), multipliers.data() + j,
                      scales.data() + j, stream);
          }
        }
      }
      for (std::size_t b = 0; b < blocks; ++b) {
        if (is_finite(maxima[b])) continue;
        const std::size_t count = std::min(width, part.cols - b * width);
        for (std::size_t i = 0; i < part.rows; ++i) {
          std::fill_n(part.out_row(i) + b * width, count, kNan);
        }
      }
    }
  }
}

/// One block.
void BlockQuantizer::Impl::round_tensor(const Region& all, const RandomStream& stream) const {
  const std::uint32_t amax = largest_of(all);
  if (!is_finite(amax)) {
    for (std::size_t r = 0; r < all.rows; ++r) std::fill_n(all.out_row(r), all.cols, kNan);
    return;
  }
  AlignedVector<float> multipliers(std::min(kChunk, all.cols));
  AlignedVector<float> scales(multipliers.size());
  factors->fill(&amax, 1, {}, multipliers.data(), scales.data());
  std::fill(multipliers.begin(), multipliers.end(), multipliers[0]);
  std::fill(scales.begin(), scales.end(), scales[0]);
  for (std::size_t r = 0; r < all.rows; ++r) {
    for (std::size_t c = 0; c < all.cols; c += kChunk) {
      round_run(all.part(r, c, 1, std::min(kChunk, all.cols - c)), multipliers.data(),
                scales.data(), stream);
    }
  }
}

/// The maxima of all blocks and, in `amax`, the largest: what a pass for the tensor scale can keep
/// for the second one. Empty where fused kernels would not take them.
std::unique_ptr<std::uint32_t[]> BlockQuantizer::Impl::maxima_of_blocks(const Region& all,
                                                                        std::uint32_t& amax) const {
  const auto length = static_cast<std::size_t>(format.length);
  const std::size_t n = all.rows * all.cols;
  const bool is_two_level = format.tensor_bound != 0 && format.lines == 1 && length != 0;
  if (!is_two_level || !has_kernel || n > kMaximaElements) return nullptr;
  const bool is_down = format.axis == BlockAxis::columns;
  const bool is_whole =
      is_down ? all.cols % block_lanes() == 0
              : all.is_dense() && all.cols % length == 0 && length % block_lanes() == 0;
  if (!is_whole || !factors->fused_plan({})) return nullptr;
  if (!is_down) {
    auto maxima = std::make_unique_for_overwrite<std::uint32_t[]>(n / length);
    amax = block_magnitudes(all.in, n, length, maxima.get());
    return maxima;
  }
  const std::size_t bands = (all.rows + length - 1) / length;
  auto maxima = std::make_unique_for_overwrite<std::uint32_t[]>(bands * all.cols);
  amax = 0;
  for (std::size_t b = 0; b < bands; ++b) {
    const std::size_t rows = std::min(length, all.rows - b * length);
    amax = std::max(amax, column_magnitudes(all.in_row(b * length), all.in_stride, rows, all.cols,
                                            maxima.get() + b * all.cols));
  }
  return maxima;
}

/// The second pass.
void BlockQuantizer::Impl::round_with_maxima(const Region& all, const std::uint32_t* maxima,
                                             const TensorScale& tensor,
                                             const RandomStream& stream) const {
  const auto length = static_cast<std::size_t>(format.length);
  const FusedPlan fused = *factors->fused_plan(tensor);
  if (format.axis == BlockAxis::columns) {
    for (std::size_t r = 0; r < all.rows; r += length, maxima += all.cols) {
      fused_columns(*plan, fused,
                    {all.in_row(r), all.in_stride, all.out_row(r), all.out_stride,
                     std::min(length, all.rows - r), all.cols, maxima});
    }
    return;
  }
  const std::size_t n = all.rows * all.cols;
  const std::size_t whole = n / length / block_lanes() * block_lanes();
  if (whole > 0) fused_rows(*plan, fused, all.in, all.out, whole, length, maxima);
  const std::size_t rest = whole * length;
  round_rows({all.in + rest, n, all.out + rest, n, 1, n - rest, all.first_index + rest, n}, tensor,
             stream);
}

void BlockQuantizer::Impl::by_reference(const Region& all, const RandomStream& stream) const {
  std::vector<float> dense(all.rows * all.cols);
  for (std::size_t r = 0; r < all.rows; ++r) {
    std::copy_n(all.in_row(r), all.cols, dense.begin() + static_cast<std::ptrdiff_t>(r * all.cols));
  }
  const auto random = [&](std::size_t index) {
    return random_bits(stream, index, format.rounding.random_bits);
  };
  const BlockTensor tensor = quantize_blocks(format, dense.data(), all.rows, all.cols, random);
  for (std::size_t r = 0; r < all.rows; ++r) {
    std::copy_n(tensor.values.begin() + static_cast<std::ptrdiff_t>(r * all.cols), all.cols,
                all.out_row(r));
  }
}

void BlockQuantizer::Impl::quantize(const Region& all, const RandomStream& stream) const {
  const bool needs_amax = format.tensor_bound != 0 || format.non_finite == NonFiniteBlock::finite;
  std::uint32_t amax = 0;
  std::unique_ptr<std::uint32_t[]> maxima;
  if (factors) maxima = maxima_of_blocks(all, amax);
  if (needs_amax && !maxima) amax = largest_of(all);
  if (!factors || (!is_finite(amax) && format.non_finite == NonFiniteBlock::finite)) {
    return by_reference(all, stream);
  }
  if (format.length == 0) return round_tensor(all, stream);
  if (!is_finite(amax)) {
    for (std::size_t r = 0; r < all.rows; ++r) std::fill_n(all.out_row(r), all.cols, kNan);
    return;
  }
  const TensorScale tensor = tensor_scale(format, std::bit_cast<float>(amax));
  if (maxima) return round_with_maxima(all, maxima.get(), tensor, stream);
  const auto length = static_cast<std::size_t>(format.length);
  const auto lines = static_cast<std::size_t>(format.lines);
  if (format.axis == BlockAxis::columns) return round_tiles(all, length, lines, tensor, stream);
  if (lines > 1 || length > kChunk) return round_tiles(all, lines, length, tensor, stream);
  if (all.cols % length == 0 && all.is_dense()) {
    Region flat = all;
    flat.rows = 1;
    flat.cols = all.rows * all.cols;
    return round_rows(flat, tensor, stream);
  }
  for (std::size_t r = 0; r < all.rows; ++r) {
    round_rows(all.part(r, 0, 1, all.cols), tensor, stream);
  }
}

BlockQuantizer::BlockQuantizer(const BlockFormat& format) : impl_(new Impl(format)) {}

BlockQuantizer::~BlockQuantizer() = default;
BlockQuantizer::BlockQuantizer(BlockQuantizer&&) noexcept = default;
BlockQuantizer& BlockQuantizer::operator=(BlockQuantizer&&) noexcept = default;

const BlockFormat& BlockQuantizer::format() const { return impl_->format; }

void BlockQuantizer::quantize(ConstMatrix in, Matrix out, const RandomStream& stream) const {
  if (in.rows == 0 || in.cols == 0) return;
  impl_->quantize({in.data, in.stride, out.data, out.stride, in.rows, in.cols, 0, in.cols}, stream);
}

}  // namespace halfulp
