// The keys of post_training_quantization and what they may be together.
#pragma once

#include <span>
#include <vector>

#include "experiments/config.h"

namespace halfulp {

/// Those of train_language_model that say what was trained, evaluation.bytes, and ptq.*.
std::span<const Field> ptq_fields();

std::vector<ConfigIssue> check_ptq(const Config& config);

}  // namespace halfulp
