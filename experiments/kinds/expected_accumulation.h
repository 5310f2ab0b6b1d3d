// Laws of accumulation errors.
#pragma once

#include "experiments/kinds/dot_products.h"
#include "formats/accumulator.h"

namespace halfulp {

/// Expected squared errors, summed over the data of one batch: of sums in sequence, exact products,
/// each addition rounded stochastically to a float. An addition of x to a running sum on the grid
/// of step d goes up with probability f = x / d - floor(x / d), so that its error has variance d^2
/// f (1 - f); errors are uncorrelated. The step is that at the exact partial sum. NaN for other
/// accumulators. Source: Connolly, Higham and Mary, "Stochastic Rounding and Its Probabilistic
/// Backward Error Analysis", SIAM J. Sci. Comput. 43 (2021).
double expected_squared_error(const AccumulatorSpec& accumulator, const Batch& batch,
                              const BatchShape& shape);

}  // namespace halfulp
