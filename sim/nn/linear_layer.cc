#include "sim/nn/linear_layer.h"

#include <algorithm>
#include <type_traits>

#include "sim/random_purpose.h"

namespace halfulp::nn {

template <class T>
LinearLayer<T>::LinearLayer(const std::string& name, std::size_t in, std::size_t out, T* weight,
                            T* gradient, const LinearNumerics& numerics,
                            const NumericsSwitch& numerics_switch, std::uint32_t index)
    : in_(in),
      out_(out),
      gradient_(gradient),
      switch_(numerics_switch),
      index_(index),
      propagates_(nn::propagates(numerics)) {
  linears_.emplace_back(name, in, out, weight, gradient, numerics, index);
  const LinearNumerics later = switched(numerics, switch_);
  if (switch_.from != NumericsSwitch::kNever && later != numerics) {
    linears_.emplace_back(name, in, out, weight, gradient, later, index);
  }
  for (const QuantizerSpec* spec :
       {&numerics.fprop_output, &numerics.dgrad_output, &numerics.wgrad_output}) {
    outputs_.emplace_back(*spec, RandomPurpose::linear_outputs);
  }
}

template <class T>
Linear<T>& LinearLayer<T>::linear(const StepKey& key) {
  return switch_.is_on(key.updates()) ? linears_.back() : linears_.front();
}

template <class T>
void LinearLayer<T>::set_learned(const LearnedScales& weight, const LearnedScales& input) {
  for (Linear<T>& own : linears_) own.set_learned(weight, input);
}

template <class T>
void LinearLayer<T>::set_propagated(const LayerScales& scales) {
  propagated_ = scales;
  set_gradient_scale(1.0F);
}

template <class T>
void LinearLayer<T>::set_gradient_scale(float scale) {
  LayerScales now = propagated_;
  now.gradient *= scale;
  for (Linear<T>& own : linears_) own.set_propagated(now);
}

template <class T>
void LinearLayer<T>::visit_state(StateVisitor& visitor) {
  for (Linear<T>& own : linears_) {
    own.visit_state(&own == linears_.data() ? "operands." : "operands.later.", visitor);
  }
}

template <class T>
void LinearLayer<T>::round(Output output, T* data, std::size_t rows, std::size_t cols,
                           const StepKey& key) const {
  outputs_[output].apply({data, rows, cols, cols}, index_ * 4 + output, key);
}

template <class T>
void LinearLayer<T>::forward(T* x, T* y, std::size_t rows, const StepKey& key) {
  linear(key).forward(x, y, rows, key);
  round(fprop, y, rows, out_, key);
}

template <class T>
void LinearLayer<T>::backward(const T* x, T* dy, T* dx, std::size_t rows, bool keep_dy,
                              const StepKey& key) {
  linear(key).backward(x, dy, dx, rows, keep_dy, key);
  if (dx != nullptr) round(dgrad, dx, rows, in_, key);
  round(wgrad, gradient_, out_, in_, key);
}

template <class T>
void rescale(std::initializer_list<LinearLayer<T>*> layers, const T* gradient, std::size_t rows,
             std::size_t cols) {
  if constexpr (std::is_same_v<T, float>) {
    const auto propagates = [](const LinearLayer<T>* layer) { return layer->propagates(); };
    if (std::none_of(layers.begin(), layers.end(), propagates)) return;
    const float scale = rescaled(gradient, rows, cols);
    for (LinearLayer<T>* layer : layers) layer->set_gradient_scale(scale);
  }
}

template class LinearLayer<float>;
template class LinearLayer<double>;
template void rescale(std::initializer_list<LinearLayer<float>*>, const float*, std::size_t,
                      std::size_t);
template void rescale(std::initializer_list<LinearLayer<double>*>, const double*, std::size_t,
                      std::size_t);

}  // namespace halfulp::nn
