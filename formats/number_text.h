// Numbers as text, exactly: reading decimals and hexadecimal floats without a rounding in between,
// and printing results.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/number.h"
#include "formats/wide_number.h"

namespace halfulp {

/// Reads "1.5", "-3e-7", "0x1.8p0", "inf", "-infinity", "nan" (any case, sign allowed) as an exact
/// number: the first 128 significant bits, and `sticky` when the decimal goes on. Rounding that
/// number once therefore rounds the decimal once, however long it is. Magnitudes beyond 10^60000
/// either way keep only their side of every format's range. Empty when `text` is not such a number.
std::optional<WideNumber> parse_number(std::string_view text);

/// The shortest decimal that reads back as the same binary64: "448", "0.1", "1e+300", "-0", "inf",
/// "nan".
std::string to_shortest_decimal(double x);

/// Exact, with one leading digit: "0x1.8p+3", "-0x1p-1074", "0x0p+0", "inf", "nan". A sticky number
/// is rounded to binary64 first, to 64 bits where it is beyond the normal range of binary64.
std::string to_hex_float(const Number& x);

/// to_shortest_decimal where `x` is a binary64 number or sticky and in its normal range (then of
/// the nearest one), else to_hex_float.
std::string to_text(const Number& x);
/// The same for a number that is not sticky, with all its bits.
std::string to_exact_text(const WideNumber& x);

}  // namespace halfulp
