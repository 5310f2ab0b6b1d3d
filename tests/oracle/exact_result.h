// Oracle for arithmetic: the exact result of an operation on binary64 operands as a rational
// number, handed on as a binary64 number rounded to odd. Every rounding to a format of up to 17
// bits treats that as the exact result, so value_table.h can judge it. Infinities, NaNs and zeros
// are the CPU's.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <string_view>

namespace halfulp::oracle {

using Rational = boost::multiprecision::cpp_rational;

struct ExactResult {
  double value = 0;
  bool invalid = false;
  bool divide_by_zero = false;
  bool is_exact_zero_sum = false;  ///< +0, but -0 when rounding toward negative
};

Rational to_rational(double x);

/// Odd in the last place unless exact. For magnitudes of 2^-1000 to 2^1000.
double round_to_odd(const Rational& x);

/// `name` as in formats/operations.h: add, sub, mul, div, fma, faa, rem, sqrt, rsqrt, recip.
ExactResult exact_result(std::string_view name, double x, double y, double z);

/// exp, exp2, log, log2, sin, cos, tanh, sigmoid, erf from 500 bits of MPFR.
ExactResult exact_elementary(std::string_view name, double x);

}  // namespace halfulp::oracle
