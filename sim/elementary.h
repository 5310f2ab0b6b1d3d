// Elementary functions in binary64 with pinned bits: the same on every CPU, compiler and C library.
// Accuracy: within 2 ulp of the exact value for the documented ranges (tested against MPFR).
#pragma once

namespace halfulp {

double pinned_exp(double x);
double pinned_log(double x);   ///< x > 0
double pinned_sin(double x);   ///< |x| <= 1e6
double pinned_cos(double x);   ///< |x| <= 1e6

}  // namespace halfulp
