// Quantizers: choose scales, round, return to binary32 (fake quantization). Format + granularity +
// scale rule + rounding, as one value with one spelling.
//
//   quantizer = ( format | block format ) { "+" option }
//   option    = "tensor" | "row" | "column" | "group(" n [ ",columns" ] ")"          granularity
//             | "tile(" lines "," n [ ",columns" ] ")"
//             | "unscaled" | "scale_binary32" | "scale_power_of_two"                  scale rule
//             | rounding | overflow                                                   as in
//             rounding.h
//
// Options may come in any order, each kind once; to_spec() prints all of them in the order above.
// Defaults: nearest_even, saturate, tensor; formats of more than 8 bits that are floats are
// unscaled, all others scale_binary32. "binary32" alone is the identity. A granularity other than
// tensor needs a scale. A tile is `lines` rows by n elements, or n elements of `lines` columns; as
// an operand of a product its n elements run along the reduction (with_reduction()). A block format
// (formats/block_spec.h: "mxfp4", "nvfp4(torchao)") brings its own granularity and scales; options
// after it are a rounding, an overflow policy and "rows", "columns" or "k", and to_spec() prints
// the block format with them inside. Also read: per_tensor; per_row, per_token, per_channel (row);
// per_column; group128, g128, group=128; scale_fp32, absmax (scale_binary32); scale_pow2
// (scale_power_of_two).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "formats/block_format.h"
#include "formats/format.h"
#include "formats/rounding.h"
#include "sim/matrix.h"
#include "sim/random.h"

namespace halfulp {

enum class Granularity : std::uint8_t { tensor, row, column, group, tile };
enum class ScaleRule : std::uint8_t {
  unscaled,            ///< the format's own grid
  scale_binary32,      ///< multiplier m = max / amax and scale 1 / m, each rounded to binary32
  scale_power_of_two,  ///< m = 2^floor(log2(max / amax)): nothing saturates
};

struct QuantizerSpec {
  Format format = {};
  RoundSpec rounding = {};
  Granularity granularity = Granularity::tensor;
  int group_size = 0;          ///< elements of a line that share a scale: groups and tiles
  int tile_lines = 1;          ///< lines side by side that share it, for Granularity::tile
  bool along_columns = false;  ///< lines run down a column instead of along a row
  ScaleRule scale = ScaleRule::scale_binary32;
  /// A block format; then `format` and `rounding` repeat its element's, and the other fields stay
  /// as they are here.
  std::optional<BlockFormat> block = std::nullopt;
  friend bool operator==(const QuantizerSpec&, const QuantizerSpec&) = default;
};

/// Throws SpecError with the column in `text`.
QuantizerSpec parse_quantizer(std::string_view text);
/// Canonical, complete spelling: the numerics string of this operand.
std::string to_spec(const QuantizerSpec& spec);
/// The quantizer of a block format.
QuantizerSpec block_quantizer(const BlockFormat& format);
/// The quantizer of one operand of a product: blocks with the axis k and tiles run along the rows,
/// or down the columns where the reduction does (`reduces_rows`); tiles of one line become groups.
/// Square blocks and others are left as they are, so that operands of both orientations share them.
QuantizerSpec with_reduction(QuantizerSpec spec, bool reduces_rows);
/// Bits per element of the stored codes; scales are counted for block formats only.
double bits_per_element(const QuantizerSpec& spec);

class Quantizer {
 public:
  /// Throws SpecError when rounding cannot apply to the format.
  explicit Quantizer(const QuantizerSpec& spec);
  ~Quantizer();
  Quantizer(Quantizer&&) noexcept;
  Quantizer& operator=(Quantizer&&) noexcept;

  const QuantizerSpec& spec() const;
  /// True when quantize() copies its input: binary32 unscaled, under `saturate` (which has nothing
  /// but infinities to saturate here and lets them pass) or `infinity`.
  bool is_identity() const;

  /// Fake-quantizes `in` to `out` (same shape; may be the same memory).
  ///
  /// Each element of a scaled unit (tensor, row, ...) becomes round(x * m) * s, the products
  /// rounded to binary32; m and s are limited to finite binary32 numbers. A unit with amax 0 has m
  /// = s = 1; one with a NaN or infinity gives NaN in every element, so divergence stays visible. A
  /// ragged last group is a short group. Block formats: as BlockQuantizer (sim/block_quantizer.h),
  /// with the axis k read as rows. `max` is the largest finite number of the format. Random:
  /// element (r, c) uses index r * cols + c of `stream`, whatever the granularity. Throws
  /// OverflowError under Overflow::error, naming row and column.
  void quantize(ConstMatrix in, Matrix out, const RandomStream& stream = {}) const;

  /// Rows and columns of the scales of a rows x cols tensor: 1 x 1 for a tensor (and without
  /// scales), rows x 1, 1 x cols, rows x ceil(cols / group), or ceil(rows / group) x cols for
  /// groups along columns; for tiles the numbers of tiles.
  std::pair<std::size_t, std::size_t> scale_shape(std::size_t rows, std::size_t cols) const;

  /// quantize() in two parts: `grid` (as `in`; may be the same memory) receives numbers of the
  /// format, `scales` (of scale_shape()) what they are multiplied by. Each product grid x scale,
  /// rounded to binary32, is what quantize() gives, bit for bit; a unit with a NaN or infinity has
  /// grid NaN and scale 1; without scales the scale is 1. Throws std::invalid_argument for block
  /// formats, else as quantize().
  void quantize_to_grid(ConstMatrix in, Matrix grid, Matrix scales,
                        const RandomStream& stream = {}) const;

  /// out = grid x scale, each product rounded to binary32; `out` may be `grid`.
  void apply_scales(ConstMatrix grid, ConstMatrix scales, Matrix out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halfulp
