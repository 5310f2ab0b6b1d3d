// The four operations, square root and fused multiply-add in binary64, rounded to odd.
#pragma once

#include <cstddef>

#include "formats/operations.h"

namespace halfulp {

/// out[i] = a[i] op b[i] (or a[i] * b[i] + c[i], or sqrt(a[i])), rounded to odd: exact, or the
/// neighbour with an odd last bit, so that rounding it again to at most 51 bits, in any mode, is
/// rounding the exact result once. For operands of up to 24 significand bits and exponents of
/// binary32, whose products are exact and whose results are normal numbers. An exact zero sum of
/// terms that are not zeros of one sign is negative where `down`, else positive.
void evaluate_to_odd(Operation operation, const double* a, const double* b, const double* c,
                     double* out, std::size_t n, bool down);

}  // namespace halfulp
