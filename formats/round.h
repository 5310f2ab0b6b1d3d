// The readable definition of rounding: the specification that every fast kernel equals bit for bit.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp {

/// Thrown under Overflow::error.
class OverflowError : public std::range_error {
 public:
  using std::range_error::range_error;
};

/// Throws SpecError when `spec` cannot apply to `format` (infinity without an infinity, NaN without
/// a NaN, wrap on floats, stochastic without random bits, ...); the message names the remedy.
void check_round_spec(const Format& format, const RoundSpec& spec);

/// Rounds the exact number `x` once to `format`. `flags` gains what happened; none is cleared.
///
/// Range: a number is first rounded as if the exponent were unbounded; it overflows when that
/// result exceeds the largest finite number. to_odd then takes the largest finite number where the
/// policy is `infinity`, as toward_zero does. Infinite input: infinity under `infinity`,
/// `propagate` and `sat_none` where the format has it at that end, else the policy. sat_none (IEEE
/// P3109 v4.0 4.7.5): modes that point into the range give its end; to_odd gives infinity in signed
/// formats, whose code is odd, and the largest number in unsigned ones; a negative number in an
/// unsigned format is NaN, -infinity in every mode; a finite domain gives its end. Ties at
/// precision 1 use the parity of the code. Subnormals::off: the neighbours of a number below the
/// smallest normal are 0, which counts as even, and the smallest normal, which counts as odd (a tie
/// gives 0). flush_input: such a number gives 0. NaN stays NaN where the format has one; where it
/// has none the result is +max (floats, as CUDA's conversions to E2M1) or 0 (integers), with
/// `invalid`. Infinity under `wrap` is 0 with `invalid`. Without zero: magnitudes below the
/// smallest number give it, in every mode, inexact and underflow. Negative results in an unsigned
/// format are below the range, so the overflow policy applies with "largest finite" read as the
/// nearest end of the range (0, or the smallest number); NaN under nan. Minus zero becomes zero
/// where there is no minus zero. Flags: inexact when the result is not x; overflow implies inexact;
/// integers and fixed grids (no exponent bits) never underflow. `random`: for stochastic rounding
/// the N = random_bits low bits are R; ignored otherwise. Throws SpecError as check_round_spec,
/// OverflowError under Overflow::error, std::invalid_argument for a sticky significand with too few
/// bits to decide (p + 1 for nearest, p + N + 1 for stochastic). Source: IEEE 754-2019 4.3 and 7.4;
/// OCP OFP8 1.0 for saturation; IEEE P3109 v4.0 4.7.4 for stochastic.
Number round_to(const Format& format, const RoundSpec& spec, const Number& x, std::uint64_t random,
                Flags& flags);
/// The same for a 128-bit significand.
Number round_to(const Format& format, const RoundSpec& spec, const WideNumber& x,
                std::uint64_t random, Flags& flags);

/// round_to for a binary64 argument and result; the result is exact for formats inside binary64.
double round(const Format& format, const RoundSpec& spec, double x, std::uint64_t random = 0);

}  // namespace halfulp
