// Elementary functions between bounds, for operands that are only known between bounds.
#pragma once

#include "formats/operations.h"
#include "formats/real.h"

namespace halfulp {

/// Bounds of f(x) for x_low <= x <= x_high, which lie in the domain of f: a function that
/// elementary() (elementary.h) knows.
void bound_function(Operation operation, Real& x_low, Real& x_high, Real& low, Real& high);

}  // namespace halfulp
