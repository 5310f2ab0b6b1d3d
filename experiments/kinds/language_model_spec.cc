#include "experiments/kinds/language_model_spec.h"

#include <algorithm>

#include "experiments/kinds/checkpoint_fields.h"
#include "experiments/kinds/kept_weights.h"
#include "experiments/kinds/model_spec.h"
#include "experiments/kinds/optimizer_spec.h"
#include "experiments/kinds/parameterization_spec.h"
#include "experiments/kinds/precision_spec.h"
#include "experiments/kinds/training_spec.h"

namespace halfulp {

namespace {

/// Independent decay: the update multiplies by the rate, which this takes back; the parameter's own
/// factor is taken back by Parameter::weight_decay_factor.
void apply_weight_decay_rule(nn::TrainSpec& spec) {
  const double peak = spec.loop.schedule.peak;
  const nn::WeightDecayRule rule = spec.model.parameterization.weight_decay;
  if (rule == nn::WeightDecayRule::independent && peak > 0.0) {
    spec.loop.optimizer.weight_decay /= peak;
  }
}

}  // namespace

nn::TrainSpec binary32_train_spec(const Config& config) {
  nn::TrainSpec spec;
  spec.model = model_config(config);
  spec.sequences = static_cast<std::size_t>(config.integer("train.batch"));
  spec.loop = loop_spec(config, spec.model);
  apply_weight_decay_rule(spec);
  return spec;
}

nn::TrainSpec train_spec(const Config& config) {
  nn::TrainSpec spec = binary32_train_spec(config);
  spec.numerics = model_numerics(config);
  set_switch(config, spec.loop.schedule.steps, spec.numerics);
  spec.loop.optimizer = optimizer_spec(config);
  apply_weight_decay_rule(spec);
  spec.loop.update_metrics_every = config.integer("evaluation.update_metrics_every");
  spec.loop.evaluate_every = config.integer("evaluation.every");
  spec.evaluation_bytes = static_cast<std::size_t>(config.integer("evaluation.bytes"));
  return spec;
}

std::string training_key(const Config& config) {
  std::string key;
  for (const auto& [name, value] : config.values()) {
    const std::string group = name.substr(0, name.find('.'));
    const bool matters = group == "model" || group == "data" || group == "train";
    if (matters) key += name + "=" + to_text(value) + "\n";
  }
  return key;
}

/// 6 N per byte at a GEMM's rate (2.5 times that under accumulators that round), plus element-wise
/// work per block and channel; calibrated in docs/BENCHMARKS.md's machine.
std::vector<nn::Parameter> block_layers(const nn::ModelConfig& model) {
  const std::vector<nn::Parameter> parameters = nn::model_parameters(model);
  std::vector<nn::Parameter> layers;
  for (const std::string& name : nn::linear_layer_names(model)) {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const auto& one) { return one.name == name; });
    if (found != parameters.end() && name.starts_with("blocks.")) layers.push_back(*found);
  }
  return layers;
}

double training_seconds(const nn::TrainSpec& spec) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  constexpr double kFlopsPerSecond = 105e9, kSecondsPerChannel = 25e-9;
  const nn::LinearNumerics& linear = spec.numerics.linear;
  const bool rounds = linear.fprop != binary32_accumulator() ||
                      linear.dgrad != binary32_accumulator() ||
                      linear.wgrad != binary32_accumulator();
  const double slowdown = rounds ? 2.5 : 1.0;
  const double per_byte =
      slowdown * 6.0 * number(nn::total_parameters(spec.model)) / kFlopsPerSecond +
      kSecondsPerChannel * number(spec.model.blocks) * number(spec.model.width);
  const double evaluations =
      spec.loop.evaluate_every > 0
          ? 1.0 + number(spec.loop.schedule.steps) / number(spec.loop.evaluate_every)
          : 1.0;
  const double trained =
      number(spec.loop.schedule.steps) * number(spec.sequences) * number(spec.model.context);
  constexpr double kForwardShare = 1.0 / 3.0;
  return per_byte * (trained + kForwardShare * evaluations * number(spec.evaluation_bytes));
}

namespace {

/// Tensors that state-space mixers and experts do not round.
std::vector<ConfigIssue> check_parts(const Config& config) {
  std::vector<ConfigIssue> issues;
  if (nn::is_plain_transformer(model_config(config))) return issues;
  const nn::TensorNumerics tensors = model_numerics(config).tensors;
  const auto check = [&](const char* key, const QuantizerSpec& spec) {
    if (Quantizer(spec).is_identity()) return;
    issues.push_back({key, "is not known to state-space mixers and experts: leave it in binary32"});
  };
  check("precision.activation_output", tensors.activation_output);
  check("precision.activation_gradient", tensors.activation_gradient);
  return issues;
}

}  // namespace

std::vector<ConfigIssue> check_language_model(const Config& config) {
  std::vector<ConfigIssue> issues = check_model_and_data(config);
  for (ConfigIssue& issue : check_precision(config, model_config(config))) {
    issues.push_back(std::move(issue));
  }
  for (ConfigIssue& issue : check_checkpoint_fields(config)) issues.push_back(std::move(issue));
  for (ConfigIssue& issue : check_kept_weights(config)) issues.push_back(std::move(issue));
  for (ConfigIssue& issue : check_optimizer(config)) issues.push_back(std::move(issue));
  for (ConfigIssue& issue : check_parts(config)) issues.push_back(std::move(issue));
  return issues;
}

std::string language_model_numerics(const Config& config) {
  return numerics_text(train_spec(config).numerics) + optimizer_numerics(config) +
         parameterization_text(config);
}

}  // namespace halfulp
