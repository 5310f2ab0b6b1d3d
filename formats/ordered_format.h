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

class ExactMagnitude;

/// True for the alternatives that this header serves; the other functions need it.
bool is_ordered(const Format& format);

int width(const Format& format);
/// As decode() of codec.h. Irrational values (logarithmic formats) are cut to 64 significant bits
/// and sticky. Codes behind the end of a codebook are no numbers: NaN.
Number decode(const Format& format, Code code);
/// As encode() of codec.h.
Code encode(const Format& format, const Number& x);
/// As round_to() of round.h, for every kind of `x`: the neighbours of x by the order of the values,
/// and one decision.
///
/// Nearest: posits and takums compare bit strings, as their standard and paper do, and never give
/// zero or NaR (2022 standard 4.1; arXiv 2404.18603); logarithmic numbers and codebooks compare
/// values. Ties go to the even code; in a codebook to the value at an even distance from zero in
/// the ascending order (from the smallest positive value where there is no zero). The other modes
/// choose between the two neighbouring values, zero included, so a directed rounding stays a bound;
/// stochastic rounding is by value, so its mean is the operand. toward_zero between two values of
/// different sign takes the one with the sign of x.
/// Range: every number beyond the largest value overflows. Infinity: NaR with `invalid` for posits
/// and takums, else the overflow policy. NaN: NaN or NaR; codebooks give the largest value with
/// `invalid`. A sticky number that is the cut value of a code (decode) is that code, exactly.
/// Flags: underflow when a posit, takum or logarithmic number is inexact below the smallest
/// positive value; codebooks never underflow.
/// With `exact`, in formats of irrational values, x is only the leading bits of that number, and
/// ties and exact results are found.
Number round_to(const Format& format, const RoundSpec& spec, const WideNumber& x,
                std::uint64_t random, Flags& flags, const ExactMagnitude* exact = nullptr);

Number max_finite(const Format& format);
Number lowest_finite(const Format& format);
Number min_positive(const Format& format);
/// Significand bits at 1.0 for posits and linear takums; of the power of two that is the spacing at
/// 1.0, or the next larger one, for logarithmic formats; width - 1 for codebooks.
int precision(const Format& format);
bool has_nan(const Format& format);
bool has_negative_zero(const Format& format);
/// From 1 to the next larger value, the difference exact or rounded to binary64; for lists that end
/// below or at 1, the last gap.
double epsilon(const Format& format);
std::uint64_t finite_code_count(const Format& format);
bool fits_binary32(const Format& format);

/// Why an overflow policy that suits the format's special values still does not suit the format,
/// with the remedy; empty when it does.
std::string overflow_fault(const Format& format, Overflow overflow);

/// Why the parameters cannot be a format, with the remedy; empty when they can.
std::string format_fault(const Format& format);
/// Reads "posit(16,1)", "posit16_1", "takum_log16", "lns(8,3)", "codebook(...)", ...; nothing when
/// `text` is no spelling of these families. Throws SpecError when it is one, but wrong.
std::optional<Format> parse(std::string_view text, int column);
std::string to_spec(const Format& format);

}  // namespace halfulp::ordered
