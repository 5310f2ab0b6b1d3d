// The closed-form error of quantizers that choose a scale for each unit from its largest magnitude.
#pragma once

#include <cstddef>

#include "sim/distribution.h"
#include "sim/quantizer.h"

namespace halfulp {

/// Expected relative mean squared error on a rows x cols matrix of independent numbers with
/// standard deviation sigma (expected_block_error of sim/expected_error.h). NaN where the scale is
/// not a function of the unit's largest magnitude alone, unless rounding is to nearest, and above
/// 12 bits.
double expected_unit_error(const QuantizerSpec& spec, const Distribution& distribution,
                           double sigma, std::size_t rows, std::size_t cols);

}  // namespace halfulp
