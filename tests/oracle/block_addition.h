// Oracle for one addition of an aligned sum (formats/accumulator.h), on exact whole numbers.
#pragma once

#include <vector>

#include "formats/accumulator.h"
#include "formats/rounding.h"
#include "tests/oracle/fixed_point.h"

namespace halfulp::oracle {

/// One product and the scales of its blocks.
struct Factors {
  double a, b;
  double scale_a = 1, scale_b = 1;
};

struct BlockSum {
  bool is_special = false;
  double special = 0;  ///< NaN or an infinity
  Fixed value = 0;     ///< otherwise
};

/// The products and, unless it is separate, `c`, before the sum is rounded. `scale_exponent`: least
/// exponent of a scale. `flags` gains inexact and invalid.
BlockSum block_addition(const AlignedSum& rule, const std::vector<Factors>& products, double c,
                        int scale_exponent, Flags& flags);

}  // namespace halfulp::oracle
