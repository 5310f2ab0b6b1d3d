// What parts of a model that live in files of their own see of it.
#pragma once

#include <functional>
#include <string>

#include "sim/nn/linear_layer.h"

namespace halfulp::nn {

/// A model's tensors by name, and its linear layers, which are made with its numerics.
template <class T>
struct ModelParts {
  std::function<T*(const std::string&)> weight, gradient;
  std::function<LinearLayer<T>(const std::string& name)> linear;
};

}  // namespace halfulp::nn
