// Rounding of a number that is written out: from its leading bits, and from all its digits where
// these do not decide.
#pragma once

#include <cstdint>
#include <string_view>

#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp {

/// round_to (round.h) for the number `x` that parse_number() read from `text`. A decimal beside an
/// irrational value or boundary of `format` may be further from it in no digit of the first 128
/// bits; then more digits are read, until the decision is certain. Other formats: 128 bits decide,
/// but for codebooks whose values are further apart than that, and integers under Overflow::wrap.
/// There, std::invalid_argument.
Number round_text(const Format& format, const RoundSpec& spec, std::string_view text,
                  const WideNumber& x, std::uint64_t random, Flags& flags);

}  // namespace halfulp
