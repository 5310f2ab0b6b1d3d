// Softmax without a pass for the maximum: exponentials are kept as pairs (p, n) that stand for
// p 2^n, so that none overflows. The readable definition; sim/two_pass_softmax.h is the fast form
// in binary32.
//
// Source: Dukhan and Ablavatski, Two-pass softmax algorithm (arXiv 2001.04438), as in XNNPACK's
// raddextexp and vscaleextexp kernels, whose polynomial this is.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "formats/accumulator.h"

namespace halfulp {

/// With r the rounding to `term`, s the rounding to `sum`, and constants rounded to nearest even:
///   pair of x:  x = r(x); n = r(x log2e) rounded to an integer, ties to even;
///               t = r(x - n ln2_high); t = r(t - n ln2_low), fused; p = polynomial of degree 5 in
///               t by Horner's rule, each step fused and rounded by r. ln2_high = ln 2 and ln2_low
///               = ln 2 - ln2_high, rounded.
///   (v, e) + (p, n):  f = max(e, n); v = s(s(v 2^(e - f)) + p 2^(n - f)), fused; e = f. A factor
///   of
///               2^-127 or less is 0.
///   first pass: lane l sums the pairs l, l + lanes, ... in sequence; then lanes j and j + lanes /
///   2
///               are added, j ascending, until one is left
///   second pass: i = s(1 / v); y = r(r(p i) 2^(n - e)), again with a factor of 0 from 2^-127 on.
/// Beyond |n| = 2^22 a binary32 number has no fraction left to reduce: pairs with n below -2^22 add
/// nothing and give 0 (-infinity among them); n above 2^22 and NaN make the row NaN.
struct TwoPassSoftmax {
  Destination term;
  Destination sum;
  int lanes = 1;  ///< a power of two
  friend bool operator==(const TwoPassSoftmax&, const TwoPassSoftmax&) = default;
};

/// Throws std::invalid_argument for lanes that are not a power of two and for stochastic rounding;
/// else errors are those of round_to().
std::vector<double> two_pass_softmax(const TwoPassSoftmax& arithmetic, std::span<const double> x);

}  // namespace halfulp
