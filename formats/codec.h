// Code <-> number. A code is an unsigned integer of width(format) bits.
#pragma once

#include <cstdint>

#include "formats/format.h"
#include "formats/number.h"

namespace halfulp {

/// The number a code stands for. Bits above the width must be zero.
Number decode(const Format& format, std::uint64_t code);

/// The code of a number that is in the format (as returned by round_to); NaN gives the canonical NaN.
/// Throws std::invalid_argument when `x` is not a value of the format.
std::uint64_t encode(const Format& format, const Number& x);

}  // namespace halfulp
