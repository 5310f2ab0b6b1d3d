// Facts derived from a format's parameters; computed, never stored.
#pragma once

#include <cstdint>

#include "formats/format.h"
#include "formats/number.h"

namespace halfulp {

Number max_finite(const Format& format);
Number lowest_finite(
    const Format& format);  ///< most negative, or the smallest of an unsigned format
Number min_positive(const Format& format);  ///< subnormals included; zero when there is none (int1)
Number min_normal(const Format& format);  ///< integers, fixed point, no exponent bits: min_positive
int precision(
    const Format& format);  ///< significand bits with the implicit bit, where there is one
int emin(const FloatFormat& format);  ///< exponent of the smallest normal number
int emax(const FloatFormat& format);  ///< exponent of the largest finite number
bool has_nan(const Format& format);
bool has_infinity(const Format& format);
bool has_negative_zero(const Format& format);
double epsilon(
    const Format& format);  ///< spacing at 1: 2^(1-p); integers: 1; fixed point: 2^-fraction_bits
double unit_roundoff(const Format& format);          ///< epsilon / 2
double dynamic_range_db(const Format& format);       ///< 20 log10(max / min positive)
double dynamic_range_binades(const Format& format);  ///< log2(max / min positive)
/// Codes that are numbers, both zeros counted; 2^64 - 1 where there are more.
std::uint64_t finite_code_count(const Format& format);
std::uint64_t nan_code_count(const Format& format);
/// True when every value of the format is a binary32 number and codes round-trip through binary32.
bool fits_binary32(const Format& format);

}  // namespace halfulp
