// Oracle for IEEE-like formats of any width: MPFR with the format's precision and exponent range.
#pragma once

#include <span>
#include <string_view>

#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp::oracle {

struct MpfrRounded {
  Number value;
  bool inexact = false;
};

/// Rounds `x` (not sticky) to an ieee layout with IEEE overflow. Modes: nearest_even and the
/// directed ones.
MpfrRounded round_by_mpfr(const FloatFormat& format, Rounding rounding, const WideNumber& x);

/// The correctly rounded binary64 of a decimal text.
double read_decimal_by_mpfr(const char* text, Rounding rounding);

/// The operation `name` of formats/operations.h (add, sub, mul, div, fma, faa, rem, sqrt, rsqrt,
/// recip or an elementary function), computed and rounded by MPFR. Operands are finite numbers or
/// zeros of the format. sigmoid: 2000 bits, then rounded.
MpfrRounded compute_by_mpfr(const FloatFormat& format, Rounding rounding, std::string_view name,
                            std::span<const Number> operands);

}  // namespace halfulp::oracle
