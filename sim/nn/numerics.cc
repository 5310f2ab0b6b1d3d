#include "sim/nn/numerics.h"

#include <charconv>

namespace halfulp::nn {
namespace {

/// Glob match with `*` for any run of characters.
bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (text.substr(0, star) != pattern.substr(0, star)) return false;
  pattern.remove_prefix(star + 1);
  text.remove_prefix(star);
  for (std::size_t skip = 0; skip <= text.size(); ++skip) {
    if (matches(pattern, text.substr(skip))) return true;
  }
  return false;
}

/// "blocks.-1" becomes "blocks.<last>"; other patterns stay.
std::string count_from_the_end(std::string_view pattern, std::size_t blocks) {
  constexpr std::string_view kPrefix = "blocks.-";
  if (pattern.substr(0, kPrefix.size()) != kPrefix) return std::string(pattern);
  const std::string_view rest = pattern.substr(kPrefix.size());
  std::size_t back = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), back);
  if (error != std::errc() || back == 0 || back > blocks) return std::string(pattern);
  return "blocks." + std::to_string(blocks - back) +
         std::string(rest.substr(static_cast<std::size_t>(end - rest.data())));
}

template <class Spec>  // QuantizerSpec or OperandSpec
void replace(Spec& operand, const NumericsSwitch& to) {
  if (operand != Spec(binary32_quantizer())) operand = Spec(to.to);
}

}  // namespace

QuantizerSpec binary32_quantizer() {
  static const QuantizerSpec exact = parse_quantizer("binary32");
  return exact;
}

LinearNumerics binary32_numerics() {
  const QuantizerSpec exact = binary32_quantizer();
  return {exact, exact, exact, exact, exact, exact};
}

std::string_view to_string(LayerOrder order) {
  switch (order) {
    case LayerOrder::end:
      return "end";
    case LayerOrder::alternate:
      return "alternate";
    case LayerOrder::evenly:
      return "evenly";
  }
  return {};
}

LinearNumerics switched(LinearNumerics numerics, const NumericsSwitch& to) {
  if (to.forward) {
    for (auto* operand : {&numerics.fprop_input, &numerics.fprop_weight}) replace(*operand, to);
  }
  if (to.backward) {
    for (auto* operand : {&numerics.dgrad_grad_output, &numerics.dgrad_weight,
                          &numerics.wgrad_grad_output, &numerics.wgrad_input}) {
      replace(*operand, to);
    }
  }
  return numerics;
}

AttentionNumerics switched(AttentionNumerics numerics, const NumericsSwitch& to) {
  if (to.forward) {
    for (auto* operand : {&numerics.query_operand, &numerics.key_operand, &numerics.value_operand,
                          &numerics.probabilities_operand}) {
      replace(*operand, to);
    }
  }
  if (to.backward) {
    replace(numerics.grad_output_operand, to);
    replace(numerics.grad_scores_operand, to);
  }
  return numerics;
}

bool keeps_high_precision(const std::vector<std::string>& patterns, std::string_view layer,
                          std::size_t blocks) {
  for (const std::string& raw : patterns) {
    const std::string pattern = count_from_the_end(raw, blocks);
    if (matches(pattern, layer) || matches(pattern + ".*", layer)) return true;
  }
  return false;
}

}  // namespace halfulp::nn
