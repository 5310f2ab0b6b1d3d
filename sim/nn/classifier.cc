#include "sim/nn/classifier.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace halfulp::nn {
namespace {

constexpr std::size_t kTaps = 9;

std::string block_name(std::size_t i) { return "blocks." + std::to_string(i); }

/// A layer of the network as its parameters see it.
struct Plan {
  std::string name;
  std::string norm;       ///< name of the norm behind it, or empty
  std::size_t in, out;    ///< of the weight
  std::size_t positions;  ///< rows of an example
  double gain;            ///< variance of the weights times inputs
};

ImageShape pooled(const ImageShape& shape, std::size_t channels) {
  return {shape.height / 2, shape.width / 2, channels};
}

/// What the convolutions leave of an image.
ImageShape after_convolutions(const ClassifierConfig& config) {
  ImageShape shape = config.input;
  for (std::size_t i = 0; i < config.layers; ++i) shape = pooled(shape, config.width << i);
  return shape;
}

std::vector<Plan> plans(const ClassifierConfig& config) {
  std::vector<Plan> list;
  const bool has_norm = config.norm != ClassifierNorm::none;
  std::size_t features = config.input.size();
  if (config.architecture == Architecture::mlp) {
    for (std::size_t i = 0; i < config.layers; ++i) {
      const std::string norm = has_norm ? block_name(i) + ".norm" : "";
      list.push_back({block_name(i) + ".linear", norm, features, config.width, 1, 2.0});
      features = config.width;
    }
  } else {
    ImageShape shape = config.input;
    for (std::size_t i = 0; i < config.layers; ++i) {
      const std::string norm = has_norm ? block_name(i) + ".norm" : "";
      const std::size_t out = config.width << i;
      list.push_back(
          {block_name(i) + ".convolution", norm, kTaps * shape.channels, out, shape.pixels(), 2.0});
      shape = pooled(shape, out);
    }
    features = shape.size();
    if (config.hidden > 0) {
      list.push_back({"hidden.linear", "", features, config.hidden, 1, 2.0});
      features = config.hidden;
    }
  }
  list.push_back({"head", "", features, config.classes, 1, 1.0});
  return list;
}

const ClassifierConfig& checked(const ClassifierConfig& config) {
  if (config.width == 0 || config.classes == 0 || config.input.size() == 0) {
    throw std::invalid_argument("a classifier needs inputs, hidden units and classes");
  }
  if (config.architecture == Architecture::convolution && after_convolutions(config).size() == 0) {
    throw std::invalid_argument("the convolutions' pooling leaves nothing of the images");
  }
  return config;
}

}  // namespace

std::vector<Parameter> classifier_parameters(const ClassifierConfig& config) {
  ParameterBuilder builder;
  for (const Plan& plan : plans(config)) {
    builder.matrix(plan.name + ".weight", plan.out, plan.in,
                   std::sqrt(plan.gain / static_cast<double>(plan.in)));
    builder.vector(plan.name + ".bias", plan.out, 0.0);
    if (plan.norm.empty()) continue;
    builder.vector(plan.norm + ".gain", plan.out, 1.0);
    if (config.norm != ClassifierNorm::rms_norm) builder.vector(plan.norm + ".bias", plan.out, 0.0);
  }
  return builder.take();
}

std::vector<std::string> linear_layer_names(const ClassifierConfig& config) {
  std::vector<std::string> names;
  for (const Plan& plan : plans(config)) names.push_back(plan.name);
  return names;
}

double multiplications(const ClassifierConfig& config) {
  double total = 0.0;
  for (const Plan& plan : plans(config)) {
    total += static_cast<double>(plan.in * plan.out) * static_cast<double>(plan.positions);
  }
  return total;
}

template <class T>
Classifier<T>::Classifier(const ClassifierConfig& config, const ModelNumerics& numerics,
                          std::size_t max_rows)
    : config_(checked(config)),
      parameters_(classifier_parameters(config)),
      functions_(numerics.functions),
      rounding_(numerics.tensors, parameters_.list()),
      chain_(max_rows) {
  const LayerPolicy policy(numerics, linear_layer_names(config), config.layers);
  if (config.architecture == Architecture::mlp) {
    build_mlp(numerics, policy);
  } else {
    build_convolution(numerics, policy);
  }
  logits_.resize(max_rows * config.classes);
  losses_.resize(max_rows);
}

template <class T>
void Classifier<T>::push_norm(const std::string& name, std::size_t pixels, std::size_t channels,
                              const ModelNumerics& numerics) {
  if (config_.norm == ClassifierNorm::none) return;
  const std::size_t size = pixels * channels;
  if (config_.norm == ClassifierNorm::batch_norm) {
    return chain_.push(make_batch_norm<T>(name, pixels, channels, parameters_), size, size);
  }
  const Norm kind = config_.norm == ClassifierNorm::layer_norm ? Norm::layer_norm : Norm::rms_norm;
  chain_.push(make_channel_norm<T>(kind, name, pixels, channels, parameters_, functions_, numerics,
                                   norm_count_++),
              size, size);
}

template <class T>
void Classifier<T>::push_function(std::size_t size) {
  chain_.push(make_unit_function<T>(config_.function, size, functions_, function_count_++), size,
              size);
}

template <class T>
void Classifier<T>::push_linear(const std::string& name, const ImageShape& in, std::size_t out,
                                bool convolves, const LayerPolicy& policy) {
  const Affine<T> affine = Affine<T>::of(parameters_, name);
  const std::uint32_t index = linear_count_++;
  if (convolves) {
    chain_.push(make_convolution<T>(name, in, out, affine, policy, index), in.size(),
                in.pixels() * out);
  } else {
    chain_.push(make_dense<T>(name, in.size(), out, affine, policy, index), in.size(), out);
  }
}

template <class T>
void Classifier<T>::build_mlp(const ModelNumerics& numerics, const LayerPolicy& policy) {
  ImageShape shape = config_.input;
  for (std::size_t i = 0; i < config_.layers; ++i) {
    push_linear(block_name(i) + ".linear", shape, config_.width, false, policy);
    push_norm(block_name(i) + ".norm", 1, config_.width, numerics);
    push_function(config_.width);
    shape = {1, 1, config_.width};
  }
  push_linear("head", shape, config_.classes, false, policy);
}

template <class T>
void Classifier<T>::build_convolution(const ModelNumerics& numerics, const LayerPolicy& policy) {
  ImageShape shape = config_.input;
  for (std::size_t i = 0; i < config_.layers; ++i) {
    const std::size_t channels = config_.width << i;
    push_linear(block_name(i) + ".convolution", shape, channels, true, policy);
    shape.channels = channels;
    push_norm(block_name(i) + ".norm", shape.pixels(), channels, numerics);
    push_function(shape.size());
    const ImageShape next = pooled(shape, channels);
    chain_.push(make_pooling<T>(config_.pooling, shape), shape.size(), next.size());
    shape = next;
  }
  if (config_.hidden > 0) {
    push_linear("hidden.linear", shape, config_.hidden, false, policy);
    push_function(config_.hidden);
    shape = {1, 1, config_.hidden};
  }
  push_linear("head", shape, config_.classes, false, policy);
}

template <class T>
double Classifier<T>::forward(const T* inputs, const std::uint8_t* labels, std::size_t rows,
                              bool training, const StepKey& key) {
  chain_.forward(inputs, logits_.data(), rows, key);
  const T scale = static_cast<T>(key.loss_scale) / static_cast<T>(rows);
  kernels<T>().cross_entropy(logits_.data(), labels, losses_.data(), rows, config_.classes,
                             training, scale);
  double sum = 0.0;  // rows ascending
  for (std::size_t r = 0; r < rows; ++r) sum += static_cast<double>(losses_[r]);
  return sum / static_cast<double>(rows);
}

template <class T>
double Classifier<T>::loss(const T* inputs, const std::uint8_t* labels, std::size_t rows,
                           const StepKey& key) {
  return forward(inputs, labels, rows, false, key);
}

template <class T>
double Classifier<T>::loss_and_gradient(const T* inputs, const std::uint8_t* labels,
                                        std::size_t rows, const StepKey& key) {
  const double loss = forward(inputs, labels, rows, true, key);
  chain_.backward(logits_.data(), nullptr, rows, key);
  rounding_.round_gradients(parameters_.gradients(), key);
  return loss;
}

template class Classifier<float>;
template class Classifier<double>;

}  // namespace halfulp::nn
