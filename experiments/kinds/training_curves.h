// What every kind that trains stores of a training run.
#pragma once

#include <string>
#include <vector>

#include "experiments/kind.h"
#include "sim/nn/numerics.h"
#include "sim/nn/training_loop.h"

namespace halfulp {

/// At most 256 means of consecutive points, each at the last step of its window.
Curve thinned(std::string name, std::string units, std::string long_name,
              const std::vector<nn::LossPoint>& points);

/// Spikes and rises of the training loss.
std::vector<Metric> stability_metrics(const nn::TrainResult& result, const std::string& units);

/// Bits per code of the operands that figures group by.
std::vector<Metric> operand_bits(const nn::LinearNumerics& linear);

/// Training and validation loss and gradient norm.
std::vector<Curve> loss_curves(const nn::TrainResult& result, const std::string& units,
                               const std::string& training_name,
                               const std::string& validation_name);

}  // namespace halfulp
