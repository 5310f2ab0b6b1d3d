// Formats that are defined by an ascending list of numbers: posits, takums, logarithmic numbers and
// codebooks. The generic functions (codec.h, round.h, properties.h, spec.h) call these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/code.h"
#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp::ordered {

/// True for the alternatives that this header serves; the other functions need it.
bool is_ordered(const Format& format);

int width(const Format& format);
/// As decode() of codec.h. Irrational values (logarithmic formats) are cut to 64 significant bits
/// and sticky.
Number decode(const Format& format, Code code);
/// As encode() of codec.h.
Code encode(const Format& format, const Number& x);
/// As round_to() of round.h, for every kind of `x`.
Number round_to(const Format& format, const RoundSpec& spec, const WideNumber& x,
                std::uint64_t random, Flags& flags);

Number max_finite(const Format& format);
Number lowest_finite(const Format& format);
Number min_positive(const Format& format);
int precision(const Format& format);
bool has_nan(const Format& format);
std::uint64_t finite_code_count(const Format& format);
bool fits_binary32(const Format& format);

/// Why the parameters cannot be a format, with the remedy; empty when they can.
std::string format_fault(const Format& format);
/// Reads "posit(16,1)", "posit16_1", "takum16", "lns(8,3)", "codebook(...)", ...; nothing when
/// `text` is no spelling of these families. Throws SpecError when it is one, but wrong.
std::optional<Format> parse(std::string_view text, int column);
std::string to_spec(const Format& format);

}  // namespace halfulp::ordered
