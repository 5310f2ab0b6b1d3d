// Posits: decoding, encoding and neighbours. Source: Standard for Posit Arithmetic (2022), 3 and
// 4.1; Gustafson and Yonemoto, Beating Floating Point at its Own Game, 2017, for other exponent
// sizes.
#pragma once

#include "formats/code.h"
#include "formats/families/place.h"
#include "formats/format.h"

namespace halfulp::ordered {

/// The value of a magnitude: the code of a positive posit, 1 to 2^(bits - 1) - 1, or 0.
Number value_at(const PositFormat& format, std::int64_t position);

/// The neighbours of |x|, as positive codes. Below the smallest positive posit the inner one is 0,
/// and nearest rounding takes the outer one: the standard never rounds a number to zero.
Place place(const PositFormat& format, const WideNumber& x);

/// Exponent of the largest posit; the smallest positive one is its reciprocal.
int max_exponent(const PositFormat& format);

}  // namespace halfulp::ordered
