#include "experiments/kinds/precision_policy.h"

#include <algorithm>
#include <cmath>

#include "experiments/kinds/precision_spec.h"
#include "formats/accumulator_spec.h"

namespace halfulp {
namespace {

nn::TensorNumerics tensor_numerics(const Config& config) {
  const auto own = [&](const char* key) { return parse_quantizer(config.text(key)); };
  const auto activation = [&](const char* key) {
    return inherited_quantizer(config, key, "precision.stored_activation");
  };
  const auto gradient = [&](const char* key) {
    return inherited_quantizer(config, key, "precision.stored_gradient");
  };
  return {.embedding = own("precision.embedding"),
          .embedding_output = activation("precision.embedding_output"),
          .norm_parameter = own("precision.norm_parameter"),
          .norm_output = activation("precision.norm_output"),
          .activation_output = activation("precision.activation_output"),
          .residual = activation("precision.residual"),
          .logits_gradient = gradient("precision.logits_gradient"),
          .residual_gradient = gradient("precision.residual_gradient"),
          .activation_gradient = gradient("precision.activation_gradient"),
          .weight_gradient = gradient("precision.weight_gradient")};
}

nn::HeadNumerics head_numerics(const Config& config) {
  nn::HeadNumerics head;
  const auto set = [&](const char* key, std::optional<QuantizerSpec>& operand) {
    if (config.text(key) != "inherit") operand = parse_quantizer(config.text(key));
  };
  set("precision.head.weight", head.weight);
  set("precision.head.activation", head.activation);
  set("precision.head.gradient", head.gradient);
  set("precision.logits", head.output);
  const std::string& accumulator = config.text("precision.head.accumulator");
  if (accumulator != "inherit") head.accumulator = parse_accumulator(accumulator);
  return head;
}

nn::LayerSelection layer_selection(const Config& config) {
  const std::string& order = config.text("precision.keep_order");
  return {.first = static_cast<std::size_t>(config.integer("precision.keep_first")),
          .last = static_cast<std::size_t>(config.integer("precision.keep_last")),
          .share = config.real("precision.keep_share"),
          .order = order == "alternate" ? nn::LayerOrder::alternate
                   : order == "evenly"  ? nn::LayerOrder::evenly
                                        : nn::LayerOrder::end};
}

void set_accumulators(const Config& config, nn::AttentionNumerics& attention) {
  const auto accumulator = [&](const std::string& product, const AccumulatorSpec& inherited) {
    const std::string& own = config.text("precision.attention." + product + ".accumulator");
    return own == "inherit" ? inherited : parse_accumulator(own);
  };
  const AccumulatorSpec all = parse_accumulator(config.text("precision.accumulator"));
  const AccumulatorSpec backward = accumulator("backward", all);
  attention.scores = accumulator("scores", all);
  attention.context = accumulator("context", all);
  attention.grad_probabilities = accumulator("grad_probabilities", backward);
  attention.grad_value = accumulator("grad_value", backward);
  attention.grad_query = accumulator("grad_query", backward);
  attention.grad_key = accumulator("grad_key", backward);
}

}  // namespace

QuantizerSpec inherited_quantizer(const Config& config, const char* key, const char* inherited) {
  const std::string& own = config.text(key);
  return parse_quantizer(own == "inherit" ? config.text(inherited) : own);
}

nn::AttentionNumerics attention_numerics(const Config& config) {
  nn::AttentionNumerics attention;
  set_accumulators(config, attention);
  // Each key inherits from the one that it is set with.
  const auto set = [&](const char* key, const QuantizerSpec& inherited) {
    const std::string& own = config.text(std::string("precision.attention.") + key);
    return own == "inherit" ? inherited : parse_quantizer(own);
  };
  const QuantizerSpec operand = set("operand", {});
  attention.query_operand = set("query", operand);
  attention.key_operand = set("key", operand);
  attention.value_operand = set("value", operand);
  attention.probabilities_operand = set("probabilities", operand);
  const QuantizerSpec gradient = set("gradient", operand);
  attention.grad_output_operand = set("grad_output", gradient);
  attention.grad_scores_operand = set("grad_scores", gradient);
  const QuantizerSpec cache = set("kv_cache", {});
  attention.key_cache = set("key_cache", cache);
  attention.value_cache = set("value_cache", cache);
  attention.caches_in_training = config.text("precision.attention.kv_cache_in") == "always";
  const QuantizerSpec output = parse_quantizer(config.text("precision.output"));
  attention.scores_output = set("scores.output", output);
  attention.context_output = set("context.output", output);
  const QuantizerSpec backward = set("backward.output", output);
  attention.grad_probabilities_output = set("grad_probabilities.output", backward);
  attention.grad_value_output = set("grad_value.output", backward);
  attention.grad_query_output = set("grad_query.output", backward);
  attention.grad_key_output = set("grad_key.output", backward);
  return attention;
}

void add_policy(const Config& config, nn::ModelNumerics& numerics) {
  numerics.selection = layer_selection(config);
  numerics.high_format = parse_quantizer(config.text("precision.keep_high_format"));
  for (const std::string& text : config.text_list("precision.layers")) {
    const LayerLine line = parse_layer_line(text);
    const Config own = with_settings(config, line);
    numerics.layers.push_back({line.pattern, text, linear_numerics(own), attention_numerics(own)});
  }
  numerics.head = head_numerics(config);
  numerics.tensors = tensor_numerics(config);
}

void set_switch(const Config& config, std::int64_t updates, nn::ModelNumerics& numerics) {
  const auto update = [&](const char* key) {
    const double share = config.real(key);
    if (share >= 1.0) return nn::NumericsSwitch::kNever;
    // A share that was meant to hit an update, as 0.07 of 100, must not miss it by an ulp.
    return static_cast<std::uint32_t>(std::ceil(share * static_cast<double>(updates) - 1e-9));
  };
  const std::string& operands = config.text("precision.switch_operands");
  numerics.switch_to = {.from = update("precision.switch_at"),
                        .until = update("precision.switch_until"),
                        .forward = operands != "backward",
                        .backward = operands != "forward",
                        .to = parse_quantizer(config.text("precision.switch_to"))};
}

}  // namespace halfulp
