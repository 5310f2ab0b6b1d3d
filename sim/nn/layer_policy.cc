#include "sim/nn/layer_policy.h"

#include <algorithm>
#include <cmath>

namespace halfulp::nn {
namespace {

constexpr std::string_view kHead = "head";

/// Whether layer `i` of `n` is one of the `count` that are kept.
bool is_selected(LayerOrder order, std::size_t i, std::size_t n, std::size_t count) {
  const std::size_t from_end = n - 1 - i;
  switch (order) {
    case LayerOrder::end:
      return from_end < count;
    case LayerOrder::alternate:
      return from_end < (count + 1) / 2 || i < count / 2;
    case LayerOrder::evenly:
      return (i + 1) * count / n > i * count / n;
  }
  return false;
}

}  // namespace

std::vector<std::string> selected_layers(const LayerSelection& selection,
                                         std::span<const std::string> linear_layers,
                                         std::size_t blocks) {
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < blocks; ++i) {
    if (i < selection.first || blocks - i <= selection.last) {
      kept.push_back("blocks." + std::to_string(i));
    }
  }
  std::vector<std::string> layers;
  std::copy_if(linear_layers.begin(), linear_layers.end(), std::back_inserter(layers),
               [](const std::string& name) { return name != kHead; });
  const double wanted = selection.share * static_cast<double>(layers.size());
  const auto count = static_cast<std::size_t>(std::floor(wanted + 0.5));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (is_selected(selection.order, i, layers.size(), count)) kept.push_back(layers[i]);
  }
  return kept;
}

LayerPolicy::LayerPolicy(const ModelNumerics& numerics, std::span<const std::string> linear_layers,
                         std::size_t blocks)
    : numerics_(numerics), blocks_(blocks), high_precision_(numerics.high_precision) {
  for (std::string& layer : selected_layers(numerics.selection, linear_layers, blocks)) {
    high_precision_.push_back(std::move(layer));
  }
}

bool LayerPolicy::keeps_high(std::string_view layer) const {
  return keeps_high_precision(high_precision_, layer, blocks_);
}

const LayerNumerics* LayerPolicy::find(std::string_view layer) const {
  const LayerNumerics* found = nullptr;
  for (const LayerNumerics& own : numerics_.layers) {
    if (keeps_high_precision({own.pattern}, layer, blocks_)) found = &own;
  }
  return found;
}

LinearNumerics LayerPolicy::linear(std::string_view layer) const {
  const LayerNumerics* own = find(layer);
  LinearNumerics linear = own != nullptr ? own->linear : numerics_.linear;
  if (keeps_high(layer)) {
    for (auto* operand : {&linear.fprop_input, &linear.fprop_weight, &linear.dgrad_grad_output,
                          &linear.dgrad_weight, &linear.wgrad_grad_output, &linear.wgrad_input}) {
      *operand = numerics_.high_format;
    }
    linear.fprop = linear.dgrad = linear.wgrad = binary32_accumulator();
  }
  if (layer != kHead) return linear;
  const HeadNumerics& head = numerics_.head;
  if (head.weight) linear.fprop_weight = linear.dgrad_weight = *head.weight;
  if (head.activation) linear.fprop_input = linear.wgrad_input = *head.activation;
  if (head.gradient) linear.dgrad_grad_output = linear.wgrad_grad_output = *head.gradient;
  if (head.output) linear.fprop_output = *head.output;
  if (head.accumulator) linear.fprop = linear.dgrad = linear.wgrad = *head.accumulator;
  return linear;
}

AttentionNumerics LayerPolicy::attention(std::string_view layer) const {
  const LayerNumerics* own = find(layer);
  AttentionNumerics attention = own != nullptr ? own->attention : numerics_.attention;
  if (!keeps_high(layer)) return attention;
  for (auto* operand : {&attention.query_operand, &attention.key_operand, &attention.value_operand,
                        &attention.probabilities_operand, &attention.grad_output_operand,
                        &attention.grad_scores_operand}) {
    *operand = numerics_.high_format;
  }
  for (auto* accumulator : {&attention.scores, &attention.context, &attention.grad_probabilities,
                            &attention.grad_value, &attention.grad_query, &attention.grad_key}) {
    *accumulator = binary32_accumulator();
  }
  return attention;
}

}  // namespace halfulp::nn
