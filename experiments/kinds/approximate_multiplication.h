// Experiment kind approximate_multiplication: the error of products that are made by additions
// (formats/approximate_multiply.h), one by one and in dot products.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind approximate_multiplication_kind();

}  // namespace halfulp
