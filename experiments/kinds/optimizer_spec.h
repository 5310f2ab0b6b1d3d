// From the keys of the optimizer and of loss scaling to what the training loop runs.
#pragma once

#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/loss_scaler.h"
#include "sim/nn/optimizer.h"

namespace halfulp {

/// The optimizer in binary32; needs only the keys train.*.
nn::OptimizerSpec binary32_optimizer(const Config& config);

/// The same with the formats of precision.optimizer.*, precision.master_weights and so on.
nn::OptimizerSpec optimizer_spec(const Config& config);

nn::LossScaleSpec loss_scale_spec(const Config& config);

/// precision.weight_gradient with what it inherits.
QuantizerSpec weight_gradient_spec(const Config& config);

/// Hyper-parameters that the optimizer does not read but are set, and formats that cannot be used
/// where they are named.
std::vector<ConfigIssue> check_optimizer(const Config& config);

/// "optimizer(adamw, ...)": every format of the optimizer and the weights; empty where all of them
/// are binary32 and the loss is not scaled.
std::string optimizer_numerics(const Config& config);

}  // namespace halfulp
