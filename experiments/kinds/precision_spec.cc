#include "experiments/kinds/precision_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "experiments/kinds/precision_policy.h"
#include "formats/accumulator_spec.h"
#include "formats/functions.h"
#include "formats/properties.h"
#include "formats/spec.h"
#include "sim/nn/emulated_product.h"

namespace halfulp {

std::optional<Destination> function_destination(const Config& config, const char* key) {
  const QuantizerSpec spec = parse_quantizer(config.text(key));
  if (Quantizer(spec).is_identity()) return std::nullopt;
  Destination to = {spec.format, spec.rounding};
  if (has_infinity(to.format) && to.rounding.overflow == Overflow::saturate) {
    to.rounding.overflow = Overflow::infinity;
  }
  return to;
}

nn::LinearNumerics linear_numerics(const Config& config) {
  const auto operand = [&](const char* key, const char* inherited) {
    const std::string& own = config.text(key);
    return nn::parse_operand(own == "inherit" ? config.text(inherited) : own);
  };
  const auto accumulator = [&](const char* key) {
    const std::string& own = config.text(key);
    return parse_accumulator(own == "inherit" ? config.text("precision.accumulator") : own);
  };
  return {
      .fprop_input = operand("precision.fprop.input", "precision.activation"),
      .fprop_weight = operand("precision.fprop.weight", "precision.weight"),
      .dgrad_grad_output = operand("precision.dgrad.grad_output", "precision.gradient"),
      .dgrad_weight = operand("precision.dgrad.weight", "precision.weight"),
      .wgrad_grad_output = operand("precision.wgrad.grad_output", "precision.gradient"),
      .wgrad_input = operand("precision.wgrad.input", "precision.activation"),
      .fprop = accumulator("precision.fprop.accumulator"),
      .dgrad = accumulator("precision.dgrad.accumulator"),
      .wgrad = accumulator("precision.wgrad.accumulator"),
      .fprop_output = inherited_quantizer(config, "precision.fprop.output", "precision.output"),
      .dgrad_output = inherited_quantizer(config, "precision.dgrad.output", "precision.output"),
      .wgrad_output = inherited_quantizer(config, "precision.wgrad.output", "precision.output")};
}

nn::ModelNumerics model_numerics(const Config& config) {
  nn::ModelNumerics numerics;
  numerics.linear = linear_numerics(config);
  numerics.attention = attention_numerics(config);
  numerics.high_precision = config.text_list("precision.keep_high");
  numerics.functions = {.softmax = function_destination(config, "precision.softmax"),
                        .norm = function_destination(config, "precision.norm"),
                        .activation = function_destination(config, "precision.activation_function"),
                        .loss = function_destination(config, "precision.loss")};
  add_policy(config, numerics);
  return numerics;
}

namespace {

/// One operand in the numerics string: its quantizer and, where a product keeps its scales apart,
/// when it applies them.
struct OperandText {
  const char* name;
  const nn::OperandSpec& spec;
  bool reduces_rows;

  std::string text(const AccumulatorSpec& accumulator) const {
    const nn::ScaleUse use = nn::scale_use(accumulator, nn::product_quantizer(spec), reduces_rows);
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

bool is_straight_through(const nn::LinearNumerics& linear) {
  return linear.fprop_input.estimator.rule == nn::Estimator::straight_through &&
         linear.fprop_weight.estimator.rule == nn::Estimator::straight_through;
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
  add("loss", functions.loss);
  return text;
}

}  // namespace

std::string numerics_text(const nn::ModelNumerics& numerics) {
  const nn::LinearNumerics& linear = numerics.linear;
  const nn::AttentionNumerics& attention = numerics.attention;
  return fmt::format(
      "{}; {}; {}; attention(scores={}, context={}, grad_probabilities={}, grad_value={}, "
      "grad_query={}, grad_key={}); estimator={}; binary32_sums=fused_chain "
      "ascending_k; keep_high=[{}]{}{}; others=binary32; random=philox4x32-10",
      product_text("fprop", {"input", linear.fprop_input, false},
                   {"weight", linear.fprop_weight, false}, linear.fprop),
      product_text("dgrad", {"grad_output", linear.dgrad_grad_output, false},
                   {"weight", linear.dgrad_weight, true}, linear.dgrad),
      product_text("wgrad", {"grad_output", linear.wgrad_grad_output, true},
                   {"input", linear.wgrad_input, true}, linear.wgrad),
      to_spec(attention.scores), to_spec(attention.context), to_spec(attention.grad_probabilities),
      to_spec(attention.grad_value), to_spec(attention.grad_query), to_spec(attention.grad_key),
      is_straight_through(linear) ? "straight_through" : "as named, else straight_through",
      fmt::join(numerics.high_precision, ","), functions_text(numerics.functions),
      policy_text(numerics));
}

}  // namespace halfulp
