// Experiment kind post_training_quantization: quantizes a model that a training sweep has kept and
// reports what that costs in loss.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind post_training_quantization_kind();

}  // namespace halfulp
