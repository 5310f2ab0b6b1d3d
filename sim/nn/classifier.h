// Feed-forward classifiers, hand-written forward and backward:
//   mlp          layers x (linear, norm, function), then head
//   convolution  layers x (3x3 convolution, norm, function, 2x2 pooling), flattened,
//                (linear, function) where hidden > 0, then head
// head is linear; loss = mean cross entropy, nats. All linear layers have a bias.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/nn/layer_chain.h"
#include "sim/nn/numerics.h"
#include "sim/nn/tensor_rounding.h"

namespace halfulp::nn {

enum class Architecture : std::uint8_t { mlp, convolution };
enum class ClassifierNorm : std::uint8_t { none, layer_norm, rms_norm, batch_norm };

struct ClassifierConfig {
  Architecture architecture = Architecture::mlp;
  ImageShape input = {1, 1, 32};
  std::size_t layers = 2;
  std::size_t width = 128;  ///< of the hidden layers; channels of the first convolution, each next
                            ///< one has twice as many
  std::size_t hidden = 0;   ///< convolution: width of a linear layer before the head; 0: none
  std::size_t classes = 10;
  UnitFunction function = UnitFunction::relu;
  ClassifierNorm norm = ClassifierNorm::none;
  Pooling pooling = Pooling::max;
};

/// Weights normal with std sqrt(2 / inputs) (the head 1 / sqrt(inputs)), biases 0, gains 1.
std::vector<Parameter> classifier_parameters(const ClassifierConfig& config);

/// "blocks.0.linear" or "blocks.0.convolution", ..., "hidden.linear", "head".
std::vector<std::string> linear_layer_names(const ClassifierConfig& config);

/// Multiply-adds of the linear layers for one example, forward.
double multiplications(const ClassifierConfig& config);

template <class T>
class Classifier {
 public:
  /// `max_rows` bounds the examples of one call. Throws std::invalid_argument for images that
  /// pooling leaves nothing of, and as Linear.
  Classifier(const ClassifierConfig& config, const ModelNumerics& numerics, std::size_t max_rows);

  const ClassifierConfig& config() const { return config_; }

  ParameterSet<T>& parameters() { return parameters_; }

  const ParameterSet<T>& parameters() const { return parameters_; }

  /// Mean cross entropy of `inputs` (rows x input size).
  double loss(const T* inputs, const std::uint8_t* labels, std::size_t rows, const StepKey& key);

  /// Logits of the rows of the last loss(), rows x classes.
  std::span<const T> logits() const { return logits_; }

  /// The same as loss(), and the gradients of key.loss_scale times it.
  double loss_and_gradient(const T* inputs, const std::uint8_t* labels, std::size_t rows,
                           const StepKey& key);

  /// Running statistics of the linear layers' operands and of batch norms.
  void visit_state(StateVisitor& visitor) { chain_.visit_state(visitor); }

 private:
  void push_norm(const std::string& name, std::size_t pixels, std::size_t channels,
                 const ModelNumerics& numerics);
  void push_function(std::size_t size);
  /// A linear layer or convolution from the input shape to `out` channels.
  void push_linear(const std::string& name, const ImageShape& in, std::size_t out, bool convolves,
                   const LayerPolicy& policy);
  void build_mlp(const ModelNumerics& numerics, const LayerPolicy& policy);
  void build_convolution(const ModelNumerics& numerics, const LayerPolicy& policy);
  double forward(const T* inputs, const std::uint8_t* labels, std::size_t rows, bool training,
                 const StepKey& key);

  ClassifierConfig config_;
  ParameterSet<T> parameters_;
  LayerFunctions<T> functions_;
  TensorRounding<T> rounding_;
  LayerChain<T> chain_;
  std::uint32_t linear_count_ = 0, norm_count_ = 0, function_count_ = 0;
  AlignedVector<T> logits_, losses_;
};

}  // namespace halfulp::nn
