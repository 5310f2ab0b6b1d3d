// The keys of train_language_model: the table that --help, checks and defaults come from.
#pragma once

#include <span>

#include "experiments/config.h"

namespace halfulp {

std::span<const Field> language_model_fields();

}  // namespace halfulp
