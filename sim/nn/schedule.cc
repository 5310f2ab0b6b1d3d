#include "sim/nn/schedule.h"

#include <algorithm>

#include "sim/elementary.h"

namespace halfulp::nn {

double learning_rate(const ScheduleConfig& config, std::int64_t step) {
  if (step < config.warmup_steps) {
    return config.peak * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps);
  }
  const std::int64_t last = config.steps - 1;
  const auto share_since = [&](std::int64_t start) {
    const auto span = static_cast<double>(std::max<std::int64_t>(last - start, 1));
    return std::clamp(static_cast<double>(step - start) / span, 0.0, 1.0);
  };
  const double floor = config.final_ratio;
  switch (config.kind) {
    case Schedule::constant:
      return config.peak;
    case Schedule::cosine: {
      constexpr double kPi = 3.14159265358979323846;
      const double wave = 0.5 * (1.0 + pinned_cos(kPi * share_since(config.warmup_steps)));
      return config.peak * (floor + (1.0 - floor) * wave);
    }
    case Schedule::warmup_stable_decay: {
      const std::int64_t start = std::max(config.warmup_steps, last - config.decay_steps);
      return config.peak * (1.0 - (1.0 - floor) * share_since(start));
    }
  }
  return config.peak;
}

}  // namespace halfulp::nn
