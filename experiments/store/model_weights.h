// The weights of a model as tensors of a safetensors file, and back.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "experiments/store/safetensors.h"
#include "sim/nn/checkpoint.h"
#include "sim/nn/model_config.h"

namespace halfulp {

/// Each tensor with its place in `weights`; a single row becomes a vector. Throws
/// nn::CheckpointError for a tensor that is not within them.
std::vector<NamedTensor> named_tensors(std::span<const float> weights,
                                       const std::vector<nn::SavedTensor>& tensors,
                                       TensorType type);

/// `size` numbers with the tensors at the offsets of `parameters` and zeros between. Throws
/// IoError, naming the tensor, when `content` has not exactly the tensors of the model: rows x
/// cols, or cols for a single row.
std::vector<float> model_weights(const Safetensors& content,
                                 const std::vector<nn::Parameter>& parameters, std::size_t size);

}  // namespace halfulp
