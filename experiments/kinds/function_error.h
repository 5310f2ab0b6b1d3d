// Experiment kind function_error: softmax, norms and activation functions evaluated with every
// operation rounded to a format (formats/functions.h) against binary64.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind function_error_kind();

}  // namespace halfulp
