// Experiment kind train_language_model: trains one decoder-only transformer on one corpus under one
// numerics and reports its validation loss.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind train_language_model_kind();

}  // namespace halfulp
