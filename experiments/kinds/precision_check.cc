// Cross-field checks of the keys precision.*.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "experiments/kinds/precision_spec.h"
#include "formats/accumulator_spec.h"
#include "formats/spec.h"
#include "sim/accumulated_gemm.h"
#include "sim/format_functions.h"
#include "sim/nn/operand_check.h"

namespace halfulp {
namespace {

constexpr const char* kAccumulatorKeys[] = {"precision.accumulator",
                                            "precision.fprop.accumulator",
                                            "precision.dgrad.accumulator",
                                            "precision.wgrad.accumulator",
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

/// Formats in which functions cannot be evaluated.
void check_functions(const Config& config, std::vector<ConfigIssue>& issues) {
  for (const char* key : {"precision.softmax", "precision.norm", "precision.activation_function"}) {
    const QuantizerSpec spec = parse_quantizer(config.text(key));
    if (spec.block || spec.scale != ScaleRule::unscaled) {
      issues.push_back({key, fmt::format("'{}' has scales; add +unscaled", config.text(key))});
      continue;
    }
    try {
      const std::optional<Destination> to = function_destination(config, key);
      if (to) FormatFunctions{uniform_arithmetic(*to)};
    } catch (const SpecError& error) {
      issues.push_back({key, error.what()});
    }
  }
}

/// Patterns of precision.keep_high that match no layer.
void check_kept_layers(const Config& config, const nn::ModelConfig& model,
                       std::vector<ConfigIssue>& issues) {
  std::vector<std::string> layers = nn::linear_layer_names(model);
  for (std::size_t i = 0; i < model.blocks; ++i) layers.push_back(nn::attention_name(i));
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

/// Operands that do not fit each other or the model's layers.
void check_operands(const Config& config, const nn::ModelConfig& model,
                    std::vector<ConfigIssue>& issues) {
  const nn::ModelNumerics numerics = model_numerics(config);
  const auto report = [&](const nn::OperandFault& fault, const std::string& where) {
    const OperandKeys& keys = kOperandKeys[fault.operand];
    const bool inherits = config.text(keys.own) == "inherit";
    issues.push_back({inherits ? keys.inherited : keys.own,
                      fmt::format("{}{}{}", where, fault.message,
                                  inherits ? fmt::format(" (as {})", keys.own) : "")});
  };
  for (const nn::OperandFault& fault : nn::operand_faults(numerics.linear)) report(fault, "");
  const bool is_gated = model.activation == nn::Activation::swiglu;
  const LayerShape shapes[] = {{"attention.qkv", model.width, 3 * model.width},
                               {"attention.output", model.width, model.width},
                               {"mlp.up", model.width, (is_gated ? 2 : 1) * model.hidden},
                               {"mlp.down", model.hidden, model.width},
                               {"head", model.width, model.vocabulary}};
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
    if (!is_used) continue;
    for (const auto& fault : nn::rotation_faults(numerics.linear, shape.in, shape.out, rows)) {
      report(fault, fmt::format("{}: ", shape.name));
    }
  }
}

}  // namespace

std::vector<ConfigIssue> check_precision(const Config& config, const nn::ModelConfig& model) {
  std::vector<ConfigIssue> issues;
  check_accumulators(config, issues);
  check_functions(config, issues);
  check_kept_layers(config, model, issues);
  check_operands(config, model, issues);
  return issues;
}

}  // namespace halfulp
