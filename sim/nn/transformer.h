// A decoder-only transformer at byte level with a hand-written backward pass.
//
//   x = token_embedding[t] (+ position_embedding[p])
//   for each block:  x += output(attention(qkv(norm1(x))));   x += down(activation(up(norm2(x))))
//   logits = head(final_norm(x));   loss = mean cross entropy, nats per byte
//
// with the multipliers of config.parameterization (sim/nn/parameterization.h) on every operation.
//
// Shapes: R = sequences x positions rows, C = width, H = heads, F = hidden width, V = 256.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/nn/attention.h"
#include "sim/nn/experts.h"
#include "sim/nn/kernels.h"
#include "sim/nn/layer_functions.h"
#include "sim/nn/layer_policy.h"
#include "sim/nn/linear_layer.h"
#include "sim/nn/model_config.h"
#include "sim/nn/numerics.h"
#include "sim/nn/rotation.h"
#include "sim/nn/saved_state.h"
#include "sim/nn/state_space.h"
#include "sim/nn/tensor_rounding.h"

namespace halfulp::nn {

template <class T>
class Transformer {
 public:
  /// `max_sequences` bounds the sequences of one call and is the batch that unit scaling's
  /// gradients of weights have unit variance for. Throws std::invalid_argument for shapes that do
  /// not divide and for quantizers or accumulators in binary64.
  Transformer(const ModelConfig& config, const ModelNumerics& numerics, std::size_t max_sequences);
  ~Transformer();
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;

  /// Weights from the seed alone, whatever the numerics: normal with the std of model_parameters().
  void initialize(std::uint64_t seed);

  const ModelConfig& config() const { return config_; }

  const std::vector<Parameter>& parameters() const { return parameters_; }

  std::span<T> weights() { return weights_; }

  std::span<T> gradients() { return gradients_; }

  /// Mean cross entropy of `sequences` rows of context bytes against their targets; nats per byte.
  double loss(const std::uint8_t* inputs, const std::uint8_t* targets, std::size_t sequences,
              const StepKey& key);

  /// Logits of every position, rows x vocabulary; valid until the next call.
  std::span<const T> logits(const std::uint8_t* inputs, std::size_t sequences, const StepKey& key);

  /// The same as loss(), and gradients() = key.loss_scale * d loss / d weights; under unit scaling
  /// and GradientScale::unit times a constant for each parameter besides.
  double loss_and_gradient(const std::uint8_t* inputs, const std::uint8_t* targets,
                           std::size_t sequences, const StepKey& key);

  /// Running statistics of the linear layers' operands.
  void visit_state(StateVisitor& visitor);
  /// What the gradients minimize besides loss(): the load balance of the experts, of the last pass.
  double balance_loss() const;

 private:
  struct Block;  ///< layers and activations of one block

  T* weight(std::size_t parameter) { return weights_.data() + parameters_[parameter].offset; }

  /// As a table or a norm reads it.
  const T* used(std::size_t parameter) const { return rounding_.used(weights_, parameter); }

  T* gradient(std::size_t parameter) { return gradients_.data() + parameters_[parameter].offset; }

  std::size_t find(const std::string& name) const;
  void add_learned_scales(const LayerPolicy& policy);
  /// Throws std::invalid_argument where operands propagate scales that no rule gives.
  void propagate_scales();
  LinearLayer<T> make_linear(const std::string& name, const std::string& parameter,
                             const LayerPolicy& policy);
  Block make_block(std::size_t number, const LayerPolicy& policy, Attention<T> attention,
                   std::size_t max_sequences);

  double forward(const std::uint8_t* inputs, const std::uint8_t* targets, std::size_t sequences,
                 bool training, const StepKey& key);
  void predict(const std::uint8_t* inputs, std::size_t sequences, const StepKey& key);
  void embed(const std::uint8_t* inputs, std::size_t rows, const StepKey& key);
  void norm_forward(std::size_t gain, const T* x, T* y, T* mean, T* rstd, std::size_t rows,
                    const StepKey& key);
  void norm_backward(std::size_t gain, const T* x, const T* mean, const T* rstd, const T* dy, T* dx,
                     std::size_t rows);

  /// What a residual branch's norm needs; `raw`: the branch's result where that is normed.
  struct Branch {
    std::uint32_t number;
    std::size_t gain;
    const ResidualMultipliers& multipliers;
    T *mean, *rstd, *raw;
  };

  /// The branch's operand from the stream.
  void enter_branch(const Branch& branch, const T* stream, T* operand, std::size_t rows,
                    const StepKey& key);
  /// The next stream, in place of the branch's result or from branch.raw.
  void leave_branch(const Branch& branch, const T* stream, T* next, std::size_t rows,
                    const StepKey& key);
  /// The gradient of the branch's result from dx_.
  T* leave_branch_backward(const Branch& branch, std::size_t rows);
  /// dx_ from the gradient of the branch's operand in dnarrow_.
  void enter_branch_backward(const Branch& branch, const T* stream, std::size_t rows,
                             const StepKey& key);
  void round_stream_gradient(std::size_t gain, std::size_t rows, const StepKey& key);
  Branch mixer_branch(Block& block);
  Branch feed_forward_branch(Block& block);
  void rotate(T* qkv, std::size_t rows, bool inverse);
  /// Attention or a state-space mixer between norm1 and the residual stream.
  void mix(Block& block, T* out, std::size_t sequences, const StepKey& key);
  /// dnarrow_ becomes the gradient of the mixer's input.
  void mix_backward(Block& block, T* dout, std::size_t sequences, const StepKey& key);
  /// The feed-forward layer or the experts between norm2 and the residual stream.
  void feed_forward(Block& block, T* out, std::size_t rows, const StepKey& key);
  /// dnarrow_ becomes the gradient of the feed-forward layer's input.
  void feed_forward_backward(Block& block, T* dout, std::size_t rows, const StepKey& key);
  void add_parts(Block& block, const std::string& name, const QuantizerSpec& state,
                 const LayerPolicy& policy, std::size_t max_rows);
  std::uint32_t number_of(const Block& block) const;
  void block_forward(Block& block, T* next, std::size_t sequences, const StepKey& key);
  void block_backward(Block& block, std::size_t sequences, const StepKey& key);
  void embed_backward(const std::uint8_t* inputs, std::size_t rows);

  ModelConfig config_;
  std::vector<Parameter> parameters_;
  Multipliers multipliers_;
  LayerFunctions<T> functions_;
  TensorRounding<T> rounding_;
  AlignedVector<T> weights_, gradients_;
  std::vector<Block> blocks_;
  std::vector<LinearLayer<T>> head_;  ///< one element
  std::uint32_t linear_count_ = 0;
  RotationTables<T> rotations_;
  AlignedVector<T> last_, normed_, mean_, rstd_, logits_, losses_;  ///< after the blocks
  AlignedVector<T> dx_, dwide_, dhidden_, dnarrow_, dbranch_;       ///< gradients in flight
};

}  // namespace halfulp::nn
