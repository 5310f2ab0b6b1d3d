#include "experiments/kinds/parameterization_spec.h"

#include <fmt/format.h>

#include <stdexcept>

namespace halfulp {
namespace {

using Rule = nn::Parameterization;

Rule rule_of(const std::string& name) {
  if (name == "standard") return Rule::standard;
  if (name == "standard_per_layer") return Rule::standard_per_layer;
  if (name == "mup") return Rule::mup;
  if (name == "unit_scaling") return Rule::unit_scaling;
  if (name == "u_mup") return Rule::u_mup;
  if (name == "munit") return Rule::munit;
  throw std::invalid_argument("no parameterization is called " + name);
}

bool is_unit_scaled(Rule rule) { return rule == Rule::unit_scaling || rule == Rule::u_mup; }

bool takes_base_width(Rule rule) {
  return rule == Rule::standard_per_layer || rule == Rule::mup || rule == Rule::munit;
}

}  // namespace

nn::ParameterizationSpec parameterization_of(const Config& config) {
  nn::ParameterizationSpec spec =
      nn::parameterization_spec(rule_of(config.text("model.parameterization")));
  spec.base_width = static_cast<std::size_t>(config.integer("model.base_width"));
  spec.base_head_width = static_cast<std::size_t>(config.integer("model.base_head_width"));
  spec.attention_mult = config.real("model.attention_mult");
  spec.residual_mult = config.real("model.residual_mult");
  spec.residual_ratio = config.real("model.residual_ratio");
  spec.residual_tau = config.real("model.residual_tau");
  spec.embedding_mult = config.real("model.embedding_mult");
  spec.readout_mult = config.real("model.readout_mult");
  spec.embedding_rate = config.real("model.embedding_rate");
  spec.hidden_rate = config.real("model.hidden_rate");
  spec.readout_rate = config.real("model.readout_rate");
  const std::string& decay = config.text("model.weight_decay_rule");
  if (decay != "own") {
    spec.weight_decay =
        decay == "independent" ? nn::WeightDecayRule::independent : nn::WeightDecayRule::coupled;
  }
  if (config.text("model.gradient_constraint") == "none") {
    spec.constraint = nn::GradientConstraint::none;
  }
  const std::string& gradient = config.text("model.gradient_scale");
  if (gradient != "own") {
    spec.gradient = gradient == "unit" ? nn::GradientScale::unit : nn::GradientScale::mean;
  }
  if (config.text("model.activation_constants") == "library") {
    spec.activation = nn::ActivationConstants::library;
  }
  return spec;
}

std::vector<ConfigIssue> check_parameterization(const Config& config) {
  std::vector<ConfigIssue> issues;
  const nn::ParameterizationSpec spec = parameterization_of(config);
  const std::string& name = config.text("model.parameterization");
  const bool has_own_head = spec.rule == Rule::mup || nn::has_unit_weights(spec.rule);
  if (has_own_head && config.boolean("model.tied_head")) {
    issues.push_back({"model.tied_head",
                      fmt::format("{} has other rules for the head than for the embedding; set "
                                  "model.tied_head = false",
                                  name)});
  }
  if (spec.base_width != 0 && !takes_base_width(spec.rule)) {
    issues.push_back({"model.base_width", fmt::format("{} has no base width; leave it 0", name)});
  }
  if (is_unit_scaled(spec.rule) && spec.gradient == nn::GradientScale::mean) {
    issues.push_back({"model.gradient_scale",
                      fmt::format("{} has gradients of unit variance; use \"own\"", name)});
  }
  if (spec.gradient == nn::GradientScale::unit && config.real("train.clip_norm") != 0.0) {
    issues.push_back({"train.clip_norm",
                      "gradients of unit variance have norms that grow with the model; set "
                      "train.clip_norm = 0"});
  }
  const double decay = config.real("train.weight_decay");
  if (spec.weight_decay == nn::WeightDecayRule::independent && decay > 0.01) {
    issues.push_back({"train.weight_decay",
                      fmt::format("independent weight decay of {} is the share that every update "
                                  "takes away; u-muP uses 1.2e-4",
                                  decay)});
  }
  return issues;
}

std::string parameterization_text(const Config& config) {
  const nn::ParameterizationSpec spec = parameterization_of(config);
  if (spec.rule == Rule::standard && spec.gradient == nn::GradientScale::mean) return {};
  std::string text =
      fmt::format("; parameterization={}(gradient={}", config.text("model.parameterization"),
                  spec.gradient == nn::GradientScale::unit ? "unit" : "mean");
  if (is_unit_scaled(spec.rule)) {
    text += fmt::format(", constraint={}, activation={}", config.text("model.gradient_constraint"),
                        config.text("model.activation_constants"));
  }
  return text + "), multipliers=binary32 on products";
}

}  // namespace halfulp
