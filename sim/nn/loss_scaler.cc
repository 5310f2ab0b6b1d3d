#include "sim/nn/loss_scaler.h"

#include <cmath>
#include <limits>

#include "sim/elementary.h"

namespace halfulp::nn {
namespace {

constexpr double kMostSaturated = 1e-5;

}  // namespace

LossScaler::LossScaler(const LossScaleSpec& spec)
    : spec_(spec), scale_(spec.kind == LossScaling::none ? 1.0 : spec.scale) {}

bool LossScaler::unscale(std::span<float> gradients) {
  if (!is_active()) return true;
  const auto inverse = static_cast<float>(1.0 / scale_);
  const auto limit = static_cast<float>(spec_.saturation);
  bool is_finite = true;
  std::int64_t saturated = 0;
  for (float& gradient : gradients) {
    is_finite = is_finite && std::isfinite(gradient);
    saturated += std::fabs(gradient) >= limit ? 1 : 0;
    gradient *= inverse;
  }
  if (spec_.kind == LossScaling::fixed) return true;
  if (spec_.kind == LossScaling::automatic) {
    follow_saturation(saturated, gradients.size());
    return true;
  }
  if (!is_finite) {
    scale_ *= spec_.backoff;
    clean_updates_ = 0;
    return false;
  }
  if (++clean_updates_ == spec_.growth_interval) {
    clean_updates_ = 0;
    grow(spec_.growth);
  }
  return true;
}

void LossScaler::follow_saturation(std::int64_t saturated, std::size_t n) {
  if (static_cast<double>(saturated) > kMostSaturated * static_cast<double>(n)) {
    scale_ *= spec_.backoff;
    return;
  }
  grow(pinned_exp(pinned_log(spec_.growth) / static_cast<double>(spec_.growth_interval)));
}

void LossScaler::grow(double factor) {
  const double grown = scale_ * factor;
  if (grown <= static_cast<double>(std::numeric_limits<float>::max())) scale_ = grown;
}

void LossScaler::visit_state(StateVisitor& visitor) {
  visitor.visit("loop.loss_scale", std::span<double>(&scale_, 1));
  visitor.visit("loop.clean_updates", std::span<std::int64_t>(&clean_updates_, 1));
}

}  // namespace halfulp::nn
