// What a training run reports of its updates, as metrics and curves.
#pragma once

#include <string>
#include <vector>

#include "experiments/kind.h"
#include "sim/nn/training_loop.h"

namespace halfulp {

/// At most 256 means of consecutive points, each at the last step of its window.
Curve thinned(std::string name, std::string units, std::string long_name,
              const std::vector<nn::LossPoint>& points);

/// Adds what the run measured of its updates (evaluation.update_metrics_every) and of its loss
/// scale; nothing where it measured none and has no scale.
void report_updates(const nn::TrainResult& trained, RunResult& result);

}  // namespace halfulp
