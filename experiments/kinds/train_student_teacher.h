// Experiment kind train_student_teacher: a residual MLP learns a random teacher under one numerics;
// the small proxy for instabilities of training of arXiv 2506.20752.
#pragma once

#include "experiments/kind.h"

namespace halfulp {

ExperimentKind train_student_teacher_kind();

}  // namespace halfulp
