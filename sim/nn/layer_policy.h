// From a model's numerics to those of each of its layers.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/nn/numerics.h"

namespace halfulp::nn {

/// Patterns (of ModelNumerics::high_precision) of what `selection` keeps: whole blocks, then
/// layers of `linear_layers`, which are in the order they run forward; "head" is never among them.
std::vector<std::string> selected_layers(const LayerSelection& selection,
                                         std::span<const std::string> linear_layers,
                                         std::size_t blocks);

class LayerPolicy {
 public:
  LayerPolicy(const ModelNumerics& numerics, std::span<const std::string> linear_layers,
              std::size_t blocks);

  /// Every pattern of a layer in high precision, those of the selection too.
  const std::vector<std::string>& high_precision() const { return high_precision_; }

  const NumericsSwitch& switch_to() const { return numerics_.switch_to; }

  /// What ModelNumerics::layers say of the layer, then high precision, then the head's own.
  LinearNumerics linear(std::string_view layer) const;
  AttentionNumerics attention(std::string_view layer) const;

 private:
  bool keeps_high(std::string_view layer) const;
  const LayerNumerics* find(std::string_view layer) const;

  const ModelNumerics& numerics_;
  std::size_t blocks_;
  std::vector<std::string> high_precision_;
};

}  // namespace halfulp::nn
