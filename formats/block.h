// The readable definition of quantization to block formats: what the kernels of sim/ equal bit for
// bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "formats/block_format.h"
#include "formats/code.h"

namespace halfulp {

/// A matrix in a block format. Blocks tile it from its first element; those at the end of a row or
/// column may be short, which gives the same as padding with zeros.
struct BlockTensor {
  std::size_t rows = 0, cols = 0;
  std::size_t block_rows = 0, block_cols = 0;  ///< blocks down and across
  float tensor_amax = 0;         ///< largest magnitude, which two-level scales are made from
  float tensor_scale = 1;        ///< g
  std::vector<Code> scales;      ///< block_rows x block_cols
  std::vector<int> zero_points;  ///< the same shape; empty without zero points
  std::vector<Code> codes;       ///< rows x cols
  std::vector<float> values;     ///< rows x cols, decoded
};

/// The N random bits of element `index` = row * cols + column.
using BlockRandom = std::function<std::uint64_t(std::size_t index)>;

/// Quantizes the row-major matrix x of rows x cols. Axis k means rows.
///
/// Exactness: under BlockArithmetic::exact the scale is the exact quotient rounded once and so are
/// the elements; values are the exact product rounded once to binary32 (which changes them only at
/// the ends of its range, and where g takes part). Under the libraries' arithmetic, prescale=3/4
/// and zero points every operation is rounded to binary32, in the order of block.cc. A block that
/// poison applies to has the scale NaN, the elements' code of NaN (or zero) and values NaN; with a
/// tensor scale the whole tensor is such a block. A scale that rounds to zero gives zeros.
/// Throws SpecError as check_block_format, OverflowError under Overflow::error,
/// std::invalid_argument without `random` where rounding is stochastic.
/// Source: OCP MX 1.0, 5.1 and 6.3; docs/FORMATS.md for the others.
BlockTensor quantize_blocks(const BlockFormat& format, const float* x, std::size_t rows,
                            std::size_t cols, const BlockRandom& random = {});

/// The numbers that the codes, scales, zero points and tensor amax stand for.
std::vector<float> decode_blocks(const BlockFormat& format, const BlockTensor& tensor);

/// What quantize_blocks() gives for an element x at (row, col) of a tensor that has the scales and
/// zero points of `tensor`; NaN where these are of a poisoned block. Rounding must not be
/// stochastic.
float round_in_block(const BlockFormat& format, const BlockTensor& tensor, float x, std::size_t row,
                     std::size_t col);

}  // namespace halfulp
