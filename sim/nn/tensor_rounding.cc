#include "sim/nn/tensor_rounding.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

constexpr std::uint32_t kPlaces = 16;

bool is_table(const Parameter& parameter) { return parameter.name.ends_with("_embedding"); }

bool is_norm(const Parameter& parameter) {
  return parameter.name.find("norm") != std::string::npos;
}

template <class T>
View<const T> matrix(const T* data, const Parameter& p) {
  return {data + p.offset, p.rows, p.cols, p.cols};
}

}  // namespace

template <class T>
TensorRounding<T>::TensorRounding(const TensorNumerics& numerics,
                                  const std::vector<Parameter>& parameters)
    : parameters_(parameters) {
  for (const QuantizerSpec* spec :
       {&numerics.embedding, &numerics.embedding_output, &numerics.norm_parameter,
        &numerics.norm_output, &numerics.activation_output, &numerics.residual,
        &numerics.logits_gradient, &numerics.residual_gradient, &numerics.activation_gradient,
        &numerics.weight_gradient}) {
    quantizers_.emplace_back(*spec, RandomPurpose::tensors);
  }
  if (quantizers_[embedding].is_identity() && quantizers_[norm_parameter].is_identity()) return;
  const Parameter& last = parameters.back();
  used_.resize(last.offset + last.size());
}

template <class T>
void TensorRounding<T>::apply(Place place, std::uint32_t index, T* data, std::size_t rows,
                              std::size_t cols, const StepKey& key) const {
  quantizers_[place].apply({data, rows, cols, cols}, index * kPlaces + place, key);
}

template <class T>
void TensorRounding<T>::read_parameters(std::span<const T> weights, const StepKey& key) {
  if (used_.empty()) return;
  for (std::uint32_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& p = parameters_[i];
    if (!is_table(p) && !is_norm(p)) continue;
    const Place place = is_table(p) ? embedding : norm_parameter;
    quantizers_[place].copy(matrix(weights.data(), p),
                            {used_.data() + p.offset, p.rows, p.cols, p.cols}, i * kPlaces + place,
                            key);
  }
}

template <class T>
const T* TensorRounding<T>::used(std::span<const T> weights, std::size_t p) const {
  return (used_.empty() ? weights.data() : used_.data()) + parameters_[p].offset;
}

template <class T>
void TensorRounding<T>::round_gradients(std::span<T> gradients, const StepKey& key) const {
  for (std::uint32_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& p = parameters_[i];
    apply(weight_gradient, i, gradients.data() + p.offset, p.rows, p.cols, key);
  }
}

template class TensorRounding<float>;
template class TensorRounding<double>;

}  // namespace halfulp::nn
