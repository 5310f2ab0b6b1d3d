// Code <-> number. A code is an unsigned integer of width(format) bits.
#pragma once

#include "formats/code.h"
#include "formats/format.h"
#include "formats/number.h"

namespace halfulp {

/// The number a code stands for, exactly. Under Subnormals::off every code with exponent field 0 is
/// a zero; under flush_input subnormal codes keep their number (see decode_operand). Throws
/// std::invalid_argument when bits above the width are set.
Number decode(const Format& format, Code code);

/// decode() as an arithmetic operation reads its operand: subnormals are zero under flush_input.
Number decode_operand(const Format& format, Code code);

/// The code of a number that is in the format (as returned by round_to); NaN gives the canonical
/// NaN (ieee: positive, quiet, rest 0; fn: positive, all ones; fnuz: its only NaN). Minus zero
/// gives the code of zero where there is no other. Codes that Subnormals::off reads as zero are
/// never returned. Throws std::invalid_argument when `x` is not a value of the format.
Code encode(const Format& format, const Number& x);

}  // namespace halfulp
