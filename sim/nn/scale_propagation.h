// Scales that follow from the network instead of from the numbers: the operand option `propagated`.
//
// Every tensor is a pair (data, scale) whose scale is a power of two, and every operation has a
// rule that gives the scale of its result from those of what it reads, so that data that is
// independent and of unit variance stays so. Rules: those of graphcore-research/jax-scalify
// (Balanca et al. 2024, arXiv 2407.17353), powers of two rounded down:
//   parameter        its initial standard deviation; gains, and biases, 1
//   sum of n terms   scale times sqrt(n); a product of tensors has the product of their scales
//   a + b            sqrt(a^2 + b^2);  joined tensors: the larger one
//   norm, exp, tanh  1
// Scales of gradients start anew where the RMS of a gradient is measured, "dynamic rescaling": at
// the logits and after each norm, which have no rule that holds.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/nn/model_config.h"

namespace halfulp::nn {

/// Scales of one linear layer's operands. `gradient` is that of the output's gradient over the
/// scale of the last gradient that was rescaled.
struct LayerScales {
  float input = 1.0F, weight = 1.0F, gradient = 1.0F;
  friend bool operator==(const LayerScales&, const LayerScales&) = default;
};

struct BlockScales {
  LayerScales qkv, output, up, down;
};

/// The same in all blocks: norms reset what enters a branch.
struct PropagatedScales {
  BlockScales block;
  LayerScales head;
};

/// Whether the rules cover the model: attention and one feed-forward layer a block, without the
/// multipliers of a parameterization.
bool propagates_scales(const ModelConfig& config);

inline constexpr const char* kNoPropagation =
    "scales are propagated through attention and feed-forward layers alone, without experts and "
    "without the multipliers of a parameterization";

/// From model_parameters(). Throws std::invalid_argument unless propagates_scales().
PropagatedScales propagated_scales(const ModelConfig& config);

/// The largest power of two not above x; 1 where x is 0 or not finite.
double power_of_two_below(double x);

/// The scale after dynamic rescaling of n numbers: the power of two not above their RMS, whose sum
/// of squares is added in binary64 as unit_squares() does for rows of `cols`. 1 where they are all
/// 0 or not finite.
float rescaled(const float* x, std::size_t rows, std::size_t cols);

}  // namespace halfulp::nn
