// Correctly rounded arithmetic: an exact result (leading 128 bits and a sticky bit), rounded once
// by round_to(). Operands and result may be of different formats.
#pragma once

#include <compare>
#include <cstdint>
#include <span>

#include "formats/exact_sum.h"
#include "formats/format.h"
#include "formats/number.h"
#include "formats/operand.h"
#include "formats/operations.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp {

/// The result of `operation` on exact operands, rounded once to `format`. `flags` gains what
/// happened (IEEE 754-2019 clause 7); none is cleared. Operands come from decode_operand().
///
/// NaN operands give NaN without a flag (0 * inf + NaN is invalid, as in RISC-V and Arm); the
/// invalid operations of IEEE 754 7.2 give NaN with `invalid` (0 * inf, inf - inf, 0 / 0, inf /
/// inf, rem(inf, y), rem(x, 0), roots and logarithms of negative numbers, sin and cos of infinity).
/// What NaN, infinity and minus zero become in a format without them is round_to()'s rule. x / 0,
/// recip and rsqrt of 0 raise `divide_by_zero` and are an infinity, which the overflow policy then
/// turns into a number where it must; in formats with a single zero, whose sign is not known (fnuz,
/// P3109, posits, integers, unsigned formats), they are NaN (IEEE P3109 v4.0 A.3; Posit Standard
/// 2022). log of 0 is minus infinity with `divide_by_zero` in every format.
///
/// Zeros: a sum that is exactly zero is +0, or -0 under toward_negative, unless all its terms are
/// zeros of one sign; a remainder of zero has the sign of x; sqrt(-0) = -0 (IEEE 754 6.3).
///
/// Predicates return 0 or 1, whatever `format`; lt, le, ge, gt raise `invalid` for NaN, as the
/// operators of C. minimum and maximum order -0 below +0; the `_number` forms pass over a NaN.
/// next_up and next_down step in `format` from any number and raise no flag but for a NaN that the
/// format has not: beyond the largest number lies infinity, in a format without it NaN under
/// Overflow::nan, else the same number.
///
/// Throws SpecError and OverflowError as round_to; std::invalid_argument for a wrong number of
/// operands, for a sticky operand (irrational, of a logarithmic format: see below) of an operation
/// that computes with it, and under Overflow::wrap for quotients, roots, elementary functions and
/// irrational results beyond 2^94 steps, whose trailing bits are not computed.
Number evaluate(Operation operation, std::span<const Number> operands, const Format& format,
                const RoundSpec& spec, std::uint64_t random, Flags& flags);

/// The same for operands that may be irrational: values of logarithmic formats. Sums, products,
/// quotients and roots are correctly rounded with certainty; for functions see FunctionValue
/// (exact_real.h).
Number evaluate(Operation operation, std::span<const Operand> operands, const Format& format,
                const RoundSpec& spec, std::uint64_t random, Flags& flags);

// Exact results, ready to be rounded to `format`, whose rounding decides the sign of an exact zero
// (ExactSum::value). Each throws std::invalid_argument for sticky operands.

WideNumber add(const Number& x, const Number& y, const Format& format, const RoundSpec& spec,
               Flags& flags);
WideNumber fused_multiply_add(const Number& x, const Number& y, const Number& z,
                              const Format& format, const RoundSpec& spec, Flags& flags);
WideNumber fused_add_add(const Number& x, const Number& y, const Number& z, const Format& format,
                         const RoundSpec& spec, Flags& flags);
/// 128 bits of the quotient.
WideNumber divide(const Number& x, const Number& y, Flags& flags);
/// x - y n with n the integer nearest to x / y, ties to even: exact.
WideNumber remainder(const Number& x, const Number& y, Flags& flags);

/// NaN is unordered with everything; zeros are equal.
std::partial_ordering compare(const Number& x, const Number& y);

/// The nearest number of `format` above `x`, which may be any number, and below it: see evaluate().
/// NaN stays NaN.
Number next_up(const Format& format, const Number& x, Overflow overflow);
Number next_down(const Format& format, const Number& x, Overflow overflow);

/// The operand with its sign inverted; NaN stays.
Number negated(const Number& x);

}  // namespace halfulp
