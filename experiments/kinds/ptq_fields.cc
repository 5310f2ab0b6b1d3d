#include "experiments/kinds/ptq_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <variant>

#include "experiments/kinds/kept_weights.h"
#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/model_spec.h"
#include "experiments/kinds/optimizer_spec.h"
#include "experiments/kinds/precision_spec.h"
#include "experiments/kinds/ptq_layers.h"
#include "experiments/kinds/training_spec.h"
#include "sim/nn/fixed_scales.h"
#include "sim/nn/operand_check.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr double kLow = -1e308, kHigh = 1e308;

constexpr std::array kFields = {
    Field{"ptq.trunks", text, "results/ptq_trunks",
          "folder of results of the sweep that trained the models", kLow, kHigh, "", false},
    Field{"ptq.tokens_per_parameter", real, "20",
          "which kept weights: training bytes per block parameter", 1e-6, 1e9},
    Field{"ptq.weight", operand, "int4+row", "quantizer of the blocks' weights"},
    Field{"ptq.codebook", choice, "own",
          "quantiles: the codebook of ptq.weight is replaced by as many quantiles of each tensor",
          0, 0, "own|quantiles"},
    Field{"ptq.layout", choice, "matrix",
          "flat: groups run through a tensor's rows one after the other, as one row", 0, 0,
          "matrix|flat"},
    Field{"ptq.method", choice, "round",
          "round: to the nearest; gptq: column by column with error feedback", 0, 0, "round|gptq"},
    Field{"ptq.calibration_sequences", integer, "128",
          "gptq: windows of training text that Hessians are taken from", 1, 1e6},
    Field{"ptq.damping", real, "0.01", "gptq: share of the mean diagonal added to it", 0, 1e3},
    Field{"ptq.order", choice, "as_is",
          "gptq: columns as they are, or by descending diagonal (act-order)", 0, 0,
          "as_is|by_diagonal"},
    Field{"ptq.group_scales", choice, "on_the_fly",
          "gptq: scales of groups from the columns when it is their turn, or from the weights "
          "before",
          0, 0, "on_the_fly|static"},
    Field{"ptq.activation", operand, "binary32",
          "inputs of the quantized layers in the evaluation; binary32: as in training"},
    Field{"ptq.rest", quantizer, "binary32", "weights of the blocks' other layers"},
    Field{"ptq.share", real, "1", "share of the blocks' parameters that is quantized, in layers", 0,
          1},
    Field{"ptq.share_order", choice, "drawn", "which layers come first", 0, 0, "drawn|first"},
    Field{"ptq.draw", integer, "0", "number of the drawn order", 0, 1e9},
    Field{"ptq.keep_high", text_list, "",
          "layers that are not quantized: names with *, blocks.0, blocks.-1"},
};

void check_layers(const Config& config, std::vector<ConfigIssue>& issues) {
  const nn::ModelConfig model = model_config(config);
  const std::vector<nn::Parameter> layers = block_layers(model);
  for (const std::string& pattern : config.text_list("ptq.keep_high")) {
    const bool matches = std::any_of(layers.begin(), layers.end(), [&](const auto& layer) {
      return nn::keeps_high_precision({pattern}, layer.name, model.blocks);
    });
    if (matches) continue;
    std::vector<std::string> names;
    for (const nn::Parameter& layer : layers) names.push_back(layer.name);
    issues.push_back(
        {"ptq.keep_high", fmt::format("'{}' matches none of {}", pattern, fmt::join(names, ", "))});
  }
}

void check_weight(const Config& config, std::vector<ConfigIssue>& issues) {
  const nn::OperandSpec weight = nn::parse_operand(config.text("ptq.weight"));
  const bool is_gptq = config.text("ptq.method") == "gptq";
  nn::OperandSpec deterministic = weight;
  if (!is_gptq) deterministic.quantizer.rounding = {};
  const std::string fault = nn::fixed_scales_fault(deterministic);
  if (!fault.empty()) {
    issues.push_back({"ptq.weight", fault});
    return;
  }
  const Format& format =
      weight.quantizer.block ? weight.quantizer.block->element : weight.quantizer.format;
  if (config.text("ptq.codebook") == "quantiles" &&
      !std::holds_alternative<CodebookFormat>(format)) {
    issues.push_back({"ptq.codebook", "ptq.weight has no codebook; write quantile(4,normal)"});
  }
  if (is_gptq && config.text("ptq.layout") == "flat") {
    issues.push_back({"ptq.layout", "gptq goes through the columns of the matrix"});
  }
  if (is_gptq && config.text("ptq.order") == "by_diagonal" &&
      config.text("ptq.group_scales") == "on_the_fly" &&
      nn::FixedScales(weight).group_columns() != 0) {
    issues.push_back(
        {"ptq.order", "columns leave their groups; set ptq.group_scales = \"static\""});
  }
}

void check_activation(const Config& config, std::vector<ConfigIssue>& issues) {
  nn::LinearNumerics numerics = nn::binary32_numerics();
  numerics.fprop_input = nn::parse_operand(config.text("ptq.activation"));
  if (numerics.fprop_input.scaling.source == nn::ScaleSource::delayed) {
    issues.push_back({"ptq.activation", "there is no history of scales"});
  } else if (numerics.fprop_input.scaling.source == nn::ScaleSource::learned ||
             numerics.fprop_input.scaling.source == nn::ScaleSource::learned_clip) {
    issues.push_back({"ptq.activation", "scales are learned in training alone"});
  } else if (const auto faults = nn::operand_faults(numerics); !faults.empty()) {
    issues.push_back({"ptq.activation", faults.front().message});
  }
}

void check_point(const Config& config, std::vector<ConfigIssue>& issues) {
  const nn::ModelConfig model = model_config(config);
  const double point = config.real("ptq.tokens_per_parameter");
  const std::int64_t updates = updates_at(config, model, point);
  if (updates > step_count(config, model)) {
    issues.push_back({"ptq.tokens_per_parameter",
                      fmt::format("{} bytes per parameter are after the last of {} updates", point,
                                  step_count(config, model))});
    return;
  }
  const auto kept = kept_updates(config);
  if (!kept.empty() && kept.count(updates) == 0) {
    issues.push_back(
        {"ptq.tokens_per_parameter", fmt::format("{} is none of train.keep_weights_at", point)});
  }
}

}  // namespace

std::span<const Field> ptq_fields() {
  static const std::vector<Field> all = [] {
    std::vector<Field> fields;
    for (const Field& field : language_model_fields()) {
      const bool is_of_training = field.changes_numbers && !field.key.starts_with("evaluation.");
      if (is_of_training || field.key == "evaluation.bytes" ||
          field.key == "train.keep_weights_at") {
        fields.push_back(field);
      }
    }
    fields.insert(fields.end(), kFields.begin(), kFields.end());
    return fields;
  }();
  return all;
}

std::vector<ConfigIssue> check_ptq(const Config& config) {
  std::vector<ConfigIssue> issues = check_model_and_data(config);
  for (ConfigIssue& issue : check_precision(config, model_config(config))) {
    issues.push_back(std::move(issue));
  }
  for (ConfigIssue& issue : check_kept_weights(config)) issues.push_back(std::move(issue));
  for (ConfigIssue& issue : check_optimizer(config)) issues.push_back(std::move(issue));
  if (!issues.empty()) return issues;
  check_layers(config, issues);
  check_weight(config, issues);
  check_activation(config, issues);
  check_point(config, issues);
  return issues;
}

}  // namespace halfulp
