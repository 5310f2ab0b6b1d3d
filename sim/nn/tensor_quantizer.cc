#include "sim/nn/tensor_quantizer.h"
#include "sim/random_purpose.h"

#include <algorithm>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace halfulp::nn {

template <class T>
TensorQuantizer<T>::TensorQuantizer(const QuantizerSpec& spec, RandomPurpose purpose)
    : purpose_(purpose) {
  Quantizer quantizer(with_reduction(spec, false));
  if (quantizer.is_identity()) return;
  if (!std::is_same_v<T, float>) throw std::invalid_argument("quantizers need a binary32 model");
  quantizer_ = std::move(quantizer);
}

template <class T>
RandomStream TensorQuantizer<T>::stream(std::uint32_t number, const StepKey& key) const {
  return {key.seed, static_cast<std::uint32_t>(purpose_), number, key.step};
}

template <class T>
void TensorQuantizer<T>::apply(View<T> tensor, std::uint32_t number, const StepKey& key) const {
  if (is_identity()) return;
  copy({tensor.data, tensor.rows, tensor.cols, tensor.stride}, tensor, number, key);
}

template <class T>
void TensorQuantizer<T>::copy(View<const T> in, View<T> out, std::uint32_t number,
                              const StepKey& key) const {
  if constexpr (std::is_same_v<T, float>) {
    if (quantizer_) {
      return quantizer_->quantize({in.data, in.rows, in.cols, in.stride},
                                  {out.data, out.rows, out.cols, out.stride}, stream(number, key));
    }
  }
  for (std::size_t r = 0; r < in.rows; ++r) {
    std::copy_n(in.data + r * in.stride, in.cols, out.data + r * out.stride);
  }
}

template class TensorQuantizer<float>;
template class TensorQuantizer<double>;

}  // namespace halfulp::nn
