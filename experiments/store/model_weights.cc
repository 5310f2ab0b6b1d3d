#include "experiments/store/model_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "experiments/store/io_error.h"

namespace halfulp {
namespace {

std::string shape_text(const std::vector<std::size_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

const NamedTensor& tensor_for(const nn::Parameter& parameter, const Safetensors& content) {
  const auto found =
      std::find_if(content.tensors.begin(), content.tensors.end(),
                   [&](const NamedTensor& tensor) { return tensor.name == parameter.name; });
  if (found == content.tensors.end()) {
    throw IoError(fmt::format("there is no tensor '{}'", parameter.name));
  }
  const std::vector<std::size_t> matrix = {parameter.rows, parameter.cols};
  const bool is_row = parameter.rows == 1 && found->shape == std::vector{parameter.cols};
  if (found->shape != matrix && !is_row) {
    throw IoError(fmt::format("tensor '{}' is {}, the model's is {}", parameter.name,
                              shape_text(found->shape), shape_text(matrix)));
  }
  return *found;
}

}  // namespace

std::vector<NamedTensor> named_tensors(std::span<const float> weights,
                                       const std::vector<nn::SavedTensor>& tensors,
                                       TensorType type) {
  std::vector<NamedTensor> all;
  for (const nn::SavedTensor& tensor : tensors) {
    const std::size_t size = tensor.rows * tensor.cols;
    if (tensor.offset > weights.size() || size > weights.size() - tensor.offset) {
      throw nn::CheckpointError("tensor " + tensor.name + " is not within the weights");
    }
    const auto values = weights.subspan(tensor.offset, size);
    NamedTensor named = {tensor.name, {tensor.cols}, {values.begin(), values.end()}, type};
    if (tensor.rows > 1) named.shape = {tensor.rows, tensor.cols};
    all.push_back(std::move(named));
  }
  return all;
}

std::vector<float> model_weights(const Safetensors& content,
                                 const std::vector<nn::Parameter>& parameters, std::size_t size) {
  std::vector<float> weights(size);
  for (const nn::Parameter& parameter : parameters) {
    const NamedTensor& tensor = tensor_for(parameter, content);
    std::copy(tensor.values.begin(), tensor.values.end(),
              weights.begin() + static_cast<std::ptrdiff_t>(parameter.offset));
  }
  for (const NamedTensor& tensor : content.tensors) {
    if (std::none_of(parameters.begin(), parameters.end(),
                     [&](const nn::Parameter& one) { return one.name == tensor.name; })) {
      throw IoError(fmt::format("the model has no tensor '{}'", tensor.name));
    }
  }
  return weights;
}

}  // namespace halfulp
