// How far apart the numbers of a format lie: ulp(x), distances in steps, numbers per binade. (The
// neighbours themselves are next_up and next_down of arithmetic.h.)
#pragma once

#include <optional>

#include "formats/code.h"
#include "formats/format.h"
#include "formats/number.h"
#include "formats/wide_number.h"

namespace halfulp {

/// The unit in the last place at `x`, any finite number: for 2^e <= |x| < 2^(e+1) it is
/// 2^(max(e, emin) - p + 1), the exponent unbounded above (Goldberg's definition extended to all
/// reals, in J.-M. Muller, "On the definition of ulp(x)", INRIA RR-5504, 2005). Without subnormals,
/// below the smallest normal number it is that number. Integers and fixed point: the step. Other
/// families: b - a for the neighbouring values a <= |x| < b, at the last value the last gap. Throws
/// std::invalid_argument for infinities and NaN, and where b - a is irrational (logarithmic
/// formats).
Number ulp(const Format& format, const Number& x);

/// Steps from one value of the format to the other: 0 for equal ones, both zeros included, 1 for
/// neighbours. An infinity is one step beyond the last finite number. Throws std::invalid_argument
/// for NaN, for numbers that are not in the format, and for lists of values of more than 16 bits
/// (logarithmic formats, codebooks).
Code ulp_distance(const Format& format, const Number& x, const Number& y);

/// How many values of the format lie in [2^exponent, 2^(exponent + 1)). Throws as ulp_distance.
Code values_in_binade(const Format& format, int exponent);

struct GapPosition {
  double share = 0;  ///< (x - below) / gap
  double gap = 0;    ///< above - below; infinity or 0 where it is beyond binary64
  int side = 0;      ///< sign of share - 1/2; 0 also where irrational ends leave it open
};

/// Where x lies between two finite numbers. Nothing where they are irrational and their leading 64
/// bits do not give six digits of the share.
std::optional<GapPosition> position_in_gap(const WideNumber& x, const Number& below,
                                           const Number& above);

}  // namespace halfulp
