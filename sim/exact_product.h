// Dot products without rounding: what sums under an accumulator are measured against.
#pragma once

#include "sim/matrix.h"

namespace halfulp {

/// A real number as its nearest binary64 number and what is left, rounded to binary64.
struct DoublePair {
  double high = 0.0;
  double low = 0.0;
};

/// x + y; the sum of the high parts is exact, that of the low parts rounded.
DoublePair operator+(const DoublePair& x, double y);

/// value - x, to 53 bits or better of the difference.
inline double difference(double value, const DoublePair& x) { return (value - x.high) - x.low; }

/// out[m * b.rows + n] = the exact sum over k of a(m, k) b(n, k); b is stored N x K. By 128-bit
/// integers where they hold every partial sum, else by ExactSum (formats/exact_sum.h).
/// Precondition: finite numbers, equal columns, sums inside binary64.
void exact_products(ConstMatrix a, ConstMatrix b, DoublePair* out);

}  // namespace halfulp
