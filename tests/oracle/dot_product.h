// Oracle for dot products under an accumulator: every term and sum as an exact whole number of
// 2^-400, every rounding by the tables of value_table.h and ordered_table.h. Formats of up to 17
// bits. Shares no code with formats/*.cc; reads the parameters of formats/accumulator.h.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "formats/accumulator.h"
#include "formats/rounding.h"

namespace halfulp::oracle {

struct DotInput {
  std::vector<double> a, b;
  double addend = 0;
  std::vector<double> scale_a, scale_b;  ///< of blocks of `block` terms; empty: 1
  std::size_t block = 1;
  int scale_exponent = -127;  ///< least exponent of a scale
};

struct DotResult {
  double value = 0;
  Flags flags;
};

/// `draw(j)` is R of the j-th stochastic rounding.
DotResult dot_product(const AccumulatorSpec& spec, const DotInput& input,
                      const std::function<std::uint64_t(std::uint64_t)>& draw);

}  // namespace halfulp::oracle
