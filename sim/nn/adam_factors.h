// The arithmetic of Adam's direction for one number, in binary32 with one rounding for each
// operation.
#pragma once

#include <cmath>

#include "sim/nn/optimizer.h"

namespace halfulp::nn {

struct AdamFactors {
  /// `power1`, `power2`: beta1^t and beta2^t.
  AdamFactors(const OptimizerSpec& spec, double power1, double power2)
      : beta1(static_cast<float>(spec.beta1)),
        rest1(static_cast<float>(1.0 - spec.beta1)),
        beta2(static_cast<float>(spec.beta2)),
        rest2(static_cast<float>(1.0 - spec.beta2)),
        scale1(static_cast<float>(1.0 / (1.0 - power1))),
        scale2(static_cast<float>(1.0 / (1.0 - power2))),
        epsilon(static_cast<float>(spec.epsilon)) {}

  float first(float m, float g) const { return beta1 * m + rest1 * g; }

  float second(float v, float g) const { return beta2 * v + rest2 * (g * g); }

  float direction(float m, float v) const {
    return (m * scale1) / (std::sqrt(v * scale2) + epsilon);
  }

  float beta1, rest1, beta2, rest2, scale1, scale2, epsilon;
};

}  // namespace halfulp::nn
