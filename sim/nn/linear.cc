#include "sim/nn/linear.h"

#include <stdexcept>
#include <type_traits>
#include <utility>

namespace halfulp::nn {
namespace {

/// Scratch shared by all layers of a thread: quantized copies that live for one product.
template <class T>
T* scratch(std::size_t slot, std::size_t n) {
  thread_local AlignedVector<T> buffers[2];
  if (buffers[slot].size() < n) buffers[slot].resize(n);
  return buffers[slot].data();
}

/// Blocks run along the dimension that the product sums over: the input features in fprop, the
/// output features in dgrad, the rows of the batch in wgrad.
LinearNumerics along_reductions(const LinearNumerics& numerics) {
  return {with_reduction(numerics.fprop_input, false),
          with_reduction(numerics.fprop_weight, false),
          with_reduction(numerics.dgrad_grad_output, false),
          with_reduction(numerics.dgrad_weight, true),
          with_reduction(numerics.wgrad_grad_output, true),
          with_reduction(numerics.wgrad_input, true)};
}

}  // namespace

template <class T>
Linear<T>::Linear(std::string name, std::size_t in, std::size_t out, T* weight, T* gradient,
                  const LinearNumerics& numerics, std::uint32_t index)
    : name_(std::move(name)),
      in_(in),
      out_(out),
      weight_(weight),
      gradient_(gradient),
      numerics_(along_reductions(numerics)),
      index_(index) {
  for (const QuantizerSpec* spec :
       {&numerics_.fprop_input, &numerics_.fprop_weight, &numerics_.dgrad_grad_output,
        &numerics_.dgrad_weight, &numerics_.wgrad_grad_output, &numerics_.wgrad_input}) {
    quantizers_.emplace_back(*spec);
    if (!std::is_same_v<T, float> && !quantizers_.back().is_identity()) {
      throw std::invalid_argument("quantizers need a binary32 model");
    }
  }
  if (!quantizers_[fprop_weight].is_identity()) quantized_weight_.resize(in * out);
}

template <class T>
void Linear<T>::show(LinearOperand::Role role, const T* data, std::size_t rows, std::size_t cols,
                     const StepKey& key) const {
  if constexpr (std::is_same_v<T, float>) {
    if (key.observer != nullptr) (*key.observer)({name_, role, {data, rows, cols, cols}});
  }
}

template <class T>
const T* Linear<T>::quantized(Operand operand, const T* in, T* out, std::size_t rows,
                              std::size_t cols, const StepKey& key) const {
  const Quantizer& quantizer = quantizers_[operand];
  if (quantizer.is_identity()) return in;
  if constexpr (std::is_same_v<T, float>) {
    const RandomStream stream = {key.seed, static_cast<std::uint32_t>(RandomPurpose::rounding),
                                 index_ * 8 + operand, key.step};
    quantizer.quantize({in, rows, cols, cols}, {out, rows, cols, cols}, stream);
  }
  return out;
}

template <class T>
void Linear<T>::forward(T* x, T* y, std::size_t rows, const StepKey& key) {
  show(LinearOperand::Role::input, x, rows, in_, key);
  show(LinearOperand::Role::weight, weight_, out_, in_, key);
  const bool shared = numerics_.fprop_input == numerics_.wgrad_input;
  T* target = shared || quantizers_[fprop_input].is_identity() ? x : scratch<T>(0, rows * in_);
  const T* input = quantized(fprop_input, x, target, rows, in_, key);
  const T* weight = quantized(fprop_weight, weight_, quantized_weight_.data(), out_, in_, key);
  matmul_nt<T>({input, rows, in_, in_}, {weight, out_, in_, in_}, {y, rows, out_, out_});
}

template <class T>
void Linear<T>::backward(const T* x, T* dy, T* dx, std::size_t rows, bool keep_dy,
                         const StepKey& key) {
  show(LinearOperand::Role::grad_output, dy, rows, out_, key);
  const bool shared_dy = numerics_.dgrad_grad_output == numerics_.wgrad_grad_output;
  const auto quantized_dy = [&](Operand operand) {
    T* target = shared_dy && !keep_dy ? dy : scratch<T>(0, rows * out_);
    return quantized(operand, dy, target, rows, out_, key);
  };
  const T* grad_output = quantized_dy(dgrad_grad_output);
  if (dx != nullptr) {
    const bool shared_weight = numerics_.fprop_weight == numerics_.dgrad_weight;
    const T* weight =
        shared_weight && !quantizers_[fprop_weight].is_identity()
            ? quantized_weight_.data()
            : quantized(
                  dgrad_weight, weight_,
                  quantizers_[dgrad_weight].is_identity() ? nullptr : scratch<T>(1, in_ * out_),
                  out_, in_, key);
    matmul_nn<T>({grad_output, rows, out_, out_}, {weight, out_, in_, in_}, {dx, rows, in_, in_});
  }
  if (!shared_dy) grad_output = quantized_dy(wgrad_grad_output);
  const bool shared_input = numerics_.fprop_input == numerics_.wgrad_input;
  const T* input = shared_input || quantizers_[wgrad_input].is_identity()
                       ? x
                       : quantized(wgrad_input, x, scratch<T>(1, rows * in_), rows, in_, key);
  matmul_tn<T>({grad_output, rows, out_, out_}, {input, rows, in_, in_},
               {gradient_, out_, in_, in_});
}

template class Linear<float>;
template class Linear<double>;

}  // namespace halfulp::nn
