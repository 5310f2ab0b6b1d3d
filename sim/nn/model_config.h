// The shape of a model and the flat list of its weight tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/nn/kernels.h"
#include "sim/nn/parameterization.h"

namespace halfulp::nn {

enum class Positions : std::uint8_t { rotary, learned };
enum class Activation : std::uint8_t { gelu, swiglu };

struct ModelConfig {
  std::size_t blocks = 2;
  std::size_t width = 64;
  std::size_t heads = 2;
  std::size_t context = 64;  ///< positions of a training sequence
  std::size_t hidden = 256;  ///< width of the feed-forward layer
  std::size_t vocabulary = 256;
  Norm norm = Norm::rms_norm;
  Positions positions = Positions::rotary;
  Activation activation = Activation::swiglu;
  bool tied_head = true;
  ParameterizationSpec parameterization = {};
};

/// One weight tensor inside the flat parameter vector.
struct Parameter {
  std::string name;
  std::size_t offset, rows, cols;
  double init_std;                    ///< of the normal initialisation; 0: constant
  double constant;                    ///< initial value where init_std is 0
  bool decays;                        ///< weight decay applies (matrices, not gains)
  double learning_rate_factor = 1.0;  ///< of the optimizer's learning rate
  double weight_decay_factor = 1.0;   ///< of the optimizer's weight decay, where it applies

  std::size_t size() const { return rows * cols; }
};

std::vector<Parameter> model_parameters(const ModelConfig& config);

/// Parameters of the blocks' linear layers: the N of the scaling laws without embedding and head.
std::size_t non_embedding_parameters(const ModelConfig& config);
std::size_t total_parameters(const ModelConfig& config);

/// Names of the linear layers in order: "blocks.0.attention.qkv", ..., "head".
std::vector<std::string> linear_layer_names(const ModelConfig& config);

/// What a block's attention products are called where layers are named:
/// "blocks.0.attention.products".
std::string attention_name(std::size_t block);

}  // namespace halfulp::nn
