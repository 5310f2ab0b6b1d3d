// A residual MLP with norms, hand-written forward and backward: the student of the student-teacher
// proxy for instabilities of training (arXiv 2506.20752 and its code).
//   x_0 = input;   x_{i+1} = x_i + down_i(f(up_i(norm_i(x_i)))) + bias_i;   output = x_layers
// Loss: mean over rows and columns of (output - target)^2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/nn/layer_chain.h"
#include "sim/nn/numerics.h"
#include "sim/nn/tensor_rounding.h"

namespace halfulp::nn {

enum class ResidualNorm : std::uint8_t { none, layer_norm, rms_norm };

struct ResidualConfig {
  std::size_t layers = 4;
  std::size_t width = 512;
  std::size_t hidden = 2048;
  ResidualNorm norm = ResidualNorm::layer_norm;
  UnitFunction function = UnitFunction::gelu;
};

/// Weights normal with the variance of PyTorch's default, 1 / (3 inputs); biases 0; gains 1.
std::vector<Parameter> residual_parameters(const ResidualConfig& config);

/// "blocks.0.up", "blocks.0.down", "blocks.1.up", ...
std::vector<std::string> linear_layer_names(const ResidualConfig& config);

template <class T>
class ResidualNetwork {
 public:
  /// `max_rows` bounds the rows of one call. Throws as Linear.
  ResidualNetwork(const ResidualConfig& config, const ModelNumerics& numerics,
                  std::size_t max_rows);
  ResidualNetwork(const ResidualNetwork&) = delete;
  ResidualNetwork& operator=(const ResidualNetwork&) = delete;

  ParameterSet<T>& parameters() { return parameters_; }

  const ParameterSet<T>& parameters() const { return parameters_; }

  /// `inputs` and `targets` are rows x width. The squares are added in ascending order in binary64.
  double loss(const T* inputs, const T* targets, std::size_t rows, const StepKey& key);

  /// The same, and the gradients of key.loss_scale times it.
  double loss_and_gradient(const T* inputs, const T* targets, std::size_t rows, const StepKey& key);

  /// Running statistics of the linear layers' operands.
  void visit_state(StateVisitor& visitor);

 private:
  void add_block(std::size_t number, const ModelNumerics& numerics, const LayerPolicy& policy,
                 std::size_t max_rows);

  ResidualConfig config_;
  ParameterSet<T> parameters_;
  LayerFunctions<T> functions_;
  TensorRounding<T> rounding_;
  std::vector<LayerChain<T>> branches_;
  AlignedVector<T> stream_, branch_;  ///< the residual stream or its gradient, and one branch's
};

}  // namespace halfulp::nn
