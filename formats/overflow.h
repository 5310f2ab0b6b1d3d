// What the overflow policies give outside the range of a format. Used by round.cc.
#pragma once

#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"

namespace halfulp {

/// Throws SpecError when the policy cannot apply to `format`; the message names the remedy.
void check_overflow(const Format& format, const RoundSpec& spec);

/// The result for a finite number outside the range. Throws OverflowError under Overflow::error.
Number out_of_range(const Format& format, const RoundSpec& spec, bool negative, Flags& flags);

/// The result for an infinite operand. Throws OverflowError under Overflow::error.
Number round_infinity(const Format& format, const RoundSpec& spec, bool negative, Flags& flags);

}  // namespace halfulp
