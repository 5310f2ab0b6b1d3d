// Takums: sign, direction bit, 3 regime bits, 0 to 7 characteristic bits, mantissa. Source:
// Hunhold, Beating Posits at Their Own Game: Takum Arithmetic, arXiv 2404.18603, definitions 2
// (logarithmic) and 8 (linear).
#pragma once

#include "formats/families/place.h"
#include "formats/families/power.h"
#include "formats/format.h"

namespace halfulp::ordered {

/// The value of a magnitude: the code of a positive takum, 1 to 2^(bits - 1) - 1, or 0.
Number value_at(const TakumFormat& format, std::int64_t position);

/// The same for logarithmic takums, exactly.
Power power_at(const TakumFormat& format, std::int64_t position);

/// A guess for logarithmic takums: neighbours of x or next to them.
Place place_nearby(const TakumFormat& format, const WideNumber& x);

/// The neighbours of |x|, as positive codes; nearest compares bit strings, as the paper does (for
/// logarithmic takums that is nearest in the logarithm). Never zero, as posits.
Place place(const TakumFormat& format, const WideNumber& x);

/// On which side of the boundary in its gap x lies, for logarithmic takums: `side` and the parity
/// for place.inner.
void settle_gap(const TakumFormat& format, const ExactMagnitude& x, Place& place);

}  // namespace halfulp::ordered
