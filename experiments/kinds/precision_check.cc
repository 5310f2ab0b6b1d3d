// Cross-field checks of the keys precision.*.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "experiments/kinds/precision_policy.h"
#include "experiments/kinds/precision_spec.h"
#include "formats/accumulator_spec.h"
#include "formats/spec.h"
#include "sim/accumulated_gemm.h"
#include "sim/format_functions.h"
#include "sim/nn/format_loss.h"
#include "sim/nn/operand_check.h"
#include "sim/nn/scale_propagation.h"

namespace halfulp {
namespace {

constexpr const char* kAccumulatorKeys[] = {"precision.accumulator",
                                            "precision.fprop.accumulator",
                                            "precision.dgrad.accumulator",
                                            "precision.wgrad.accumulator",
                                            "precision.head.accumulator",
                                            "precision.attention.scores.accumulator",
                                            "precision.attention.context.accumulator",
                                            "precision.attention.backward.accumulator",
                                            "precision.attention.grad_probabilities.accumulator",
                                            "precision.attention.grad_value.accumulator",
                                            "precision.attention.grad_query.accumulator",
                                            "precision.attention.grad_key.accumulator"};

/// Accumulators that arrays of binary32 cannot hold.
void check_accumulators(const Config& config, std::vector<ConfigIssue>& issues) {
  for (const char* key : kAccumulatorKeys) {
    const std::string& text = config.text(key);
    if (text == "inherit") continue;
    try {
      const AccumulatedGemm gemm(parse_accumulator(text));
    } catch (const SpecError& error) {
      issues.push_back({key, error.what()});
    }
  }
}

bool has_scales(const QuantizerSpec& spec) {
  return spec.block || spec.scale != ScaleRule::unscaled;
}

/// Formats in which functions cannot be evaluated.
void check_functions(const Config& config, std::vector<ConfigIssue>& issues) {
  for (const std::string key :
       {"precision.softmax", "precision.norm", "precision.activation_function", "precision.loss"}) {
    if (has_scales(parse_quantizer(config.text(key)))) {
      issues.push_back({key, fmt::format("'{}' has scales; add +unscaled", config.text(key))});
      continue;
    }
    try {
      const std::optional<Destination> to = function_destination(config, key.c_str());
      if (to && key == "precision.loss") {
        nn::FormatLoss{*to};
      } else if (to) {
        FormatFunctions{uniform_arithmetic(*to)};
      }
    } catch (const SpecError& error) {
      issues.push_back({key, error.what()});
    }
  }
}

/// Attention's outputs are rounded as they are made, before the amax of all is known.
void check_attention_outputs(const Config& config, std::vector<ConfigIssue>& issues) {
  for (const char* product : {"scores", "context", "backward", "grad_probabilities", "grad_value",
                              "grad_query", "grad_key"}) {
    std::string key = fmt::format("precision.attention.{}.output", product);
    const bool is_inherited = config.text(key) == "inherit";
    if (is_inherited && std::string_view(product) != "scores") continue;
    const std::string& text = config.text(is_inherited ? "precision.output" : key);
    if (!has_scales(parse_quantizer(text))) continue;
    issues.push_back({key, fmt::format("'{}' has scales, which outputs of attention's products "
                                       "cannot have; add +unscaled",
                                       text)});
  }
}

std::vector<std::string> layer_names(const nn::ModelConfig& model) {
  std::vector<std::string> layers = nn::linear_layer_names(model);
  const bool attends = model.mixer == nn::Mixer::attention;
  for (std::size_t i = 0; attends && i < model.blocks; ++i) {
    layers.push_back(nn::attention_name(i));
  }
  return layers;
}

/// Lines of precision.layers that cannot be read or that match no layer, or kept ones alone.
void check_layer_lines(const Config& config, const std::vector<std::string>& layers,
                       std::size_t blocks, std::vector<ConfigIssue>& issues) {
  const auto complain = [&](const std::string& text, const std::string& why) {
    issues.push_back({"precision.layers", fmt::format("'{}': {}", text, why)});
  };
  for (const std::string& text : config.text_list("precision.layers")) {
    try {
      const LayerLine line = parse_layer_line(text);
      const Config own = with_settings(config, line);
      linear_numerics(own);
      attention_numerics(own);
      std::vector<ConfigIssue> own_issues;
      check_accumulators(own, own_issues);
      check_attention_outputs(own, own_issues);
      for (const ConfigIssue& issue : own_issues) complain(text, issue.message);
      for (const auto& fault : nn::operand_faults(linear_numerics(own))) {
        complain(text, fmt::format("{}: {}", nn::to_string(fault.operand), fault.message));
      }
      const auto matches = [&](const std::string& layer) {
        return nn::keeps_high_precision({line.pattern}, layer, blocks);
      };
      const auto kept = [&](const std::string& layer) {
        return nn::keeps_high_precision(config.text_list("precision.keep_high"), layer, blocks);
      };
      if (std::none_of(layers.begin(), layers.end(), matches)) {
        complain(text, fmt::format("matches no layer; the layers are {}", fmt::join(layers, ", ")));
      } else if (std::all_of(layers.begin(), layers.end(),
                             [&](const auto& layer) { return !matches(layer) || kept(layer); })) {
        complain(text, "precision.keep_high keeps every layer that matches");
      }
    } catch (const SpecError& error) {
      complain(text, error.what());
    }
  }
}

/// Switches that end before they begin, and more kept blocks than there are.
void check_shares(const Config& config, std::size_t blocks, std::vector<ConfigIssue>& issues) {
  if (config.real("precision.switch_at") > config.real("precision.switch_until")) {
    issues.push_back({"precision.switch_until", "is below precision.switch_at"});
  }
  for (const char* key : {"precision.keep_first", "precision.keep_last"}) {
    if (config.integer(key) > static_cast<std::int64_t>(blocks)) {
      issues.push_back({key, fmt::format("the model has {} blocks", blocks)});
    }
  }
}

/// Patterns of precision.keep_high that match no layer.
void check_kept_layers(const Config& config, const std::vector<std::string>& layers,
                       std::size_t blocks, std::vector<ConfigIssue>& issues) {
  for (const std::string& pattern : config.text_list("precision.keep_high")) {
    const auto matched = std::any_of(layers.begin(), layers.end(), [&](const std::string& layer) {
      return nn::keeps_high_precision({pattern}, layer, blocks);
    });
    if (!matched) {
      issues.push_back(
          {"precision.keep_high", fmt::format("'{}' matches no layer; the layers are {}", pattern,
                                              fmt::join(layers, ", "))});
    }
  }
}

struct OperandKeys {
  const char* own;
  const char* inherited;
};

/// In the order of nn::Operand.
constexpr OperandKeys kOperandKeys[] = {{"precision.fprop.input", "precision.activation"},
                                        {"precision.fprop.weight", "precision.weight"},
                                        {"precision.dgrad.grad_output", "precision.gradient"},
                                        {"precision.dgrad.weight", "precision.weight"},
                                        {"precision.wgrad.grad_output", "precision.gradient"},
                                        {"precision.wgrad.input", "precision.activation"}};

struct LayerShape {
  const char* name;
  std::size_t in, out;
};

/// Operands that take scales from a model that gives none.
void check_propagation(const Config& config, const nn::ModelConfig& model,
                       const nn::ModelNumerics& numerics, std::vector<ConfigIssue>& issues) {
  if (nn::propagates_scales(model)) return;
  for (const nn::Operand operand : nn::kOperands) {
    if (!nn::is_propagated(nn::operand_of(numerics.linear, operand))) continue;
    issues.push_back(operand_issue(config, {operand, nn::kNoPropagation}));
  }
  for (const nn::LayerNumerics& layer : numerics.layers) {
    if (!nn::propagates(layer.linear)) continue;
    issues.push_back(
        {"precision.layers", fmt::format("{}: {}", layer.pattern, nn::kNoPropagation)});
  }
}

/// Operands that do not fit each other or the model's layers.
void check_operands(const Config& config, const nn::ModelConfig& model,
                    std::vector<ConfigIssue>& issues) {
  const nn::ModelNumerics numerics = model_numerics(config);
  for (const nn::OperandFault& fault : nn::operand_faults(numerics.linear)) {
    issues.push_back(operand_issue(config, fault));
  }
  check_propagation(config, model, numerics, issues);
  const bool is_gated = model.activation == nn::Activation::swiglu;
  const LayerShape shapes[] = {{"attention.qkv", model.width, 3 * model.width},
                               {"attention.output", model.width, model.width},
                               {"mlp.up", model.width, (is_gated ? 2 : 1) * model.hidden},
                               {"mlp.down", model.hidden, model.width},
                               {"head", model.width, model.vocabulary}};
  const std::vector<std::string> names = nn::linear_layer_names(model);
  const auto rows = static_cast<std::size_t>(config.integer("train.batch")) * model.context;
  for (const LayerShape& shape : shapes) {
    std::vector<std::string> layers;
    const bool is_head = std::string_view(shape.name) == "head";
    for (std::size_t i = 0; i < (is_head ? 1 : model.blocks); ++i) {
      layers.push_back(is_head ? "head" : fmt::format("blocks.{}.{}", i, shape.name));
    }
    const bool is_used = std::any_of(layers.begin(), layers.end(), [&](const std::string& layer) {
      return !nn::keeps_high_precision(numerics.high_precision, layer, model.blocks);
    });
    const bool exists = std::find(names.begin(), names.end(), layers.front()) != names.end();
    if (!is_used || !exists) continue;
    for (const auto& fault : nn::rotation_faults(numerics.linear, shape.in, shape.out, rows)) {
      issues.push_back(operand_issue(config, fault, fmt::format("{}: ", shape.name)));
    }
  }
}

}  // namespace

ConfigIssue operand_issue(const Config& config, const nn::OperandFault& fault,
                          const std::string& where) {
  const OperandKeys& keys = kOperandKeys[fault.operand];
  const bool inherits = config.text(keys.own) == "inherit";
  return {inherits ? keys.inherited : keys.own,
          fmt::format("{}{}{}", where, fault.message,
                      inherits ? fmt::format(" (as {})", keys.own) : "")};
}

std::vector<ConfigIssue> check_precision(const Config& config,
                                         const std::vector<std::string>& layers,
                                         std::size_t blocks) {
  std::vector<ConfigIssue> issues;
  check_accumulators(config, issues);
  check_functions(config, issues);
  check_attention_outputs(config, issues);
  check_layer_lines(config, layers, blocks, issues);
  check_shares(config, blocks, issues);
  check_kept_layers(config, layers, blocks, issues);
  return issues;
}

std::vector<ConfigIssue> check_precision(const Config& config, const nn::ModelConfig& model) {
  std::vector<ConfigIssue> issues = check_precision(config, layer_names(model), model.blocks);
  if (issues.empty()) check_operands(config, model, issues);  // reads what was checked before
  return issues;
}

}  // namespace halfulp
