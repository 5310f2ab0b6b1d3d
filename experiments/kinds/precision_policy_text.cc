// The policy's part of the numerics string.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "experiments/kinds/precision_policy.h"
#include "formats/accumulator_spec.h"

namespace halfulp {
namespace {

/// "; NAME(a=..., b=...)" of what is not binary32; empty where nothing is.
class Group {
 public:
  explicit Group(const char* name) : name_(name) {}

  void add(const char* key, const QuantizerSpec& spec) {
    if (spec != nn::binary32_quantizer())
      parts_.push_back(fmt::format("{}={}", key, to_spec(spec)));
  }

  /// The head's, which may be stronger than what it replaces, so that binary32 is named too.
  void add(const char* key, const std::optional<QuantizerSpec>& spec) {
    if (spec) parts_.push_back(fmt::format("{}={}", key, to_spec(*spec)));
  }

  void add(std::string part) { parts_.push_back(std::move(part)); }

  std::string text() const {
    return parts_.empty() ? "" : fmt::format("; {}({})", name_, fmt::join(parts_, ", "));
  }

 private:
  const char* name_;
  std::vector<std::string> parts_;
};

std::string output_text(const nn::ModelNumerics& numerics) {
  const nn::AttentionNumerics& attention = numerics.attention;
  Group outputs("outputs");
  outputs.add("fprop", numerics.linear.fprop_output);
  outputs.add("dgrad", numerics.linear.dgrad_output);
  outputs.add("wgrad", numerics.linear.wgrad_output);
  outputs.add("scores", attention.scores_output);
  outputs.add("context", attention.context_output);
  outputs.add("grad_probabilities", attention.grad_probabilities_output);
  outputs.add("grad_value", attention.grad_value_output);
  outputs.add("grad_query", attention.grad_query_output);
  outputs.add("grad_key", attention.grad_key_output);
  return outputs.text();
}

std::string attention_text(const nn::AttentionNumerics& attention) {
  Group operands("attention_operands");
  operands.add("query", attention.query_operand);
  operands.add("key", attention.key_operand);
  operands.add("value", attention.value_operand);
  operands.add("probabilities", attention.probabilities_operand);
  operands.add("grad_output", attention.grad_output_operand);
  operands.add("grad_scores", attention.grad_scores_operand);
  Group cache(attention.caches_in_training ? "kv_cache" : "kv_cache_in_evaluation");
  cache.add("key", attention.key_cache);
  cache.add("value", attention.value_cache);
  return operands.text() + cache.text();
}

std::string tensor_text(const nn::TensorNumerics& numerics) {
  Group tensors("tensors");
  tensors.add("embedding", numerics.embedding);
  tensors.add("embedding_output", numerics.embedding_output);
  tensors.add("norm_parameter", numerics.norm_parameter);
  tensors.add("norm_output", numerics.norm_output);
  tensors.add("activation_output", numerics.activation_output);
  tensors.add("residual", numerics.residual);
  tensors.add("logits_gradient", numerics.logits_gradient);
  tensors.add("residual_gradient", numerics.residual_gradient);
  tensors.add("activation_gradient", numerics.activation_gradient);
  tensors.add("weight_gradient", numerics.weight_gradient);
  return tensors.text();
}

std::string head_text(const nn::HeadNumerics& numerics) {
  Group head("head");
  head.add("weight", numerics.weight);
  head.add("activation", numerics.activation);
  head.add("gradient", numerics.gradient);
  head.add("output", numerics.output);
  if (numerics.accumulator) {
    head.add(fmt::format("accumulator={}", to_spec(*numerics.accumulator)));
  }
  return head.text();
}

std::string kept_text(const nn::ModelNumerics& numerics) {
  const auto& [first, last, share, order] = numerics.selection;
  Group kept("keep_high");
  if (first > 0) kept.add(fmt::format("first_blocks={}", first));
  if (last > 0) kept.add(fmt::format("last_blocks={}", last));
  if (share > 0.0) kept.add(fmt::format("share={} {}", share, to_string(order)));
  kept.add("format", numerics.high_format);
  return kept.text();
}

std::string switch_text(const nn::NumericsSwitch& to) {
  if (to.from == nn::NumericsSwitch::kNever) return {};
  const char* operands = !to.backward ? "forward" : !to.forward ? "backward" : "all";
  const std::string until =
      to.until == nn::NumericsSwitch::kNever ? "" : fmt::format(", before_update={}", to.until);
  return fmt::format("; switch(from_update={}{}, operands={}, to={})", to.from, until, operands,
                     to_spec(to.to));
}

std::string layers_text(const std::vector<nn::LayerNumerics>& layers) {
  std::vector<std::string> lines;
  for (const nn::LayerNumerics& own : layers) lines.push_back(own.text);
  return lines.empty() ? "" : fmt::format("; layers[{}]", fmt::join(lines, " | "));
}

}  // namespace

std::string policy_text(const nn::ModelNumerics& numerics) {
  return output_text(numerics) + attention_text(numerics.attention) +
         tensor_text(numerics.tensors) + head_text(numerics.head) + kept_text(numerics) +
         layers_text(numerics.layers) + switch_text(numerics.switch_to);
}

}  // namespace halfulp
