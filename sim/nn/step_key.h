// What a training step is keyed by, and what may be watched in it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

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

/// What stochastic rounding is keyed by, and who looks on.
struct StepKey {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  /// Called for input and weight in forward() and for grad_output in backward() of binary32 layers;
  /// the memory is valid during the call.
  const OperandObserver* observer = nullptr;
};

}  // namespace halfulp::nn
