// What stands between a transformer's norms and its residual stream: attention or a state-space
// mixer, a feed-forward layer or experts. Included by transformer.cc.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "sim/nn/transformer.h"

namespace halfulp::nn {

template <class T>
std::uint32_t Transformer<T>::number_of(const Block& b) const {
  return static_cast<std::uint32_t>(&b - blocks_.data());
}

template <class T>
void Transformer<T>::add_parts(Block& b, const std::string& name, const QuantizerSpec& state,
                               const LayerPolicy& policy, std::size_t max_rows) {
  const ModelParts<T> parts = {
      [this](const std::string& tensor) { return weight(find(tensor)); },
      [this](const std::string& tensor) { return gradient(find(tensor)); },
      [&](const std::string& layer) { return make_linear(layer, layer, policy); }};
  const std::uint32_t index = number_of(b);
  if (config_.mixer == Mixer::state_space) {
    b.mixer = std::make_unique<StateSpaceMixer<T>>(name + ".mixer", state_space_shape(config_),
                                                   parts, state, index, max_rows);
  }
  if (config_.experts > 0) {
    b.experts = std::make_unique<Experts<T>>(name, experts_shape(config_), parts, index, max_rows);
  }
}

template <class T>
void Transformer<T>::mix(Block& b, T* out, std::size_t sequences, const StepKey& key) {
  const std::size_t rows = sequences * config_.context, c = config_.width;
  if (b.mixer) {
    return b.mixer->forward(b.normed1.data(), out, sequences, config_.context, functions_, key);
  }
  const AttentionShape shape = {sequences, config_.context, config_.heads, c / config_.heads};
  b.qkv.forward(b.normed1.data(), b.projected.data(), rows, key);
  rotate(b.projected.data(), rows, false);
  b.attention.forward(shape, functions_, b.projected.data(), b.attended.data(),
                      b.probabilities.data(), key);
  b.output.forward(b.attended.data(), out, rows, key);
}

template <class T>
void Transformer<T>::mix_backward(Block& b, T* dout, std::size_t sequences, const StepKey& key) {
  const std::size_t rows = sequences * config_.context, c = config_.width;
  if (b.mixer) {
    return b.mixer->backward(b.normed1.data(), dout, dnarrow_.data(), sequences, config_.context,
                             key);
  }
  const AttentionShape shape = {sequences, config_.context, config_.heads, c / config_.heads};
  rescale({&b.qkv, &b.output}, dout, rows, c);
  b.output.backward(b.attended.data(), dout, dnarrow_.data(), rows, true, key);
  b.attention.backward(shape, b.projected.data(), b.probabilities.data(), dnarrow_.data(),
                       dwide_.data(), key);
  rotate(dwide_.data(), rows, true);
  rounding_.apply(rounding_.activation_gradient, 2 * number_of(b), dwide_.data(), rows, 3 * c, key);
  b.qkv.backward(b.normed1.data(), dwide_.data(), dnarrow_.data(), rows, false, key);
}

template <class T>
void Transformer<T>::feed_forward(Block& b, T* out, std::size_t rows, const StepKey& key) {
  if (b.experts) return b.experts->forward(b.normed2.data(), out, rows, functions_, key);
  const std::uint32_t number = number_of(b);
  b.up.forward(b.normed2.data(), b.raised.data(), rows, key);
  if (config_.activation == Activation::swiglu) {
    functions_.swiglu(b.raised.data(), b.activated.data(), rows, config_.hidden, number, key);
  } else {
    functions_.gelu(b.raised.data(), b.activated.data(), rows * config_.hidden, number, key);
  }
  scale_by(multipliers_.activation.output, b.activated.data(), rows * config_.hidden);
  rounding_.apply(rounding_.activation_output, number, b.activated.data(), rows, config_.hidden,
                  key);
  b.down.forward(b.activated.data(), out, rows, key);
}

template <class T>
void Transformer<T>::feed_forward_backward(Block& b, T* dout, std::size_t rows,
                                           const StepKey& key) {
  if (b.experts) return b.experts->backward(dout, dnarrow_.data(), rows, key);
  rescale({&b.up, &b.down}, dout, rows, config_.width);
  b.down.backward(b.activated.data(), dout, dhidden_.data(), rows, true, key);
  scale_by(multipliers_.activation.grad_input, dhidden_.data(), rows * config_.hidden);
  if (config_.activation == Activation::swiglu) {
    kernels<T>().swiglu_backward(b.raised.data(), dhidden_.data(), dwide_.data(), rows,
                                 config_.hidden);
  } else {
    kernels<T>().gelu_backward(b.raised.data(), dhidden_.data(), dwide_.data(),
                               rows * config_.hidden);
  }
  const bool is_gated = config_.activation == Activation::swiglu;
  rounding_.apply(rounding_.activation_gradient, 2 * number_of(b) + 1, dwide_.data(), rows,
                  is_gated ? 2 * config_.hidden : config_.hidden, key);
  b.up.backward(b.normed2.data(), dwide_.data(), dnarrow_.data(), rows, false, key);
}

template <class T>
double Transformer<T>::balance_loss() const {
  double sum = 0.0;
  for (const Block& block : blocks_) sum += block.experts ? block.experts->balance_loss() : 0.0;
  return sum;
}

}  // namespace halfulp::nn
