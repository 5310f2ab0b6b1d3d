// Experiment kind train_classifier: trains an MLP or a small convolution net on labelled examples
// under one numerics and reports validation loss and accuracy.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind train_classifier_kind();

}  // namespace halfulp
