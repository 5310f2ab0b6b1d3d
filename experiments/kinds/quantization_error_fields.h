// The keys of quantization_error.
#pragma once

#include <span>

#include "experiments/config.h"

namespace halfulp {

/// Its own keys, then those of train_language_model under model, data and train.
std::span<const Field> quantization_error_fields();

}  // namespace halfulp
