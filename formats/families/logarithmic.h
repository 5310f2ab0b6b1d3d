// Logarithmic numbers: sign and two's complement fixed-point log2. The code with logarithm
// 100..0 is zero, and NaN with the sign bit set, as in Stillwater Universal's lns.
#pragma once

#include "formats/families/place.h"
#include "formats/families/power.h"
#include "formats/format.h"

namespace halfulp::ordered {

/// Largest logarithm, in units of 2^-fraction_bits; the smallest is its negative.
std::int64_t max_logarithm(const LogarithmicFormat& format);

/// Position 0 is zero, 1 the smallest positive value, 2 max_logarithm + 1 the largest.
Power power_at(const LogarithmicFormat& format, std::int64_t position);
Number value_at(const LogarithmicFormat& format, std::int64_t position);

/// A guess: neighbours of x or next to them.
Place place_nearby(const LogarithmicFormat& format, const WideNumber& x);

/// The neighbours of |x|; nearest in value, so the boundary is the mean of the two.
Place place(const LogarithmicFormat& format, const WideNumber& x);

/// On which side of the mean of its neighbours x lies: `side` and the parity for place.inner.
void settle_gap(const LogarithmicFormat& format, const ExactMagnitude& x, Place& place);

}  // namespace halfulp::ordered
