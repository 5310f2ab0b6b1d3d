#include "sim/nn/layer_functions.h"
#include "sim/random_purpose.h"

#include <algorithm>
#include <stdexcept>
#include <type_traits>

namespace halfulp::nn {
namespace {

enum Function : std::uint32_t { softmax, norm, activation };

std::optional<FormatFunctions> functions_in(const std::optional<Destination>& to) {
  if (!to) return std::nullopt;
  return FormatFunctions(uniform_arithmetic(*to));
}

RandomStream stream_of(Function function, std::uint32_t index, const StepKey& key) {
  return {key.seed, static_cast<std::uint32_t>(RandomPurpose::functions), 4 * index + function,
          key.step};
}

}  // namespace

template <class T>
LayerFunctions<T>::LayerFunctions(const FunctionNumerics& numerics)
    : softmax_(functions_in(numerics.softmax)),
      norm_(functions_in(numerics.norm)),
      activation_(functions_in(numerics.activation)) {
  if (numerics.loss) loss_.emplace(*numerics.loss);
  if (!std::is_same_v<T, float> && (softmax_ || norm_ || activation_ || loss_)) {
    throw std::invalid_argument("functions in a format need a binary32 model");
  }
}

template <class T>
void LayerFunctions<T>::norm(Norm kind, const T* x, const T* gain, const T* bias, T* y, T* mean,
                             T* rstd, std::size_t rows, std::size_t cols, std::uint32_t index,
                             const StepKey& key) const {
  kernels<T>().norm_forward(kind, x, gain, bias, y, mean, rstd, rows, cols);
  if constexpr (std::is_same_v<T, float>) {
    if (!norm_) return;
    const RandomStream stream = stream_of(Function::norm, index, key);
    if (kind == Norm::layer_norm) {
      norm_->layer_norm(x, gain, bias, y, rows, cols, 1e-5, stream);
    } else {
      norm_->rms_norm(x, gain, y, rows, cols, 1e-5, stream);
    }
  }
}

template <class T>
void LayerFunctions<T>::gelu(const T* x, T* y, std::size_t n, std::uint32_t index,
                             const StepKey& key) const {
  if constexpr (std::is_same_v<T, float>) {
    if (activation_) return activation_->gelu(x, y, n, stream_of(activation, index, key));
  }
  kernels<T>().gelu_forward(x, y, n);
}

template <class T>
void LayerFunctions<T>::swiglu(const T* x, T* y, std::size_t rows, std::size_t cols,
                               std::uint32_t index, const StepKey& key) const {
  if constexpr (std::is_same_v<T, float>) {
    if (activation_) {
      const RandomStream stream = stream_of(activation, index, key);
      for (std::size_t r = 0; r < rows; ++r) {
        const T* row = x + 2 * r * cols;
        activation_->swiglu(row, row + cols, y + r * cols, cols, stream, r * cols);
      }
      return;
    }
  }
  kernels<T>().swiglu_forward(x, y, rows, cols);
}

template <class T>
void LayerFunctions<T>::causal_softmax(T* scores, std::size_t stride, std::size_t rows,
                                       std::size_t cols, std::size_t first, T scale,
                                       std::size_t first_row, std::uint32_t index,
                                       const StepKey& key) const {
  if constexpr (std::is_same_v<T, float>) {
    if (softmax_) {
      const RandomStream stream = stream_of(softmax, index, key);
      for (std::size_t r = 0; r < rows; ++r) {
        T* row = scores + r * stride;
        const std::size_t n = first + r + 1;
        softmax_->softmax(row, row, 1, n, scale, stream, (first_row + r) * stride);
        std::fill(row + n, row + cols, T{0});
      }
      return;
    }
  }
  kernels<T>().causal_softmax_forward(scores, stride, rows, cols, first, scale);
}

template <class T>
void LayerFunctions<T>::cross_entropy(T* logits, const unsigned char* targets, T* losses,
                                      std::size_t rows, std::size_t cols, bool gradient,
                                      double gradient_scale, const StepKey& key) const {
  if constexpr (std::is_same_v<T, float>) {
    if (loss_) {
      return loss_->cross_entropy(
          logits, targets, losses, rows, cols, gradient, gradient_scale,
          {key.seed, static_cast<std::uint32_t>(RandomPurpose::loss), 0, key.step});
    }
  }
  kernels<T>().cross_entropy(logits, targets, losses, rows, cols, gradient,
                             static_cast<T>(gradient_scale));
}

template class LayerFunctions<float>;
template class LayerFunctions<double>;

}  // namespace halfulp::nn
