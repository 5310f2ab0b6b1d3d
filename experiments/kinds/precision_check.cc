// Cross-field checks of the keys precision.*.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "experiments/kinds/precision_spec.h"
#include "formats/accumulator_spec.h"
#include "formats/spec.h"
#include "sim/accumulated_gemm.h"
#include "sim/format_functions.h"

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

}  // namespace

std::vector<ConfigIssue> check_precision(const Config& config,
                                         const std::vector<std::string>& layers,
                                         std::size_t blocks) {
  std::vector<ConfigIssue> issues;
  check_accumulators(config, issues);
  check_functions(config, issues);
  check_kept_layers(config, layers, blocks, issues);
  return issues;
}

std::vector<ConfigIssue> check_precision(const Config& config, const nn::ModelConfig& model) {
  std::vector<std::string> layers = nn::linear_layer_names(model);
  const bool attends = model.mixer == nn::Mixer::attention;
  for (std::size_t i = 0; attends && i < model.blocks; ++i) {
    layers.push_back(nn::attention_name(i));
  }
  return check_precision(config, layers, model.blocks);
}

}  // namespace halfulp
