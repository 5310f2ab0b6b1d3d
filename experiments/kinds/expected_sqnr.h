// The closed-form error of quantizers that choose a scale for each unit from its largest magnitude.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "sim/distribution.h"
#include "sim/quantizer.h"

namespace halfulp {

/// The scale of a unit (the number that a code of 1 stands for) as a function of its largest
/// magnitude. Nothing where more than that decides: scales of the whole tensor, zero points, two
/// candidates, factors in binary32.
using ScaleOfAmax = std::function<double(double amax)>;
std::optional<ScaleOfAmax> scale_of_amax(const QuantizerSpec& spec);

/// Expected relative mean squared error on a rows x cols matrix of independent numbers with
/// standard deviation sigma (expected_block_error of sim/expected_error.h). NaN where
/// scale_of_amax() has nothing, unless rounding is to nearest, and above 12 bits.
double expected_unit_error(const QuantizerSpec& spec, const Distribution& distribution,
                           double sigma, std::size_t rows, std::size_t cols);

/// Elements of rows beyond the largest number of their block. For blocks along rows whose length
/// divides the rows' and that have a scale_of_amax().
std::uint64_t count_saturated_in_blocks(const QuantizerSpec& spec, const float* x, std::size_t n);

}  // namespace halfulp
