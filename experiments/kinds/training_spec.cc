#include "experiments/kinds/training_spec.h"

#include <cmath>

#include "experiments/kinds/optimizer_spec.h"

namespace halfulp {
namespace {

nn::ScheduleConfig schedule_config(const Config& config, std::int64_t steps) {
  nn::ScheduleConfig schedule;
  const std::string& kind = config.text("train.schedule");
  schedule.kind = kind == "constant" ? nn::Schedule::constant
                  : kind == "cosine" ? nn::Schedule::cosine
                                     : nn::Schedule::warmup_stable_decay;
  schedule.peak = config.real("train.learning_rate");
  schedule.final_ratio = config.real("train.final_learning_rate_ratio");
  schedule.steps = steps;
  const auto share = [&](const char* key) {
    return static_cast<std::int64_t>(std::floor(config.real(key) * static_cast<double>(steps)));
  };
  schedule.warmup_steps = share("train.warmup_fraction");
  schedule.decay_steps = share("train.decay_fraction");
  return schedule;
}

}  // namespace

std::int64_t updates_at(const Config& config, const nn::ModelConfig& model,
                        double tokens_per_parameter) {
  const double bytes =
      tokens_per_parameter * static_cast<double>(nn::non_embedding_parameters(model));
  const double batch =
      static_cast<double>(config.integer("train.batch")) * static_cast<double>(model.context);
  return static_cast<std::int64_t>(std::ceil(bytes / batch));
}

std::int64_t step_count(const Config& config, const nn::ModelConfig& model) {
  if (config.has("train.evaluate_only") && config.boolean("train.evaluate_only")) return 0;
  if (config.integer("train.steps") > 0) return config.integer("train.steps");
  return updates_at(config, model, config.real("train.tokens_per_parameter"));
}

nn::LoopSpec loop_spec(const Config& config, const nn::ModelConfig& model) {
  return loop_spec(config, step_count(config, model));
}

nn::LoopSpec loop_spec(const Config& config, std::int64_t steps) {
  nn::LoopSpec loop;
  loop.schedule = schedule_config(config, steps);
  loop.optimizer = binary32_optimizer(config);
  loop.loss_scale = loss_scale_spec(config);
  loop.clip_norm = config.real("train.clip_norm");
  return loop;
}

}  // namespace halfulp
