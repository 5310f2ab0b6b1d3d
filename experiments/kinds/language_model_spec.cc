#include "experiments/kinds/language_model_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace halfulp {
namespace {

std::size_t size_of(const Config& config, const char* key) {
  return static_cast<std::size_t>(config.integer(key));
}

nn::ModelConfig model_config(const Config& config) {
  nn::ModelConfig model;
  model.blocks = size_of(config, "model.layers");
  model.width = size_of(config, "model.width");
  model.heads = size_of(config, "model.heads");
  if (model.heads == 0) model.heads = std::max<std::size_t>(model.width / 32, 1);
  model.context = size_of(config, "model.context");
  model.norm =
      config.text("model.norm") == "layer_norm" ? nn::Norm::layer_norm : nn::Norm::rms_norm;
  model.positions =
      config.text("model.positions") == "learned" ? nn::Positions::learned : nn::Positions::rotary;
  model.activation =
      config.text("model.activation") == "gelu" ? nn::Activation::gelu : nn::Activation::swiglu;
  model.tied_head = config.boolean("model.tied_head");
  model.hidden = size_of(config, "model.hidden");
  if (model.hidden == 0) {
    model.hidden = model.activation == nn::Activation::gelu ? 4 * model.width
                                                            : (8 * model.width / 3 + 15) / 16 * 16;
  }
  return model;
}

nn::ModelNumerics model_numerics(const Config& config) {
  const auto operand = [&](const char* key, const char* inherited) {
    const std::string& own = config.text(key);
    return parse_quantizer(own == "inherit" ? config.text(inherited) : own);
  };
  nn::ModelNumerics numerics;
  numerics.linear = {
      .fprop_input = operand("precision.fprop.input", "precision.activation"),
      .fprop_weight = operand("precision.fprop.weight", "precision.weight"),
      .dgrad_grad_output = operand("precision.dgrad.grad_output", "precision.gradient"),
      .dgrad_weight = operand("precision.dgrad.weight", "precision.weight"),
      .wgrad_grad_output = operand("precision.wgrad.grad_output", "precision.gradient"),
      .wgrad_input = operand("precision.wgrad.input", "precision.activation")};
  numerics.high_precision = config.text_list("precision.keep_high");
  return numerics;
}

/// Updates: given, or bytes per parameter x parameters / bytes per batch, rounded up.
std::int64_t step_count(const Config& config, const nn::ModelConfig& model) {
  if (config.integer("train.steps") > 0) return config.integer("train.steps");
  const double bytes = config.real("train.tokens_per_parameter") *
                       static_cast<double>(nn::non_embedding_parameters(model));
  const double batch =
      static_cast<double>(config.integer("train.batch")) * static_cast<double>(model.context);
  return static_cast<std::int64_t>(std::ceil(bytes / batch));
}

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

nn::TrainSpec binary32_train_spec(const Config& config) {
  nn::TrainSpec spec;
  spec.model = model_config(config);
  spec.schedule = schedule_config(config, step_count(config, spec.model));
  spec.adamw = {.beta1 = config.real("train.beta1"),
                .beta2 = config.real("train.beta2"),
                .epsilon = config.real("train.epsilon"),
                .weight_decay = config.real("train.weight_decay")};
  spec.clip_norm = config.real("train.clip_norm");
  spec.sequences = size_of(config, "train.batch");
  return spec;
}

nn::TrainSpec train_spec(const Config& config) {
  nn::TrainSpec spec = binary32_train_spec(config);
  spec.numerics = model_numerics(config);
  spec.evaluate_every = config.integer("evaluation.every");
  spec.evaluation_bytes = size_of(config, "evaluation.bytes");
  return spec;
}

/// 6 N per byte at a GEMM's rate, plus element-wise work per block and channel; calibrated in
/// docs/BENCHMARKS.md's machine.
double training_seconds(const nn::TrainSpec& spec) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  constexpr double kFlopsPerSecond = 105e9, kSecondsPerChannel = 25e-9;
  const double per_byte = 6.0 * number(nn::total_parameters(spec.model)) / kFlopsPerSecond +
                          kSecondsPerChannel * number(spec.model.blocks) * number(spec.model.width);
  const double evaluations = spec.evaluate_every > 0
                                 ? 1.0 + number(spec.schedule.steps) / number(spec.evaluate_every)
                                 : 1.0;
  const double trained =
      number(spec.schedule.steps) * number(spec.sequences) * number(spec.model.context);
  constexpr double kForwardShare = 1.0 / 3.0;
  return per_byte * (trained + kForwardShare * evaluations * number(spec.evaluation_bytes));
}

std::vector<ConfigIssue> check_model_and_data(const Config& config) {
  std::vector<ConfigIssue> issues;
  const nn::ModelConfig model = model_config(config);
  if (model.width % model.heads != 0) {
    issues.push_back({"model.heads", fmt::format("{} heads do not divide model.width = {}",
                                                 model.heads, model.width)});
  } else if (model.positions == nn::Positions::rotary && model.width / model.heads % 2 != 0) {
    issues.push_back(
        {"model.heads", fmt::format("rotary positions need an even head width, not model.width / "
                                    "model.heads = {}",
                                    model.width / model.heads)});
  }
  if (config.text("data.corpus") == "file" && config.text("data.path").empty()) {
    issues.push_back({"data.path", "data.corpus = \"file\" needs the path of a file"});
  }
  return issues;
}

std::vector<ConfigIssue> check_language_model(const Config& config) {
  std::vector<ConfigIssue> issues = check_model_and_data(config);
  const nn::ModelConfig model = model_config(config);
  const std::vector<std::string> layers = nn::linear_layer_names(model);
  for (const std::string& pattern : config.text_list("precision.keep_high")) {
    const auto matched = std::any_of(layers.begin(), layers.end(), [&](const std::string& layer) {
      return nn::keeps_high_precision({pattern}, layer, model.blocks);
    });
    if (!matched) {
      issues.push_back(
          {"precision.keep_high", fmt::format("'{}' matches no layer; the layers are {}", pattern,
                                              fmt::join(layers, ", "))});
    }
  }
  return issues;
}

std::string language_model_numerics(const Config& config) {
  const nn::ModelNumerics numerics = model_numerics(config);
  const nn::LinearNumerics& linear = numerics.linear;
  return fmt::format(
      "fprop(input={}, weight={}); dgrad(grad_output={}, weight={}); wgrad(grad_output={}, "
      "input={}); "
      "estimator=straight_through; accumulator=binary32 fused_chain ascending_k; keep_high=[{}]; "
      "others=binary32; random=philox4x32-10",
      to_spec(linear.fprop_input), to_spec(linear.fprop_weight), to_spec(linear.dgrad_grad_output),
      to_spec(linear.dgrad_weight), to_spec(linear.wgrad_grad_output), to_spec(linear.wgrad_input),
      fmt::join(numerics.high_precision, ","));
}

}  // namespace halfulp
