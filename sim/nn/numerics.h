// The precision policy of a model: which quantizer each operand of each linear product goes
// through, and which layers keep binary32.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/quantizer.h"

namespace halfulp::nn {

/// The six operands of a linear layer's three products:
///   fprop  y  = input weight^T        dgrad  dx = grad_output weight        wgrad  dw =
///   grad_output^T input
/// Gradients pass straight through every quantizer. Where two products name the same quantizer for
/// one tensor it is quantized once and shared (as autograd does); stochastic draws are then shared
/// too. Blocks with the axis k run along the reduction of their product: fprop's operands and
/// dgrad's gradient along their rows, the other three down their columns.
struct LinearNumerics {
  QuantizerSpec fprop_input, fprop_weight;
  QuantizerSpec dgrad_grad_output, dgrad_weight;
  QuantizerSpec wgrad_grad_output, wgrad_input;
  friend bool operator==(const LinearNumerics&, const LinearNumerics&) = default;
};

/// All six operands in binary32.
LinearNumerics binary32_numerics();

struct ModelNumerics {
  LinearNumerics linear = binary32_numerics();
  /// Layers that keep binary32: names with `*` as wildcard ("head", "blocks.0.*", "*.mlp.down"), or
  /// block indices as "blocks.0", "blocks.-1" (counted from the end), which mean the whole block.
  std::vector<std::string> high_precision = {"head"};
};

/// True when `layer` of a model with `blocks` blocks matches one of the patterns.
bool keeps_high_precision(const std::vector<std::string>& patterns, std::string_view layer,
                          std::size_t blocks);

}  // namespace halfulp::nn
