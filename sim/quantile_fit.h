// A codebook fitted to the numbers that it is for.
#pragma once

#include "formats/format.h"
#include "sim/matrix.h"

namespace halfulp {

/// The medians of `count` cells of equal share of the numbers of x, over the largest of their
/// magnitudes, so that the codebook ends at 1 or -1: entry i is the quantile (2 i + 1) / (2 count),
/// linear between neighbours, rounded to binary32. Equal ones stand once. What quantile_codebook()
/// is for the normal distribution. Source of the idea: Dettmers et al., arXiv 2110.02861. Finite
/// numbers, not all 0; count 2 to 65536. Throws std::invalid_argument.
CodebookFormat fitted_quantiles(ConstMatrix x, std::size_t count);

}  // namespace halfulp
