// Operands of the linear layers of a model that was trained in binary32: tensors to quantize.
#pragma once

#include <string>
#include <vector>

#include "experiments/config.h"

namespace halfulp {

struct Tensor {
  std::vector<float> values;  ///< row-major
  std::size_t rows = 0, cols = 0;
};

/// The operand of layer tensor.layer in the last update of a training run by the keys of model,
/// data and train with seed tensor.seed. Role: "weight", "activation" (the layer's input) or
/// "gradient" (of its output). A model is trained once in a process and shared by the workers that
/// fork from it. Throws DataError.
const Tensor& trained_tensor(const Config& config, const std::string& role);

}  // namespace halfulp
