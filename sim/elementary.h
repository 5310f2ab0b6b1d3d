// Elementary functions in binary64 with pinned bits: the same on every CPU, compiler and C library.
// Accuracy, tested against MPFR: exp and log within 2 ulp; sin and cos within 2^-52 absolutely
// (they serve rotary positions and Box-Muller, where values near zero need no relative accuracy).
#pragma once

namespace halfulp {

double pinned_exp(double x);
double pinned_log(double x);  ///< x > 0
double pinned_sin(double x);  ///< |x| <= 1e6
double pinned_cos(double x);  ///< |x| <= 1e6

}  // namespace halfulp
