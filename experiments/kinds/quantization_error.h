// Experiment kind quantization_error: how much of a signal survives one quantizer. Samples of a
// distribution, with the closed form beside them, or operands of a trained model's layers.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind quantization_error_kind();

}  // namespace halfulp
