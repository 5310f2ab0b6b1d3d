#include "experiments/kinds/language_model_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "formats/accumulator_spec.h"
#include "formats/functions.h"
#include "formats/properties.h"
#include "formats/spec.h"
#include "sim/accumulated_gemm.h"
#include "sim/format_functions.h"
#include "sim/nn/emulated_product.h"

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

/// Format and rounding of a function's operations: a quantizer without scale, with infinity where
/// the format has one; none for binary32.
std::optional<Destination> function_destination(const Config& config, const char* key) {
  const QuantizerSpec spec = parse_quantizer(config.text(key));
  if (Quantizer(spec).is_identity()) return std::nullopt;
  Destination to = {spec.format, spec.rounding};
  if (has_infinity(to.format) && to.rounding.overflow == Overflow::saturate) {
    to.rounding.overflow = Overflow::infinity;
  }
  return to;
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
  const auto accumulator = [&](const std::string& product, const AccumulatorSpec& inherited) {
    const std::string& own = config.text("precision." + product + ".accumulator");
    return own == "inherit" ? inherited : parse_accumulator(own);
  };
  const AccumulatorSpec all = parse_accumulator(config.text("precision.accumulator"));
  numerics.linear.fprop = accumulator("fprop", all);
  numerics.linear.dgrad = accumulator("dgrad", all);
  numerics.linear.wgrad = accumulator("wgrad", all);
  const AccumulatorSpec backward = accumulator("attention.backward", all);
  numerics.attention = {.scores = accumulator("attention.scores", all),
                        .context = accumulator("attention.context", all),
                        .grad_probabilities = accumulator("attention.grad_probabilities", backward),
                        .grad_value = accumulator("attention.grad_value", backward),
                        .grad_query = accumulator("attention.grad_query", backward),
                        .grad_key = accumulator("attention.grad_key", backward)};
  numerics.high_precision = config.text_list("precision.keep_high");
  numerics.functions = {
      .softmax = function_destination(config, "precision.softmax"),
      .norm = function_destination(config, "precision.norm"),
      .activation = function_destination(config, "precision.activation_function")};
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

/// One operand in the numerics string: its quantizer and, where a product keeps its scales apart,
/// when it applies them.
struct OperandText {
  const char* name;
  const QuantizerSpec& spec;
  bool reduces_rows;

  std::string text(const AccumulatorSpec& accumulator) const {
    const nn::ScaleUse use = nn::scale_use(accumulator, spec, reduces_rows);
    const bool is_plain = use == nn::ScaleUse::in_operand;
    return fmt::format("{}={}{}{}", name, to_spec(spec), is_plain ? "" : " scaled ",
                       is_plain ? "" : to_string(use));
  }
};

std::string product_text(const char* name, const OperandText& a, const OperandText& b,
                         const AccumulatorSpec& accumulator) {
  return fmt::format("{}({}, {}, accumulator={})", name, a.text(accumulator), b.text(accumulator),
                     to_spec(accumulator));
}

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

/// "; softmax=bfloat16+nearest_even+infinity" and so on for functions that are not in binary32.
std::string functions_text(const nn::FunctionNumerics& functions) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<Destination>& to) {
    if (!to) return;
    text += fmt::format("; {}={}+{}+{}", name, to_spec(to->format),
                        rounding_to_string(to->rounding), to_string(to->rounding.overflow));
  };
  add("softmax", functions.softmax);
  add("norm", functions.norm);
  add("activation_function", functions.activation);
  return text;
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

std::string training_key(const Config& config) {
  std::string key;
  for (const auto& [name, value] : config.values()) {
    const std::string group = name.substr(0, name.find('.'));
    const bool matters = group == "model" || group == "data" || group == "train";
    if (matters) key += name + "=" + to_text(value) + "\n";
  }
  return key;
}

/// 6 N per byte at a GEMM's rate (2.5 times that under accumulators that round), plus element-wise
/// work per block and channel; calibrated in docs/BENCHMARKS.md's machine.
double training_seconds(const nn::TrainSpec& spec) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  constexpr double kFlopsPerSecond = 105e9, kSecondsPerChannel = 25e-9;
  const nn::LinearNumerics& linear = spec.numerics.linear;
  const bool rounds = linear.fprop != binary32_accumulator() ||
                      linear.dgrad != binary32_accumulator() ||
                      linear.wgrad != binary32_accumulator();
  const double slowdown = rounds ? 2.5 : 1.0;
  const double per_byte =
      slowdown * 6.0 * number(nn::total_parameters(spec.model)) / kFlopsPerSecond +
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
  check_accumulators(config, issues);
  check_functions(config, issues);
  const nn::ModelConfig model = model_config(config);
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
  return issues;
}

std::string language_model_numerics(const Config& config) {
  const nn::ModelNumerics numerics = model_numerics(config);
  const nn::LinearNumerics& linear = numerics.linear;
  const nn::AttentionNumerics& attention = numerics.attention;
  return fmt::format(
      "{}; {}; {}; attention(scores={}, context={}, grad_probabilities={}, grad_value={}, "
      "grad_query={}, grad_key={}); estimator=straight_through; binary32_sums=fused_chain "
      "ascending_k; keep_high=[{}]{}; others=binary32; random=philox4x32-10",
      product_text("fprop", {"input", linear.fprop_input, false},
                   {"weight", linear.fprop_weight, false}, linear.fprop),
      product_text("dgrad", {"grad_output", linear.dgrad_grad_output, false},
                   {"weight", linear.dgrad_weight, true}, linear.dgrad),
      product_text("wgrad", {"grad_output", linear.wgrad_grad_output, true},
                   {"input", linear.wgrad_input, true}, linear.wgrad),
      to_spec(attention.scores), to_spec(attention.context), to_spec(attention.grad_probabilities),
      to_spec(attention.grad_value), to_spec(attention.grad_query), to_spec(attention.grad_key),
      fmt::join(numerics.high_precision, ","), functions_text(numerics.functions));
}

}  // namespace halfulp
