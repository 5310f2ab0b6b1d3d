// The precision policy of a model: which quantizer each operand of each product goes through, under
// which accumulator each product is summed, how results and the tensors between products are
// stored, which layers keep high precision, and when that changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/accumulator.h"
#include "sim/nn/operand_spec.h"
#include "sim/quantizer.h"

namespace halfulp::nn {

/// Leaves a tensor as it is.
QuantizerSpec binary32_quantizer();

/// The six operands of a linear layer's three products:
///   fprop  y  = input weight^T        dgrad  dx = grad_output weight        wgrad  dw =
///   grad_output^T input
/// Gradients pass through fprop's operands as their estimators say (sim/nn/operand_spec.h). Where
/// two products name the same operand for one tensor, estimators aside, it is quantized once and
/// shared (as autograd does); stochastic draws are then shared too. Blocks with the axis k run
/// along the reduction of their product: fprop's operands and dgrad's gradient along their rows,
/// the other three down their columns. How scales and accumulators go together:
/// sim/nn/emulated_product.h. Outputs are the results as they are stored (LinearLayer rounds them):
/// what follows, backward too, reads the rounded numbers.
struct LinearNumerics {
  OperandSpec fprop_input, fprop_weight;
  OperandSpec dgrad_grad_output, dgrad_weight;
  OperandSpec wgrad_grad_output, wgrad_input;
  AccumulatorSpec fprop = binary32_accumulator();
  AccumulatorSpec dgrad = binary32_accumulator();
  AccumulatorSpec wgrad = binary32_accumulator();
  QuantizerSpec fprop_output = binary32_quantizer();
  QuantizerSpec dgrad_output = binary32_quantizer();
  QuantizerSpec wgrad_output = binary32_quantizer();
  friend bool operator==(const LinearNumerics&, const LinearNumerics&) = default;
};

/// Operands, accumulators and outputs in binary32.
LinearNumerics binary32_numerics();

/// Attention's six products, the accumulator of each first:
///   forward   scores = query key^T                     context = probabilities value
///   backward  grad_probabilities = grad_output value^T   grad_value = probabilities^T grad_output
///             grad_query = grad_scores key             grad_key = grad_scores^T query
/// Operands: query and key are rounded after their rotation; backward's products and the softmax's
/// gradient take the query, key, value and probabilities that forward rounded. The unit of every
/// quantizer is the matrix of one head of one sequence (a scale of the tensor is one for that
/// matrix); blocks with the axis k run along forward's reductions: along the head for query and
/// key, down the positions for value, along the positions for probabilities, and along the rows of
/// the two gradients.
/// Caches are keys (after rotation) and values as they are stored between positions; the operands
/// key and value are rounded from the stored numbers. Queries and probabilities are never stored.
/// Outputs are the results of the products as they are stored (scores before their scaling by
/// 1 / sqrt(head width)); without scales.
struct AttentionNumerics {
  AccumulatorSpec scores = binary32_accumulator();
  AccumulatorSpec context = binary32_accumulator();
  AccumulatorSpec grad_probabilities = binary32_accumulator();
  AccumulatorSpec grad_value = binary32_accumulator();
  AccumulatorSpec grad_query = binary32_accumulator();
  AccumulatorSpec grad_key = binary32_accumulator();
  QuantizerSpec query_operand = binary32_quantizer();
  QuantizerSpec key_operand = binary32_quantizer();
  QuantizerSpec value_operand = binary32_quantizer();
  QuantizerSpec probabilities_operand = binary32_quantizer();
  QuantizerSpec grad_output_operand = binary32_quantizer();
  QuantizerSpec grad_scores_operand = binary32_quantizer();
  QuantizerSpec key_cache = binary32_quantizer();
  QuantizerSpec value_cache = binary32_quantizer();
  bool caches_in_training = true;  ///< false: only evaluations store keys and values rounded
  QuantizerSpec scores_output = binary32_quantizer();
  QuantizerSpec context_output = binary32_quantizer();
  QuantizerSpec grad_probabilities_output = binary32_quantizer();
  QuantizerSpec grad_value_output = binary32_quantizer();
  QuantizerSpec grad_query_output = binary32_quantizer();
  QuantizerSpec grad_key_output = binary32_quantizer();
  friend bool operator==(const AttentionNumerics&, const AttentionNumerics&) = default;
};

/// Forward functions evaluated with every operation rounded (formats/functions.h); none: binary32
/// as in sim/nn/kernels.h. Backward passes stay in binary32 and take the rounded probabilities of
/// softmax, and the unrounded statistics of norms.
struct FunctionNumerics {
  std::optional<Destination> softmax;              ///< of attention
  std::optional<Destination> norm;                 ///< of all norms, the final one too
  std::optional<Destination> activation;           ///< of the feed-forward layers
  std::optional<Destination> loss = std::nullopt;  ///< cross entropy and its gradient
  friend bool operator==(const FunctionNumerics&, const FunctionNumerics&) = default;
};

/// Tensors between the products, as they are stored: each is rounded once, when it is complete, and
/// everything that follows reads the rounded numbers, backward included; gradients pass straight
/// through. Tables, gains and biases keep their own values in the optimizer.
struct TensorNumerics {
  QuantizerSpec embedding = binary32_quantizer();         ///< token and position tables as used
  QuantizerSpec embedding_output = binary32_quantizer();  ///< what enters the residual stream
  QuantizerSpec norm_parameter = binary32_quantizer();    ///< gains and biases as used
  QuantizerSpec norm_output = binary32_quantizer();       ///< of all norms, the final one too
  QuantizerSpec activation_output = binary32_quantizer();
  QuantizerSpec residual = binary32_quantizer();  ///< after each addition
  QuantizerSpec logits_gradient = binary32_quantizer();
  /// After the final norm's and after each branch's addition, backward.
  QuantizerSpec residual_gradient = binary32_quantizer();
  /// Behind the activation function, and of queries, keys and values behind the rotation.
  QuantizerSpec activation_gradient = binary32_quantizer();
  /// Of every parameter, complete and with the loss scale in it.
  QuantizerSpec weight_gradient = binary32_quantizer();
  friend bool operator==(const TensorNumerics&, const TensorNumerics&) = default;
};

/// Which linear layers a share of them means, in the order they run forward.
enum class LayerOrder : std::uint8_t {
  end,        ///< the last ones
  alternate,  ///< last, first, last but one, second, ...
  evenly,     ///< layer i of n where floor((i + 1) k / n) > floor(i k / n), the last among them
};

std::string_view to_string(LayerOrder);

/// Layers that keep high precision besides those that are named.
struct LayerSelection {
  std::size_t first = 0, last = 0;  ///< whole blocks
  double share = 0.0;  ///< of the linear layers without the head: the nearest count, halves up
  LayerOrder order = LayerOrder::end;
  friend bool operator==(const LayerSelection&, const LayerSelection&) = default;
};

/// What the layers that match a pattern have instead of ModelNumerics::linear and ::attention.
struct LayerNumerics {
  std::string pattern;
  std::string text;  ///< what is different, for the numerics string
  LinearNumerics linear;
  AttentionNumerics attention;
};

/// The head's own operands and output (the logits); none: those of its layer.
struct HeadNumerics {
  std::optional<QuantizerSpec> weight = {}, activation = {}, gradient = {}, output = {};
  std::optional<AccumulatorSpec> accumulator = {};
  friend bool operator==(const HeadNumerics&, const HeadNumerics&) = default;
};

/// In updates `from` to `until` - 1 (and in evaluations with so many updates made) the operands
/// named go through `to`; those in binary32 stay so.
struct NumericsSwitch {
  static constexpr std::uint32_t kNever = 0xffffffffU;
  std::uint32_t from = kNever, until = kNever;
  bool forward = true;   ///< fprop's operands; query, key, value and probabilities
  bool backward = true;  ///< dgrad's and wgrad's operands; attention's two gradients
  QuantizerSpec to = binary32_quantizer();

  bool is_on(std::uint32_t updates) const { return updates >= from && updates < until; }

  friend bool operator==(const NumericsSwitch&, const NumericsSwitch&) = default;
};

/// Numerics in the updates where the switch is on.
LinearNumerics switched(LinearNumerics numerics, const NumericsSwitch& to);
AttentionNumerics switched(AttentionNumerics numerics, const NumericsSwitch& to);

struct ModelNumerics {
  LinearNumerics linear = binary32_numerics();
  /// Layers whose operands have `high_format` and whose accumulators are binary32 (outputs and
  /// caches are stored as in all layers): names with `*` as wildcard ("head", "blocks.0.*",
  /// "*.mlp.down"), or block indices as "blocks.0", "blocks.-1" (counted from the end), which mean
  /// the whole block. Attention's products are the layer "blocks.0.attention.products".
  std::vector<std::string> high_precision = {"head"};
  AttentionNumerics attention = {};
  FunctionNumerics functions = {};
  LayerSelection selection = {};
  QuantizerSpec high_format = binary32_quantizer();
  std::vector<LayerNumerics> layers = {};  ///< the last that matches a layer decides
  HeadNumerics head = {};                  ///< stronger than all of the above
  TensorNumerics tensors = {};
  NumericsSwitch switch_to = {};
};

/// True when `layer` of a model with `blocks` blocks matches one of the patterns.
bool keeps_high_precision(const std::vector<std::string>& patterns, std::string_view layer,
                          std::size_t blocks);

}  // namespace halfulp::nn
