// Cross-field checks of the keys of the optimizer and of loss scaling.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "experiments/harness/schema.h"
#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/optimizer_spec.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

/// A key and the choices of `selector` that read it.
struct Reader {
  std::string_view key, selector, choices;
};

constexpr std::array kReaders = {
    Reader{"train.beta1", "train.optimizer", "adamw|muon|soap|shampoo"},
    Reader{"train.beta2", "train.optimizer", "adamw|muon|soap|shampoo"},
    Reader{"train.epsilon", "train.optimizer", "adamw|muon|soap|shampoo"},
    Reader{"train.momentum", "train.optimizer", "sgd"},
    Reader{"train.nesterov", "train.optimizer", "sgd"},
    Reader{"train.muon.momentum", "train.optimizer", "muon"},
    Reader{"train.muon.nesterov", "train.optimizer", "muon"},
    Reader{"train.muon.steps", "train.optimizer", "muon"},
    Reader{"train.muon.scale", "train.optimizer", "muon"},
    Reader{"train.adafactor.decay", "train.optimizer", "adafactor"},
    Reader{"train.adafactor.clip", "train.optimizer", "adafactor"},
    Reader{"train.adafactor.relative_step", "train.optimizer", "adafactor"},
    Reader{"train.soap.frequency", "train.optimizer", "soap|shampoo"},
    Reader{"train.soap.decay", "train.optimizer", "soap|shampoo"},
    Reader{"train.soap.max_dimension", "train.optimizer", "soap|shampoo"},
    Reader{"precision.optimizer.first_moment", "train.optimizer", "adamw|sgd|muon|soap|shampoo"},
    Reader{"precision.optimizer.second_moment", "train.optimizer",
           "adamw|adafactor|muon|soap|shampoo"},
    Reader{"precision.optimizer.arithmetic", "train.optimizer", "adamw|sgd"},
    Reader{"precision.optimizer.newton_schulz", "train.optimizer", "muon"},
    Reader{"train.loss_scale", "train.loss_scaling", "static|dynamic|automatic"},
    Reader{"train.loss_scale_growth_interval", "train.loss_scaling", "dynamic|automatic"},
    Reader{"train.loss_scale_growth", "train.loss_scaling", "dynamic|automatic"},
    Reader{"train.loss_scale_backoff", "train.loss_scaling", "dynamic|automatic"},
};

const Value& value_of(const Config& config, std::string_view key) {
  return config.values().find(key)->second;
}

void check_readers(const Config& config, const Config& defaults, std::vector<ConfigIssue>& issues) {
  for (const Reader& reader : kReaders) {
    const bool is_set =
        config.has(reader.key) && value_of(config, reader.key) != value_of(defaults, reader.key);
    const std::string& chosen = config.text(reader.selector);
    bool reads = false;
    for (const std::string& choice : harness::split(reader.choices, '|')) reads |= choice == chosen;
    if (!reads && is_set) {
      issues.push_back(
          {std::string(reader.key), fmt::format("is not read with {} = \"{}\", only with {}",
                                                reader.selector, chosen, reader.choices)});
    }
  }
}

/// Whether making an optimizer with `change` applied to binary32 throws; the message goes to `key`.
template <class Change>
bool complains(const Config& config, const char* key, const Change& change,
               std::vector<ConfigIssue>& issues) {
  static const std::vector<nn::Parameter> kMatrix = {{"matrix", 0, 1, 1, 0.0, 0.0, true}};
  nn::OptimizerSpec spec = binary32_optimizer(config);
  change(spec);
  try {
    nn::make_optimizer(spec, kMatrix);
    return false;
  } catch (const SpecError& error) {
    issues.push_back({key, error.what()});
    return true;
  }
}

void check_formats(const Config& config, std::vector<ConfigIssue>& issues) {
  const nn::OptimizerSpec wanted = optimizer_spec(config);
  bool found = complains(
      config, "precision.optimizer.first_moment",
      [&](nn::OptimizerSpec& spec) { spec.first_moment = wanted.first_moment; }, issues);
  found |= complains(
      config, "precision.optimizer.second_moment",
      [&](nn::OptimizerSpec& spec) { spec.second_moment = wanted.second_moment; }, issues);
  found |= complains(
      config, "precision.optimizer.arithmetic",
      [&](nn::OptimizerSpec& spec) { spec.arithmetic = wanted.arithmetic; }, issues);
  found |= complains(
      config, "precision.optimizer.newton_schulz",
      [&](nn::OptimizerSpec& spec) { spec.muon.iterates = wanted.muon.iterates; }, issues);
  const bool holds = !complains(
      config, "precision.weight_storage",
      [&](nn::OptimizerSpec& spec) { spec.weights.storage = wanted.weights.storage; }, issues);
  if (found || !holds) return;
  complains(
      config, "precision.weight_update", [&](nn::OptimizerSpec& spec) { spec = wanted; }, issues);
}

/// Scaled gradients do not saturate, and binary32 ones never would.
void check_saturation(const Config& config, std::vector<ConfigIssue>& issues) {
  if (config.text("train.loss_scaling") != "automatic") return;
  const QuantizerSpec spec = weight_gradient_spec(config);
  if (!spec.block && spec.scale == ScaleRule::unscaled && !Quantizer(spec).is_identity()) return;
  issues.push_back({"train.loss_scaling",
                    "automatic counts weight gradients that saturate; precision.weight_gradient "
                    "must be a narrow format without scales, as e4m3fn+unscaled"});
}

}  // namespace

std::vector<ConfigIssue> check_optimizer(const Config& config) {
  std::vector<Field> fields(optimizer_fields().begin(), optimizer_fields().end());
  for (const auto group : {training_fields(), optimizer_precision_fields()}) {
    fields.insert(fields.end(), group.begin(), group.end());
  }
  const Config defaults = harness::Schema(fields).defaults();
  std::vector<ConfigIssue> issues;
  check_readers(config, defaults, issues);
  if (issues.empty()) check_formats(config, issues);
  check_saturation(config, issues);
  return issues;
}

}  // namespace halfulp
