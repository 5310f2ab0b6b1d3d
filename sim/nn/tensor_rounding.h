// How a model stores the tensors between its products (TensorNumerics).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/nn/model_config.h"
#include "sim/nn/numerics.h"
#include "sim/nn/tensor_quantizer.h"

namespace halfulp::nn {

/// Random: the tensor number is index * 16 + place, of the purpose tensors.
template <class T>
class TensorRounding {
 public:
  enum Place : std::uint32_t {
    embedding,
    embedding_output,
    norm_parameter,
    norm_output,
    activation_output,
    residual,
    logits_gradient,
    residual_gradient,
    activation_gradient,
    weight_gradient,
  };

  /// Throws as TensorQuantizer. `parameters` must outlive it.
  TensorRounding(const TensorNumerics& numerics, const std::vector<Parameter>& parameters);

  /// Rounds rows x cols contiguous numbers in place; `index` tells tensors of one place apart.
  void apply(Place place, std::uint32_t index, T* data, std::size_t rows, std::size_t cols,
             const StepKey& key) const;

  /// Rounds what is used of the tables and of the norms' parameters, for used().
  void read_parameters(std::span<const T> weights, const StepKey& key);

  /// Parameter number `p` of `weights` (the same memory as in read_parameters()) as a table or a
  /// norm uses it.
  const T* used(std::span<const T> weights, std::size_t p) const;

  /// Rounds the gradient of every parameter.
  void round_gradients(std::span<T> gradients, const StepKey& key) const;

 private:
  const std::vector<Parameter>& parameters_;
  std::vector<TensorQuantizer<T>> quantizers_;  ///< by Place
  AlignedVector<T> used_;  ///< laid out as the weights, where anything is rounded
};

}  // namespace halfulp::nn
