// Block formats: elements of one format that share a scale of another. Everything that changes the
// numbers and that libraries decide differently is a field. Arithmetic is in block.h, text in
// block_spec.h, names in named_block_formats.h.
#pragma once

#include <cstdint>
#include <string>

#include "formats/format.h"
#include "formats/rounding.h"

namespace halfulp {

/// Which way the length of a block runs.
enum class BlockAxis : std::uint8_t {
  k,        ///< along the reduction dimension of the matrix product; outside a product as `rows`
  rows,     ///< along each row: consecutive elements
  columns,  ///< down each column
};

/// How the scale X of a block follows from a = max |x|. With M the element's largest number and
/// emax = floor(log2 M):
enum class BlockScaleRule : std::uint8_t {
  floor,  ///< 2^(floor(log2 a) - emax): OCP MX 1.0, 6.3; clips where a / 2^floor(log2 a) > M /
          ///< 2^emax
  ceil,   ///< 2^(ceil(log2 a) - emax)
  even,   ///< as floor, of a rounded to nearest even at the element's precision
  rceil,  ///< the smallest power of two >= a * (1 / M), both operations rounded to binary32
          ///< (cuBLAS)
  exact,  ///< a / M
};

/// What is computed exactly and what in binary32, one operation after the other.
enum class BlockArithmetic : std::uint8_t {
  exact,               ///< X is rounded once to the scale format; elements are x / X rounded once
  transformer_engine,  ///< NVFP4 of NVIDIA TransformerEngine (quantization_ref_nvfp4.py)
  torchao,             ///< NVFP4 of PyTorch torchao (nvfp4_tensor.py)
};

/// TransformerEngine's "4 over 6": a block is quantized with its maximum at 6 and at 4, and the
/// smaller error is kept (6 where they are equal).
enum class FourOverSix : std::uint8_t { none, mae, mse };

/// Asymmetric integers: q = round(x / X) + z, with X = (max(x, 0) - min(x, 0)) / (codes - 1).
enum class ZeroPoint : std::uint8_t { none, min_max };

/// The scale of a block of zeros. (Its numbers are zeros under every policy.)
enum class ZeroBlock : std::uint8_t {
  smallest,    ///< the scale format's smallest positive number
  min_normal,  ///< its smallest normal number
  one,
  zero,
};

/// A block with a NaN or an infinity.
enum class NonFiniteBlock : std::uint8_t {
  poison,  ///< scale and all numbers are NaN, so that divergence stays visible
  finite,  ///< a is taken over the finite elements; the others are rounded as the element rounds
           ///< them
};

struct BlockFormat {
  Format element = FloatFormat{};
  RoundSpec rounding = {};  ///< of the elements
  int length = 32;          ///< elements along the axis; 0: the block is the whole tensor
  int lines = 1;            ///< rows or columns side by side that share the scale; 2-D blocks: > 1
  BlockAxis axis = BlockAxis::k;
  Format scale = FloatFormat{8, 0, 127, NonFinite::fn, false, Subnormals::on, false};  ///< e8m0fnu
  BlockScaleRule rule = BlockScaleRule::floor;
  Rounding scale_rounding = Rounding::nearest_even;  ///< of X to the scale format; saturates
  BlockArithmetic arithmetic = BlockArithmetic::exact;
  /// Two-level scales: a binary32 scale g for the tensor, chosen so that the tensor's largest
  /// magnitude has this block scale; 0: none. The number of a code is then q X g.
  int tensor_bound = 0;
  FourOverSix four_over_six = FourOverSix::none;
  bool three_quarters = false;  ///< elements are 3/4 x / X, numbers 4/3 q X (Quartet)
  ZeroPoint zero_point = ZeroPoint::none;
  ZeroBlock zero_block = ZeroBlock::smallest;
  NonFiniteBlock non_finite = NonFiniteBlock::poison;
  /// a is rounded to this format (nearest even) first. bfloat16: what libraries do that take the
  /// maximum of a bfloat16 tensor made from binary32 data; a bug where the data stays binary32.
  Format amax_format = FloatFormat{8, 23, 127};
  friend bool operator==(const BlockFormat&, const BlockFormat&) = default;
};

/// The policy for blocks of zeros that goes with the other fields: smallest where the scale has no
/// zero, zero under transformer_engine, min_normal under torchao, else one.
ZeroBlock default_zero_block(const BlockFormat& format);

/// Why the fields do not fit together, with the remedy; empty when they do.
std::string block_format_fault(const BlockFormat& format);
/// Throws SpecError (column 1) with block_format_fault().
void check_block_format(const BlockFormat& format);

/// Stored bits per element of whole blocks: the code, and its share of the scale (in whole bytes)
/// and of the zero point. The tensor's scale is not counted.
double bits_per_element(const BlockFormat& format);

}  // namespace halfulp
