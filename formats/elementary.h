// Roots and elementary functions, correctly cut off: what evaluate() (arithmetic.h) rounds.
#pragma once

#include "formats/number.h"
#include "formats/operations.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp {

/// sqrt, rsqrt, exp, exp2, log, log2, sin, cos, tanh, sigmoid or erf of an exact number: the
/// leading `bits` bits (64 or 128) of the result and whether more follow (sticky). Computed by
/// MPFR, whose results are correctly rounded; sigmoid by intervals of growing precision. Special
/// operands as IEEE 754-2019 9.2; magnitudes beyond 2^(2^18) either way keep only their side of
/// every format's range. Throws std::invalid_argument for a sticky operand or another operation.
WideNumber elementary(Operation operation, const Number& x, int bits, Flags& flags);

}  // namespace halfulp
