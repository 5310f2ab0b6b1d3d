#include "sim/nn/attention_rounding.h"
#include "sim/random_purpose.h"

#include <stdexcept>

namespace halfulp::nn {
namespace {

constexpr std::uint32_t kPlaces = 8, kMostBlocks = 1U << 10;
constexpr std::size_t kMostUnits = 1U << 18;

}  // namespace

template <class T>
AttentionRounding<T>::AttentionRounding(const AttentionNumerics& numerics,
                                        const NumericsSwitch& numerics_switch, std::uint32_t index)
    : switch_(numerics_switch),
      index_(index),
      caches_in_training_(numerics.caches_in_training),
      tensors_(quantizers(numerics)),
      switched_(quantizers(switched(numerics, numerics_switch))) {
  for (const QuantizerSpec* spec :
       {&numerics.scores_output, &numerics.context_output, &numerics.grad_probabilities_output,
        &numerics.grad_value_output, &numerics.grad_query_output, &numerics.grad_key_output}) {
    outputs_.emplace_back(*spec, RandomPurpose::attention_outputs);
  }
}

template <class T>
auto AttentionRounding<T>::quantizers(const AttentionNumerics& numerics) -> Quantizers {
  Quantizers all;
  const QuantizerSpec value = with_reduction(numerics.value_operand, true);
  for (const QuantizerSpec* spec :
       {&numerics.query_operand, &numerics.key_operand, &value, &numerics.probabilities_operand,
        &numerics.grad_output_operand, &numerics.grad_scores_operand, &numerics.key_cache,
        &numerics.value_cache}) {
    all.emplace_back(*spec, RandomPurpose::attention_tensors);
  }
  return all;
}

template <class T>
const TensorQuantizer<T>& AttentionRounding<T>::at(Tensor tensor, const StepKey& step) const {
  return (switch_.is_on(step.updates()) ? switched_ : tensors_)[tensor];
}

template <class T>
bool AttentionRounding<T>::rounds(Tensor tensor, const StepKey& step) const {
  const bool is_cache = tensor == key_cache || tensor == value_cache;
  if (is_cache && !caches_in_training_ && !step.is_evaluation()) return false;
  return !at(tensor, step).is_identity();
}

template <class T>
std::uint32_t AttentionRounding<T>::number(std::size_t unit, std::uint32_t place) const {
  if (unit >= kMostUnits || index_ >= kMostBlocks) {
    throw std::length_error("too many products in a step for distinct random streams");
  }
  return static_cast<std::uint32_t>(unit) * (kPlaces * kMostBlocks) + index_ * kPlaces + place;
}

template <class T>
void AttentionRounding<T>::apply(Tensor tensor, View<T> matrix, std::size_t unit,
                                 const StepKey& step) const {
  if (rounds(tensor, step)) at(tensor, step).apply(matrix, number(unit, tensor), step);
}

template <class T>
void AttentionRounding<T>::apply_output(std::uint32_t product, View<T> matrix, std::size_t unit,
                                        const StepKey& step) const {
  if (outputs_[product].is_identity()) return;
  outputs_[product].apply(matrix, number(unit, product), step);
}

template class AttentionRounding<float>;
template class AttentionRounding<double>;

}  // namespace halfulp::nn
