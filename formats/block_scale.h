// Scales of blocks: the part of block.h that decides a block's scale from its largest magnitude.
#pragma once

#include "formats/block_format.h"
#include "formats/number.h"
#include "formats/wide_number.h"

namespace halfulp {

/// The second level of scales, from the largest magnitude of the tensor.
struct TensorScale {
  float amax = 0;
  float encode = 1;  ///< transformer_engine: bound M / amax, at most the largest binary32 number
  float decode = 1;  ///< g
};

TensorScale tensor_scale(const BlockFormat& format, float amax);

/// The block's scale X as a number of the scale format, for a block with a finite largest magnitude
/// (after amax_format). Not for zero points and four_over_six.
Number block_scale(const BlockFormat& format, float amax, const TensorScale& tensor);

/// X to the scale format: scale_rounding, saturating.
Number round_scale(const BlockFormat& format, const WideNumber& x);

/// The scale of a block of zeros.
Number zero_block_scale(const BlockFormat& format);

/// x with an odd significand.
Number reduced(const Number& x);

/// Exact for finite numbers whose reduced significands have 64 bits together.
Number product(const Number& a, const Number& b);

/// a / b for a finite b: at least 64 significant bits, and sticky.
WideNumber quotient(const Number& a, const Number& b);

/// floor(log2 x) of a positive finite number.
int floor_log2(const Number& x);

/// The factors that libraries multiply by in binary32.
struct Factors {
  float multiplier = 1;  ///< of x before rounding
  float scale = 1;       ///< of the element after it
};

/// For the libraries' arithmetic and prescale=3/4, given the block's scale.
Factors binary32_factors(const BlockFormat& format, float scale, const TensorScale& tensor);

/// The element's largest number M as binary32.
float largest_element(const BlockFormat& format);

}  // namespace halfulp
