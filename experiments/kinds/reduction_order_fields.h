// The keys of reduction_order, and what they stand for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/generate.h"
#include "sim/nn/term_order.h"

namespace halfulp {

/// Its own keys, then those of train_language_model under model, data and train.
std::span<const Field> reduction_order_fields();

/// Every combination of the lists under reduction, the last list fastest. With `issues`, entries
/// that are none are reported there and left out; without, they throw std::invalid_argument.
std::vector<nn::Reduction> reductions_of(const Config& config,
                                         std::vector<ConfigIssue>* issues = nullptr);

/// The formats that `arithmetic` and `reduction.partial_sums` name.
nn::InferenceArithmetic inference_arithmetic(const Config& config);

/// Complete numerics string.
std::string reduction_order_numerics(const Config& config);

}  // namespace halfulp
