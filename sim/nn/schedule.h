// Learning-rate schedules.
#pragma once

#include <cstdint>

namespace halfulp::nn {

enum class Schedule : std::uint8_t {
  constant,             ///< warmup, then the peak
  cosine,               ///< warmup, then half a cosine from the peak to the final ratio
  warmup_stable_decay,  ///< warmup, the peak, then linear to the final ratio over the last
                        ///< decay_steps
};

struct ScheduleConfig {
  Schedule kind = Schedule::cosine;
  double peak = 1e-3;
  double final_ratio = 0.1;  ///< of the peak, at the last step
  std::int64_t steps = 1;
  std::int64_t warmup_steps = 0;
  std::int64_t decay_steps = 0;
};

/// The learning rate of update `step` (0-based): peak (step + 1) / warmup_steps while warming up.
double learning_rate(const ScheduleConfig& config, std::int64_t step);

}  // namespace halfulp::nn
