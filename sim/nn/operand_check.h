// What the operands of one linear layer ask of each other and of its shape.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sim/nn/model_config.h"
#include "sim/nn/numerics.h"

namespace halfulp::nn {

/// The operands of LinearNumerics in the order of their fields; two for each product.
enum Operand : std::uint32_t {
  fprop_input,
  fprop_weight,
  dgrad_grad_output,
  dgrad_weight,
  wgrad_grad_output,
  wgrad_input,
};

inline constexpr Operand kOperands[] = {fprop_input,  fprop_weight,      dgrad_grad_output,
                                        dgrad_weight, wgrad_grad_output, wgrad_input};

/// "fprop_input".
const char* to_string(Operand operand);

const OperandSpec& operand_of(const LinearNumerics& numerics, Operand operand);

/// Whether its scales are trained with the weights.
bool is_learned(const OperandSpec& spec);

/// Whether its scales are those of sim/nn/scale_propagation.h.
bool is_propagated(const OperandSpec& spec);

/// Whether one of the operands' is.
bool propagates(const LinearNumerics& numerics);

/// Of the two that are gradients.
bool is_gradient(Operand operand);

struct OperandFault {
  Operand operand;
  std::string message;
};

/// Rotations and channel scales that the other side of a product lacks, and options that mean
/// nothing where they stand. Empty when all is well.
std::vector<OperandFault> operand_faults(const LinearNumerics& numerics);

/// Rotations that do not divide what their product sums over in a layer of this shape; `rows` (of
/// the batch): 0 where it is not known.
std::vector<OperandFault> rotation_faults(const LinearNumerics& numerics, std::size_t in,
                                          std::size_t out, std::size_t rows);

/// The trained scales of one layer, "NAME.weight_scale" and "NAME.input_scale", without offsets.
/// They start at 0, which the first training step replaces (LSQ: 2 mean|x| / sqrt(q_max); PACT:
/// the largest magnitude).
std::vector<Parameter> learned_parameters(const std::string& layer, std::size_t in, std::size_t out,
                                          const LinearNumerics& numerics);

}  // namespace halfulp::nn
