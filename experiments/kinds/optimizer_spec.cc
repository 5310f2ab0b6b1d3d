#include "experiments/kinds/optimizer_spec.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "formats/properties.h"

namespace halfulp {
namespace {

template <class Enum>
struct Name {
  std::string_view text;
  Enum value;
};

using nn::LossScaling;
using nn::OptimizerKind;
using nn::WeightRule;

constexpr std::array kKinds = {Name<OptimizerKind>{"adamw", OptimizerKind::adamw},
                               Name<OptimizerKind>{"sgd", OptimizerKind::sgd},
                               Name<OptimizerKind>{"adafactor", OptimizerKind::adafactor},
                               Name<OptimizerKind>{"muon", OptimizerKind::muon},
                               Name<OptimizerKind>{"soap", OptimizerKind::soap},
                               Name<OptimizerKind>{"shampoo", OptimizerKind::shampoo}};
constexpr std::array kRules = {Name<WeightRule>{"nearest", WeightRule::nearest},
                               Name<WeightRule>{"stochastic", WeightRule::stochastic},
                               Name<WeightRule>{"kahan", WeightRule::kahan},
                               Name<WeightRule>{"collage_light", WeightRule::collage_light},
                               Name<WeightRule>{"collage_plus", WeightRule::collage_plus}};
constexpr std::array kScalings = {Name<LossScaling>{"none", LossScaling::none},
                                  Name<LossScaling>{"static", LossScaling::fixed},
                                  Name<LossScaling>{"dynamic", LossScaling::dynamic},
                                  Name<LossScaling>{"automatic", LossScaling::automatic}};

/// The fields' choices are the tables' names, so one of them is found.
template <class Table>
auto named(const Table& table, std::string_view text) {
  auto found = table.begin();
  while (found->text != text) ++found;
  return found->value;
}

}  // namespace

nn::OptimizerSpec binary32_optimizer(const Config& config) {
  nn::OptimizerSpec spec;
  spec.kind = named(kKinds, config.text("train.optimizer"));
  spec.beta1 = config.real("train.beta1");
  spec.beta2 = config.real("train.beta2");
  spec.epsilon = config.real("train.epsilon");
  spec.weight_decay = config.real("train.weight_decay");
  spec.momentum = config.real("train.momentum");
  spec.nesterov = config.boolean("train.nesterov");
  spec.muon.momentum = config.real("train.muon.momentum");
  spec.muon.nesterov = config.boolean("train.muon.nesterov");
  spec.muon.steps = static_cast<int>(config.integer("train.muon.steps"));
  spec.muon.scale = config.text("train.muon.scale") == "spectral" ? nn::MuonScale::spectral
                                                                  : nn::MuonScale::match_rms;
  spec.adafactor = {.decay = config.real("train.adafactor.decay"),
                    .clip = config.real("train.adafactor.clip"),
                    .relative_step = config.boolean("train.adafactor.relative_step")};
  spec.soap = {
      .decay = config.real("train.soap.decay"),
      .frequency = config.integer("train.soap.frequency"),
      .max_dimension = static_cast<std::size_t>(config.integer("train.soap.max_dimension"))};
  return spec;
}

nn::OptimizerSpec optimizer_spec(const Config& config) {
  nn::OptimizerSpec spec = binary32_optimizer(config);
  const auto quantizer = [&](const char* key) { return parse_quantizer(config.text(key)); };
  spec.first_moment = quantizer("precision.optimizer.first_moment");
  spec.second_moment = quantizer("precision.optimizer.second_moment");
  spec.arithmetic = quantizer("precision.optimizer.arithmetic");
  spec.muon.iterates = quantizer("precision.optimizer.newton_schulz");
  if (config.text("precision.master_weights") == "none") {
    spec.weights.master.reset();
  } else {
    spec.weights.master = quantizer("precision.master_weights");
  }
  spec.weights.storage = quantizer("precision.weight_storage");
  spec.weights.rule = named(kRules, config.text("precision.weight_update"));
  return spec;
}

QuantizerSpec weight_gradient_spec(const Config& config) {
  for (const char* key : {"precision.weight_gradient", "precision.stored_gradient"}) {
    if (config.has(key) && config.text(key) != "inherit") return parse_quantizer(config.text(key));
  }
  return parse_quantizer("binary32");
}

nn::LossScaleSpec loss_scale_spec(const Config& config) {
  return {.kind = named(kScalings, config.text("train.loss_scaling")),
          .scale = config.real("train.loss_scale"),
          .growth = config.real("train.loss_scale_growth"),
          .backoff = config.real("train.loss_scale_backoff"),
          .growth_interval = config.integer("train.loss_scale_growth_interval"),
          .saturation = to_double(max_finite(weight_gradient_spec(config).format))};
}

std::string optimizer_numerics(const Config& config) {
  std::string text;
  for (const char* key : {"precision.optimizer.first_moment", "precision.optimizer.second_moment",
                          "precision.optimizer.arithmetic", "precision.optimizer.newton_schulz",
                          "precision.master_weights", "precision.weight_storage"}) {
    const std::string& value = config.text(key);
    const bool is_exact = value != "none" && Quantizer(parse_quantizer(value)).is_identity();
    if (!is_exact)
      text += fmt::format("; {}={}", key + std::string_view("precision.").size(), value);
  }
  if (config.text("precision.weight_update") != "nearest") {
    text += fmt::format("; weight_update={}", config.text("precision.weight_update"));
  }
  if (config.text("train.loss_scaling") != "none") {
    text += fmt::format("; loss_scaling={}", config.text("train.loss_scaling"));
  }
  return text;
}

}  // namespace halfulp
