// Gradients of every tensor against central differences, for models in binary64.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "sim/nn/model_config.h"
#include "sim/random.h"

namespace halfulp::nn {

/// Moves every weight away from a symmetric start, so that no gradient is small by construction.
inline void disturb(std::span<double> weights, double size = 0.1) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] += size * random_normal({11, 0, 0, 0}, i);
  }
}

/// `loss()` depends on `weights`; `gradients` are what is claimed of it. About `samples` elements
/// of each tensor are tried. Central differences with h = 1e-5: truncation h^2 f''' / 6 and
/// rounding 1e-16 / h both lie below 1e-9 for functions of size 1.
template <class Loss>
void expect_gradients(const std::vector<Parameter>& parameters, std::span<double> weights,
                      std::span<const double> gradients, const Loss& loss, std::size_t samples = 40,
                      double tolerance = 1e-7) {
  const std::vector<double> claimed(gradients.begin(), gradients.end());
  for (const Parameter& parameter : parameters) {
    double difference = 0.0, size = 0.0;
    const std::size_t stride = std::max<std::size_t>(parameter.size() / samples, 1);
    for (std::size_t i = 0; i < parameter.size(); i += stride) {
      double& weight = weights[parameter.offset + i];
      const double kept = weight, h = 1e-5;
      weight = kept + h;
      const double above = loss();
      weight = kept - h;
      const double below = loss();
      weight = kept;
      const double numeric = (above - below) / (2 * h);
      const double d = numeric - claimed[parameter.offset + i];
      difference += d * d;
      size += numeric * numeric;
    }
    EXPECT_GT(size, 0.0) << parameter.name;
    EXPECT_LT(std::sqrt(difference), tolerance * std::sqrt(size) + 1e-9) << parameter.name;
  }
}

}  // namespace halfulp::nn
