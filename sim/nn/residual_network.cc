#include "sim/nn/residual_network.h"

#include <algorithm>
#include <cmath>

namespace halfulp::nn {
namespace {

std::string block_name(std::size_t i) { return "blocks." + std::to_string(i); }

/// Columns that the activation function reads.
std::size_t raised_width(const ResidualConfig& config) {
  return config.function == UnitFunction::swiglu ? 2 * config.hidden : config.hidden;
}

}  // namespace

std::vector<Parameter> residual_parameters(const ResidualConfig& config) {
  const auto std_of = [](std::size_t inputs) {
    return 1.0 / std::sqrt(3.0 * static_cast<double>(inputs));
  };
  ParameterBuilder builder;
  for (std::size_t i = 0; i < config.layers; ++i) {
    const std::string block = block_name(i);
    if (config.norm != ResidualNorm::none) builder.vector(block + ".norm.gain", config.width, 1.0);
    if (config.norm == ResidualNorm::layer_norm) {
      builder.vector(block + ".norm.bias", config.width, 0.0);
    }
    builder.matrix(block + ".up.weight", raised_width(config), config.width, std_of(config.width));
    builder.matrix(block + ".down.weight", config.width, config.hidden, std_of(config.hidden));
    builder.vector(block + ".down.bias", config.width, 0.0);
  }
  return builder.take();
}

std::vector<std::string> linear_layer_names(const ResidualConfig& config) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < config.layers; ++i) {
    names.push_back(block_name(i) + ".up");
    names.push_back(block_name(i) + ".down");
  }
  return names;
}

template <class T>
ResidualNetwork<T>::ResidualNetwork(const ResidualConfig& config, const ModelNumerics& numerics,
                                    std::size_t max_rows)
    : config_(config),
      parameters_(residual_parameters(config)),
      functions_(numerics.functions),
      rounding_(numerics.tensors, parameters_.list()) {
  const LayerPolicy policy(numerics, linear_layer_names(config), config.layers);
  for (std::size_t i = 0; i < config.layers; ++i) add_block(i, numerics, policy, max_rows);
  stream_.resize(max_rows * config.width);
  branch_.resize(max_rows * config.width);
}

template <class T>
void ResidualNetwork<T>::add_block(std::size_t number, const ModelNumerics& numerics,
                                   const LayerPolicy& policy, std::size_t max_rows) {
  const std::string block = block_name(number);
  const auto index = static_cast<std::uint32_t>(number);
  const std::size_t width = config_.width, raised = raised_width(config_);
  LayerChain<T> chain(max_rows);
  if (config_.norm != ResidualNorm::none) {
    const Norm kind = config_.norm == ResidualNorm::layer_norm ? Norm::layer_norm : Norm::rms_norm;
    chain.push(make_channel_norm<T>(kind, block + ".norm", 1, width, parameters_, functions_,
                                    numerics, index),
               width, width);
  }
  const std::string up = block + ".up", down = block + ".down";
  const Affine<T> raise = {parameters_.weight(up + ".weight"), parameters_.gradient(up + ".weight"),
                           nullptr, nullptr};
  chain.push(make_dense<T>(up, width, raised, raise, policy, 2 * index), width, raised);
  chain.push(make_unit_function<T>(config_.function, config_.hidden, functions_, index), raised,
             config_.hidden);
  chain.push(make_dense<T>(down, config_.hidden, width, Affine<T>::of(parameters_, down), policy,
                           2 * index + 1),
             config_.hidden, width);
  branches_.push_back(std::move(chain));
}

template <class T>
double ResidualNetwork<T>::loss(const T* inputs, const T* targets, std::size_t rows,
                                const StepKey& key) {
  const std::size_t n = rows * config_.width;
  std::copy_n(inputs, n, stream_.data());
  for (LayerChain<T>& branch : branches_) {
    branch.forward(stream_.data(), branch_.data(), rows, key);
    kernels<T>().add(stream_.data(), branch_.data(), stream_.data(), n);
  }
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    stream_[i] -= targets[i];
    sum += static_cast<double>(stream_[i]) * static_cast<double>(stream_[i]);
  }
  return sum / static_cast<double>(n);
}

template <class T>
double ResidualNetwork<T>::loss_and_gradient(const T* inputs, const T* targets, std::size_t rows,
                                             const StepKey& key) {
  const double loss = this->loss(inputs, targets, rows, key);
  const std::size_t n = rows * config_.width;
  const T scale = static_cast<T>(2.0 * key.loss_scale / static_cast<double>(n));
  for (std::size_t i = 0; i < n; ++i) stream_[i] *= scale;
  for (std::size_t b = branches_.size(); b-- > 0;) {
    branches_[b].backward(stream_.data(),
                          b > 0 || config_.norm != ResidualNorm::none ? branch_.data() : nullptr,
                          rows, key);
    if (b > 0) kernels<T>().add(stream_.data(), branch_.data(), stream_.data(), n);
  }
  rounding_.round_gradients(parameters_.gradients(), key);
  return loss;
}

template <class T>
void ResidualNetwork<T>::visit_state(StateVisitor& visitor) {
  for (LayerChain<T>& branch : branches_) branch.visit_state(visitor);
}

template class ResidualNetwork<float>;
template class ResidualNetwork<double>;

}  // namespace halfulp::nn
