// The readable definition of rounding: the specification that every fast kernel equals bit for bit.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"

namespace halfulp {

/// Thrown under Overflow::error.
class OverflowError : public std::range_error {
 public:
  using std::range_error::range_error;
};

/// Throws SpecError when `spec` cannot apply to `format` (infinity without an infinity, NaN without a
/// NaN, wrap on floats, stochastic without random bits, ...); the message names the remedy.
void check_round_spec(const Format& format, const RoundSpec& spec);

/// Rounds the exact number `x` once to `format`.
///
/// `random`: for stochastic rounding the N = random_bits low bits are R; ignored otherwise.
/// Ties at precision 1 use the parity of the code. NaN stays NaN where the format has one; where it has
/// none the result is +max (floats, as CUDA's conversions to E2M1) or 0 (integers), with `invalid`.
/// Zero into a format without zero gives the smallest number, inexact and underflow.
/// Negative numbers into an unsigned format: below the range, so the overflow policy applies with
/// "largest finite" read as the nearest end of the range (0); NaN under Overflow::nan.
/// Source: IEEE 754-2019 4.3 and 7.4; OCP OFP8 1.0 for saturation; IEEE P3109 v4.0 4.6 for stochastic.
Number round_to(const Format& format, const RoundSpec& spec, const Number& x, std::uint64_t random,
                Flags& flags);

/// round_to for a binary64 argument and result; the result is exact for formats inside binary64.
double round(const Format& format, const RoundSpec& spec, double x, std::uint64_t random = 0);

}  // namespace halfulp
