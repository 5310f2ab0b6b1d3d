#include "sim/nn/loss_scaler.h"

#include <cmath>
#include <limits>

namespace halfulp::nn {

LossScaler::LossScaler(const LossScaleSpec& spec)
    : spec_(spec), scale_(spec.kind == LossScaling::none ? 1.0 : spec.scale) {}

bool LossScaler::unscale(std::span<float> gradients) {
  if (!is_active()) return true;
  const auto inverse = static_cast<float>(1.0 / scale_);
  bool is_finite = true;
  for (float& gradient : gradients) {
    is_finite = is_finite && std::isfinite(gradient);
    gradient *= inverse;
  }
  if (spec_.kind == LossScaling::fixed) return true;
  if (!is_finite) {
    scale_ *= spec_.backoff;
    clean_updates_ = 0;
    return false;
  }
  if (++clean_updates_ == spec_.growth_interval) {
    clean_updates_ = 0;
    const double grown = scale_ * spec_.growth;
    if (grown <= static_cast<double>(std::numeric_limits<float>::max())) scale_ = grown;
  }
  return true;
}

void LossScaler::visit_state(StateVisitor& visitor) {
  visitor.visit("loop.loss_scale", std::span<double>(&scale_, 1));
  visitor.visit("loop.clean_updates", std::span<std::int64_t>(&clean_updates_, 1));
}

}  // namespace halfulp::nn
