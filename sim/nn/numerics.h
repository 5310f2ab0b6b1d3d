// The precision policy of a model: which quantizer each operand of each linear product goes
// through, under which accumulator each product is summed, and which layers keep binary32.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/accumulator.h"
#include "sim/quantizer.h"

namespace halfulp::nn {

/// The six operands of a linear layer's three products:
///   fprop  y  = input weight^T        dgrad  dx = grad_output weight        wgrad  dw =
///   grad_output^T input
/// Gradients pass straight through every quantizer. Where two products name the same quantizer for
/// one tensor it is quantized once and shared (as autograd does); stochastic draws are then shared
/// too. Blocks with the axis k run along the reduction of their product: fprop's operands and
/// dgrad's gradient along their rows, the other three down their columns. How scales and
/// accumulators go together: sim/nn/emulated_product.h.
struct LinearNumerics {
  QuantizerSpec fprop_input, fprop_weight;
  QuantizerSpec dgrad_grad_output, dgrad_weight;
  QuantizerSpec wgrad_grad_output, wgrad_input;
  AccumulatorSpec fprop = binary32_accumulator();
  AccumulatorSpec dgrad = binary32_accumulator();
  AccumulatorSpec wgrad = binary32_accumulator();
  friend bool operator==(const LinearNumerics&, const LinearNumerics&) = default;
};

/// All six operands and all accumulators in binary32.
LinearNumerics binary32_numerics();

/// The accumulators of attention's six products of binary32 operands:
///   forward   scores = query key^T                     context = probabilities value
///   backward  grad_probabilities = grad_context value^T   grad_value = probabilities^T
///   grad_context
///             grad_query = grad_scores key             grad_key = grad_scores^T query
struct AttentionNumerics {
  AccumulatorSpec scores = binary32_accumulator();
  AccumulatorSpec context = binary32_accumulator();
  AccumulatorSpec grad_probabilities = binary32_accumulator();
  AccumulatorSpec grad_value = binary32_accumulator();
  AccumulatorSpec grad_query = binary32_accumulator();
  AccumulatorSpec grad_key = binary32_accumulator();
  friend bool operator==(const AttentionNumerics&, const AttentionNumerics&) = default;
};

/// Forward functions evaluated with every operation rounded (formats/functions.h); none: binary32
/// as in sim/nn/kernels.h. Backward passes stay in binary32 and take the rounded probabilities of
/// softmax, and the unrounded statistics of norms.
struct FunctionNumerics {
  std::optional<Destination> softmax;     ///< of attention
  std::optional<Destination> norm;        ///< of all norms, the final one too
  std::optional<Destination> activation;  ///< of the feed-forward layers
  friend bool operator==(const FunctionNumerics&, const FunctionNumerics&) = default;
};

struct ModelNumerics {
  LinearNumerics linear = binary32_numerics();
  /// Layers that keep binary32: names with `*` as wildcard ("head", "blocks.0.*", "*.mlp.down"), or
  /// block indices as "blocks.0", "blocks.-1" (counted from the end), which mean the whole block.
  /// Attention's products are the layer "blocks.0.attention.products".
  std::vector<std::string> high_precision = {"head"};
  AttentionNumerics attention = {};
  FunctionNumerics functions = {};
  QuantizerSpec state = parse_quantizer("binary32");  ///< of a state-space mixer
  QuantizerSpec norm_parameter = parse_quantizer("binary32");  ///< gains and biases as used
};

/// True when `layer` of a model with `blocks` blocks matches one of the patterns.
bool keeps_high_precision(const std::vector<std::string>& patterns, std::string_view layer,
                          std::size_t blocks);

}  // namespace halfulp::nn
