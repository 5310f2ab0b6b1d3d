// What a training step is keyed by, and what may be watched in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "sim/matrix.h"

namespace halfulp::nn {

/// One operand of a binary32 linear layer before it is quantized.
struct LinearOperand {
  enum class Role : std::uint8_t { input, weight, grad_output };
  const std::string& layer;
  Role role;
  ConstMatrix tensor;  ///< rows x in, out x in, rows x out
};

using OperandObserver = std::function<void(const LinearOperand&)>;

/// One operand of a product as it was quantized.
struct QuantizedOperand {
  const std::string& layer;
  std::string_view operand;  ///< "fprop_input", ..., as in LinearNumerics
  ConstMatrix before;        ///< what the quantizer was given (after transforms)
  ConstMatrix after;         ///< the numbers of its codes times scales; the same shape
  /// What lies beyond the format: x with x > high s or x < low s, s the scale of x's unit. Units
  /// tile the tensor with unit_rows x unit_cols elements each, one element of `scales` for each.
  ConstMatrix scales;
  std::size_t unit_rows, unit_cols;
  float low, high;
};

/// The memory is valid during the call.
using QuantizationObserver = std::function<void(const QuantizedOperand&)>;

/// What stochastic rounding is keyed by, and who looks on.
struct StepKey {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;  ///< updates made before; with kEvaluation set outside of training
  /// Called for input and weight in forward() and for grad_output in backward() of binary32 layers;
  /// the memory is valid during the call.
  const OperandObserver* observer = nullptr;
  /// What the loss is multiplied by before the backward pass: gradients come out times it.
  double loss_scale = 1.0;
  /// Called for every operand that a product quantizes (sim/nn/quantization_watch.h).
  const QuantizationObserver* quantization = nullptr;

  static constexpr std::uint32_t kEvaluation = 0x80000000U;

  /// Evaluations draw other random numbers and leave running statistics alone.
  bool is_evaluation() const { return (step & kEvaluation) != 0; }

  /// Updates made before, in training and evaluation.
  std::uint32_t updates() const { return step & ~kEvaluation; }
};

}  // namespace halfulp::nn
