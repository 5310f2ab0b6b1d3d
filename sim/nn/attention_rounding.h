// The quantizers of attention's operands, caches and outputs (AttentionNumerics), before and after
// a switch of the numerics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/nn/numerics.h"
#include "sim/nn/tensor_quantizer.h"

namespace halfulp::nn {

/// Random: the tensor number is unit * 2^13 + block * 8 + place, of the purpose attention_tensors
/// for operands and attention_outputs for outputs; at most 2^10 blocks and 2^18 units.
template <class T>
class AttentionRounding {
 public:
  enum Tensor : std::uint32_t {
    query,
    key,
    value,
    probabilities,
    grad_output,
    grad_scores,
    key_cache,
    value_cache,
  };

  /// `index` distinguishes blocks. Throws as TensorQuantizer.
  AttentionRounding(const AttentionNumerics& numerics, const NumericsSwitch& numerics_switch,
                    std::uint32_t index);

  std::uint32_t index() const { return index_; }

  bool rounds(Tensor tensor, const StepKey& step) const;

  /// Rounds the matrix of one head of one sequence in place; `unit` numbers them.
  void apply(Tensor tensor, View<T> matrix, std::size_t unit, const StepKey& step) const;

  /// The same for the output of product `product` (in the order of AttentionNumerics); `unit`
  /// numbers the products of one kind.
  void apply_output(std::uint32_t product, View<T> matrix, std::size_t unit,
                    const StepKey& step) const;

  /// The number of (unit, place) in random streams. Throws std::length_error where it has no room.
  std::uint32_t number(std::size_t unit, std::uint32_t place) const;

 private:
  using Quantizers = std::vector<TensorQuantizer<T>>;
  static Quantizers quantizers(const AttentionNumerics& numerics);
  const TensorQuantizer<T>& at(Tensor tensor, const StepKey& step) const;

  NumericsSwitch switch_;
  std::uint32_t index_;
  bool caches_in_training_;
  Quantizers tensors_, switched_, outputs_;
};

}  // namespace halfulp::nn
