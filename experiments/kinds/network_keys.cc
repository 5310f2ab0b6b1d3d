#include "experiments/kinds/network_keys.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "experiments/harness/schema.h"
#include "experiments/kinds/checkpoint_fields.h"
#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/optimizer_spec.h"
#include "experiments/kinds/precision_spec.h"
#include "experiments/kinds/training_spec.h"

namespace halfulp {
namespace {

using namespace std::string_view_literals;

/// Beginnings of keys that other networks do not have.
constexpr std::array kAbsent = {"train.tokens_per_parameter"sv,
                                "train.keep_weights_at"sv,
                                "evaluation.bytes"sv,
                                "precision.attention."sv,
                                "precision.softmax"sv,
                                "precision.embedding"sv,
                                "precision.state"sv,
                                "precision.stored_"sv,
                                "precision.norm_output"sv,
                                "precision.activation_output"sv,
                                "precision.activation_gradient"sv,
                                "precision.residual"sv,
                                "precision.logits_gradient"sv,
                                "precision.loss"sv};

bool is_absent(std::string_view key) {
  if (key.starts_with("model.") || key.starts_with("data.")) return true;
  return std::any_of(kAbsent.begin(), kAbsent.end(),
                     [&](std::string_view prefix) { return key.starts_with(prefix); });
}

/// `config` with every key of precision.* that network_fields() leaves out at its default.
Config with_all_precision(const Config& config) {
  Config all = harness::Schema(precision_fields()).defaults();
  for (const auto& [key, value] : config.values()) all.set(key, value);
  return all;
}

/// Why these networks do not have this operand; null where they do.
const char* refusal(const nn::OperandSpec& operand) {
  if (nn::is_learned(operand)) return "scales are learned in train_language_model alone";
  if (nn::is_propagated(operand)) return "scales are propagated in train_language_model alone";
  return nullptr;
}

const char* refusal(const nn::LinearNumerics& numerics) {
  const char* why = nullptr;
  for (const nn::Operand operand : nn::kOperands) {
    if (why == nullptr) why = refusal(nn::operand_of(numerics, operand));
  }
  return why;
}

/// Operands that do not fit each other, and those that are refused, once for each key.
std::vector<ConfigIssue> check_operands(const Config& all) {
  const nn::ModelNumerics numerics = model_numerics(all);
  std::vector<ConfigIssue> issues;
  for (const nn::Operand operand : nn::kOperands) {
    const char* why = refusal(nn::operand_of(numerics.linear, operand));
    if (why == nullptr) continue;
    ConfigIssue issue = operand_issue(all, {operand, why});
    issue.message = why;
    const bool is_known = std::any_of(issues.begin(), issues.end(),
                                      [&](const auto& one) { return one.key == issue.key; });
    if (!is_known) issues.push_back(std::move(issue));
  }
  for (const nn::LayerNumerics& layer : numerics.layers) {
    const char* why = refusal(layer.linear);
    if (!issues.empty() || why == nullptr) continue;
    issues.push_back({"precision.layers", layer.pattern + ": " + why});
  }
  if (!issues.empty()) return issues;
  for (const nn::OperandFault& fault : nn::operand_faults(numerics.linear)) {
    issues.push_back(operand_issue(all, fault));
  }
  return issues;
}

}  // namespace

std::vector<Field> network_fields(std::span<const Field> own) {
  std::vector<Field> all(own.begin(), own.end());
  for (const Field& field : language_model_fields()) {
    const bool is_own =
        std::any_of(own.begin(), own.end(), [&](const Field& f) { return f.key == field.key; });
    if (!is_own && !is_absent(field.key)) all.push_back(field);
  }
  return all;
}

std::int64_t network_steps(const Config& config) {
  return config.boolean("train.evaluate_only") ? 0 : config.integer("train.steps");
}

nn::ModelNumerics network_numerics(const Config& config) {
  const Config all = with_all_precision(config);
  nn::ModelNumerics numerics = model_numerics(all);
  set_switch(all, network_steps(config), numerics);
  return numerics;
}

std::string network_numerics_text(const Config& config) {
  return numerics_text(network_numerics(config)) + optimizer_numerics(config);
}

std::vector<ConfigIssue> check_network(const Config& config, const std::vector<std::string>& layers,
                                       std::size_t blocks) {
  const Config all = with_all_precision(config);
  std::vector<ConfigIssue> issues = check_precision(all, layers, blocks);
  if (issues.empty()) issues = check_operands(all);  // reads what was checked before
  for (ConfigIssue& issue : check_checkpoint_fields(config)) issues.push_back(std::move(issue));
  for (ConfigIssue& issue : check_optimizer(config)) issues.push_back(std::move(issue));
  return issues;
}

nn::LoopSpec network_loop(const Config& config) {
  nn::LoopSpec loop = loop_spec(config, network_steps(config));
  loop.optimizer = optimizer_spec(config);
  loop.update_metrics_every = config.integer("evaluation.update_metrics_every");
  loop.evaluate_every = config.integer("evaluation.every");
  return loop;
}

std::vector<Metric> operand_bits(const nn::LinearNumerics& linear) {
  return {{"weight_bits", bits_per_element(linear.fprop_weight), "bit",
           "bits per weight code in the forward product"},
          {"activation_bits", bits_per_element(linear.fprop_input), "bit",
           "bits per activation code in the forward product"},
          {"gradient_bits", bits_per_element(linear.dgrad_grad_output), "bit",
           "bits per output-gradient code in the data-gradient product"}};
}

}  // namespace halfulp
