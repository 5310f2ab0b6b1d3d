#include "experiments/kinds/network_keys.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "experiments/harness/schema.h"
#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/optimizer_spec.h"
#include "experiments/kinds/precision_spec.h"
#include "experiments/kinds/training_spec.h"

namespace halfulp {
namespace {

using namespace std::string_view_literals;

/// Beginnings of keys that other networks do not have.
constexpr std::array kAbsent = {"train.tokens_per_parameter"sv,
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

nn::ModelNumerics network_numerics(const Config& config) {
  const Config all = with_all_precision(config);
  nn::ModelNumerics numerics = model_numerics(all);
  set_switch(all, config.integer("train.steps"), numerics);
  return numerics;
}

std::string network_numerics_text(const Config& config) {
  return numerics_text(network_numerics(config)) + optimizer_numerics(config);
}

std::vector<ConfigIssue> check_network(const Config& config, const std::vector<std::string>& layers,
                                       std::size_t blocks) {
  std::vector<ConfigIssue> issues = check_precision(with_all_precision(config), layers, blocks);
  for (ConfigIssue& issue : check_optimizer(config)) issues.push_back(std::move(issue));
  return issues;
}

nn::LoopSpec network_loop(const Config& config, const StopRules& stop) {
  nn::LoopSpec loop = loop_spec(config, config.integer("train.steps"));
  loop.optimizer = optimizer_spec(config);
  loop.update_metrics_every = config.integer("evaluation.update_metrics_every");
  loop.evaluate_every = config.integer("evaluation.every");
  loop.stop_at_non_finite = stop.non_finite;
  loop.stop_above = stop.loss_above;
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
