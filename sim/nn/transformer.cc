#include "sim/nn/transformer.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "sim/nn/transformer_branches-inl.h"
#include "sim/nn/transformer_parts-inl.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {

template <class T>
struct Transformer<T>::Block {
  std::size_t norm1,
      norm2;  ///< parameter numbers of the gains; a layer norm's bias follows its gain
  LinearLayer<T> qkv, output, up, down;  ///< of size 0 where something else is in their place
  Attention<T> attention;
  AlignedVector<T> input, normed1, mean1, rstd1, projected, probabilities, attended;
  AlignedVector<T> middle, normed2, mean2, rstd2, raised, activated;
  AlignedVector<T> raw1, raw2;  ///< results of the branches where they are normed
  std::unique_ptr<StateSpaceMixer<T>> mixer = {};  ///< in the place of attention
  std::unique_ptr<Experts<T>> experts = {};        ///< in the place of up and down
};

namespace {

void check_shape(const ModelConfig& config) {
  if (config.width == 0 || config.heads == 0 || config.width % config.heads != 0) {
    throw std::invalid_argument("the model's width must be a multiple of its heads");
  }
  const std::size_t head_width = config.width / config.heads;
  if (config.positions == Positions::rotary && (head_width % 2 != 0)) {
    throw std::invalid_argument("rotary positions need an even head width");
  }
  if (config.experts > 0 &&
      (config.experts_per_token < 1 || config.experts_per_token > 2 || config.experts < 2)) {
    throw std::invalid_argument("a row goes to one or two of at least two experts");
  }
  if (config.context == 0 || config.blocks == 0 || config.hidden == 0) {
    throw std::invalid_argument("a model needs at least one block, position and hidden unit");
  }
  const Parameterization rule = config.parameterization.rule;
  if (config.tied_head && (rule == Parameterization::mup || has_unit_weights(rule))) {
    throw std::invalid_argument("this parameterization has other rules for head and embedding");
  }
}

/// Columns of what the activation reads: gate and up of SwiGLU.
std::size_t up_width(const ModelConfig& config) {
  return config.activation == Activation::swiglu ? 2 * config.hidden : config.hidden;
}

}  // namespace

template <class T>
Transformer<T>::~Transformer() = default;

template <class T>
Transformer<T>::Transformer(const ModelConfig& config, const ModelNumerics& numerics,
                            std::size_t max_sequences)
    : config_(config),
      parameters_(model_parameters(config)),
      multipliers_(multipliers(config, max_sequences * config.context)),
      functions_(numerics.functions),
      rounding_(numerics.tensors, parameters_) {
  check_shape(config);
  const LayerPolicy policy(numerics, linear_layer_names(config), config.blocks);
  add_learned_scales(policy);
  const std::size_t total = parameters_.back().offset + (parameters_.back().size() + 15) / 16 * 16;
  weights_.resize(total);
  gradients_.resize(total);
  const std::size_t rows = max_sequences * config.context;
  const std::size_t c = config.width;
  blocks_.reserve(config.blocks);
  for (std::size_t i = 0; i < config.blocks; ++i) {
    Attention<T> attention(policy.attention(attention_name(i)), static_cast<std::uint32_t>(i),
                           numerics.switch_to);
    blocks_.push_back(make_block(i, policy, std::move(attention), max_sequences));
    add_parts(blocks_.back(), "blocks." + std::to_string(i), numerics.state, policy, rows);
  }
  head_.push_back(make_linear("head", config.tied_head ? "token_embedding" : "head", policy));
  head_[0].set_multipliers(multipliers_.head);
  propagate_scales();
  using V = AlignedVector<T>;
  for (V* narrow : {&last_, &normed_, &dx_, &dnarrow_}) narrow->resize(rows * c);
  for (V* column : {&mean_, &rstd_, &losses_}) column->resize(rows);
  logits_.resize(rows * config.vocabulary);
  dwide_.resize(rows * std::max(up_width(config), 3 * c));
  dhidden_.resize(rows * config.hidden);
  if (multipliers_.norms_branch_output) dbranch_.resize(rows * c);
  if (config.positions == Positions::rotary) rotations_ = rotation_tables<T>(config);
}

template <class T>
auto Transformer<T>::make_block(std::size_t number, const LayerPolicy& policy,
                                Attention<T> attention, std::size_t max_sequences) -> Block {
  const std::size_t rows = max_sequences * config_.context;
  const std::size_t c = config_.width, f = config_.hidden, wide = up_width(config_);
  const std::size_t raw = multipliers_.norms_branch_output ? rows * c : 0;
  const std::size_t scores = rows * config_.heads * config_.context;
  const std::string name = "blocks." + std::to_string(number);
  const auto linear = [&](const char* layer, const LinearMultipliers& multipliers) {
    LinearLayer<T> made = make_linear(name + layer, name + layer, policy);
    made.set_multipliers(multipliers);
    return made;
  };
  attention.set_multipliers(multipliers_.attention);
  LinearLayer<T> qkv = linear(".attention.qkv", multipliers_.qkv);
  LinearLayer<T> output = linear(".attention.output", multipliers_.output);
  LinearLayer<T> up = linear(".mlp.up", multipliers_.up);
  LinearLayer<T> down = linear(".mlp.down", multipliers_.down);
  using V = AlignedVector<T>;
  return {find(name + ".norm1.gain"),
          find(name + ".norm2.gain"),
          std::move(qkv),
          std::move(output),
          std::move(up),
          std::move(down),
          std::move(attention),
          V(rows * c),
          V(rows * c),
          V(rows),
          V(rows),
          V(rows * 3 * c),
          V(scores),
          V(rows * c),
          V(rows * c),
          V(rows * c),
          V(rows),
          V(rows),
          V(rows * wide),
          V(rows * f),
          V(raw),
          V(raw)};
}

template <class T>
std::size_t Transformer<T>::find(const std::string& name) const {
  const auto found = std::find_if(parameters_.begin(), parameters_.end(),
                                  [&](const Parameter& p) { return p.name == name; });
  return static_cast<std::size_t>(found - parameters_.begin());
}

/// Trained scales of the linear layers' operands, after the model's own parameters.
template <class T>
void Transformer<T>::add_learned_scales(const LayerPolicy& policy) {
  for (const std::string& name : linear_layer_names(config_)) {
    const Parameter& weight =
        parameters_[find(name == "head" && config_.tied_head ? "token_embedding" : name)];
    for (Parameter& scale :
         learned_parameters(name, weight.cols, weight.rows, policy.linear(name))) {
      scale.offset = parameters_.back().offset + (parameters_.back().size() + 15) / 16 * 16;
      parameters_.push_back(std::move(scale));
    }
  }
}

template <class T>
void Transformer<T>::propagate_scales() {
  if (!propagates_scales(config_)) return;
  const PropagatedScales scales = propagated_scales(config_);
  for (Block& b : blocks_) {
    b.qkv.set_propagated(scales.block.qkv);
    b.output.set_propagated(scales.block.output);
    b.up.set_propagated(scales.block.up);
    b.down.set_propagated(scales.block.down);
  }
  head_[0].set_propagated(scales.head);
}

template <class T>
LinearLayer<T> Transformer<T>::make_linear(const std::string& name, const std::string& parameter,
                                           const LayerPolicy& policy) {
  const std::size_t number = find(parameter);
  if (number == parameters_.size()) {
    return LinearLayer<T>(name, 0, 0, nullptr, nullptr, binary32_numerics(), {}, 0);
  }
  LinearLayer<T> layer(name, parameters_[number].cols, parameters_[number].rows, weight(number),
                       gradient(number), policy.linear(name), policy.switch_to(), linear_count_++);
  if (layer.propagates() && !propagates_scales(config_)) {
    throw std::invalid_argument(name + ": " + kNoPropagation);
  }
  if constexpr (std::is_same_v<T, float>) {
    const auto scales = [&](const char* suffix) -> LearnedScales {
      const std::size_t own = find(name + suffix);
      if (own == parameters_.size()) return {};
      const std::size_t n = parameters_[own].size();
      return {{weight(own), n}, {gradient(own), n}};
    };
    layer.set_learned(scales(".weight_scale"), scales(".input_scale"));
  }
  return layer;
}

template <class T>
void Transformer<T>::visit_state(StateVisitor& visitor) {
  for (Block& b : blocks_) {
    for (LinearLayer<T>* layer : {&b.qkv, &b.output, &b.up, &b.down}) layer->visit_state(visitor);
    if (b.mixer) b.mixer->visit_state(visitor);
    if (b.experts) b.experts->visit_state(visitor);
  }
  head_[0].visit_state(visitor);
}

template <class T>
void Transformer<T>::initialize(std::uint64_t seed) {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const Parameter& parameter = parameters_[p];
    const RandomStream stream = {seed, static_cast<std::uint32_t>(RandomPurpose::weights),
                                 static_cast<std::uint32_t>(p), 0};
    for (std::size_t i = 0; i < parameter.size(); ++i) {
      const double value = parameter.init_std == 0.0
                               ? parameter.constant
                               : parameter.init_std * random_normal(stream, i);
      // Through binary32, so that binary64 gradient checks start from the same weights.
      weight(p)[i] = static_cast<T>(static_cast<float>(value));
    }
  }
}

template <class T>
void Transformer<T>::embed(const std::uint8_t* inputs, std::size_t rows, const StepKey& key) {
  const std::size_t c = config_.width;
  const T* tokens = used(0);
  T* x = blocks_[0].input.data();
  for (std::size_t r = 0; r < rows; ++r) {
    const T* row = tokens + inputs[r] * c;
    if (config_.positions == Positions::learned) {
      kernels<T>().add(row, used(1) + (r % config_.context) * c, x + r * c, c);
    } else {
      std::copy_n(row, c, x + r * c);
    }
  }
  scale_by(multipliers_.embedding, x, rows * c);
  rounding_.apply(rounding_.embedding_output, 0, x, rows, c, key);
}

/// Sums over rows in ascending order, on top of a tied head's gradient.
template <class T>
void Transformer<T>::embed_backward(const std::uint8_t* inputs, std::size_t rows) {
  const std::size_t c = config_.width;
  T* tokens = gradient(0);
  if (!config_.tied_head) std::fill_n(tokens, parameters_[0].size(), T{0});
  if (config_.positions == Positions::learned) {
    std::fill_n(gradient(1), parameters_[1].size(), T{0});
  }
  scale_by(multipliers_.grad_embedding, dx_.data(), rows * c);
  for (std::size_t r = 0; r < rows; ++r) {
    const T* row = dx_.data() + r * c;
    kernels<T>().add(tokens + inputs[r] * c, row, tokens + inputs[r] * c, c);
    if (config_.positions == Positions::learned) {
      T* position = gradient(1) + (r % config_.context) * c;
      kernels<T>().add(position, row, position, c);
    }
  }
  if (config_.positions == Positions::learned) {
    scale_by(multipliers_.grad_position / multipliers_.grad_embedding, gradient(1),
             parameters_[1].size());
  }
}

template <class T>
auto Transformer<T>::mixer_branch(Block& b) -> Branch {
  const auto number = 2 * static_cast<std::uint32_t>(&b - blocks_.data());
  return {number,         b.norm1,        multipliers_.residual[number],
          b.mean1.data(), b.rstd1.data(), b.raw1.data()};
}

template <class T>
auto Transformer<T>::feed_forward_branch(Block& b) -> Branch {
  const auto number = 2 * static_cast<std::uint32_t>(&b - blocks_.data()) + 1;
  return {number,         b.norm2,        multipliers_.residual[number],
          b.mean2.data(), b.rstd2.data(), b.raw2.data()};
}

template <class T>
void Transformer<T>::block_forward(Block& b, T* next, std::size_t sequences, const StepKey& key) {
  const std::size_t rows = sequences * config_.context;
  const bool norms_output = multipliers_.norms_branch_output;
  const Branch mixer = mixer_branch(b), feed_forward_layer = feed_forward_branch(b);
  enter_branch(mixer, b.input.data(), b.normed1.data(), rows, key);
  mix(b, norms_output ? mixer.raw : b.middle.data(), sequences, key);
  leave_branch(mixer, b.input.data(), b.middle.data(), rows, key);

  enter_branch(feed_forward_layer, b.middle.data(), b.normed2.data(), rows, key);
  feed_forward(b, norms_output ? feed_forward_layer.raw : next, rows, key);
  leave_branch(feed_forward_layer, b.middle.data(), next, rows, key);
}

/// dx_ holds the gradient of the block's output on entry and of its input on return.
template <class T>
void Transformer<T>::block_backward(Block& b, std::size_t sequences, const StepKey& key) {
  const std::size_t rows = sequences * config_.context;
  const Branch mixer = mixer_branch(b), feed_forward_layer = feed_forward_branch(b);
  feed_forward_backward(b, leave_branch_backward(feed_forward_layer, rows), rows, key);
  enter_branch_backward(feed_forward_layer, b.middle.data(), rows, key);

  mix_backward(b, leave_branch_backward(mixer, rows), sequences, key);
  enter_branch_backward(mixer, b.input.data(), rows, key);
}

template <class T>
void Transformer<T>::rotate(T* qkv, std::size_t rows, bool inverse) {
  if (config_.positions != Positions::rotary) return;
  kernels<T>().rotate_positions(qkv, 3 * config_.width, rows, 2 * config_.heads,
                                config_.width / config_.heads, config_.context,
                                rotations_.cosines.data(), rotations_.sines.data(), inverse);
}

template <class T>
void Transformer<T>::predict(const std::uint8_t* inputs, std::size_t sequences,
                             const StepKey& key) {
  const std::size_t rows = sequences * config_.context;
  rounding_.read_parameters(weights_, key);
  embed(inputs, rows, key);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    T* next = i + 1 < blocks_.size() ? blocks_[i + 1].input.data() : last_.data();
    block_forward(blocks_[i], next, sequences, key);
  }
  norm_forward(find("final_norm.gain"), last_.data(), normed_.data(), mean_.data(), rstd_.data(),
               rows, key);
  head_[0].forward(normed_.data(), logits_.data(), rows, key);
}

template <class T>
std::span<const T> Transformer<T>::logits(const std::uint8_t* inputs, std::size_t sequences,
                                          const StepKey& key) {
  predict(inputs, sequences, key);
  return {logits_.data(), sequences * config_.context * config_.vocabulary};
}

template <class T>
double Transformer<T>::forward(const std::uint8_t* inputs, const std::uint8_t* targets,
                               std::size_t sequences, bool training, const StepKey& key) {
  const std::size_t rows = sequences * config_.context;
  predict(inputs, sequences, key);
  const T mean = static_cast<T>(key.loss_scale) / static_cast<T>(rows);
  const auto& unit = multipliers_.logit_gradient;
  const double scale = unit ? key.loss_scale * *unit : static_cast<double>(mean);
  functions_.cross_entropy(logits_.data(), targets, losses_.data(), rows, config_.vocabulary,
                           training, scale, key);
  double sum = 0.0;  // rows ascending
  for (std::size_t r = 0; r < rows; ++r) sum += static_cast<double>(losses_[r]);
  return sum / static_cast<double>(rows);
}

template <class T>
double Transformer<T>::loss(const std::uint8_t* inputs, const std::uint8_t* targets,
                            std::size_t sequences, const StepKey& key) {
  return forward(inputs, targets, sequences, false, key);
}

template <class T>
double Transformer<T>::loss_and_gradient(const std::uint8_t* inputs, const std::uint8_t* targets,
                                         std::size_t sequences, const StepKey& key) {
  const double loss = forward(inputs, targets, sequences, true, key);
  const std::size_t rows = sequences * config_.context, c = config_.width;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (!parameters_[p].decays) std::fill_n(gradient(p), parameters_[p].size(), T{0});
  }
  rounding_.apply(rounding_.logits_gradient, 0, logits_.data(), rows, config_.vocabulary, key);
  rescale({&head_[0]}, logits_.data(), rows, config_.vocabulary);
  head_[0].backward(normed_.data(), logits_.data(), dnarrow_.data(), rows, false, key);
  std::fill_n(dx_.data(), rows * c, T{0});
  const std::size_t gain = find("final_norm.gain");
  norm_backward(gain, last_.data(), mean_.data(), rstd_.data(), dnarrow_.data(), dx_.data(), rows);
  round_stream_gradient(gain, rows, key);
  for (std::size_t i = blocks_.size(); i-- > 0;) block_backward(blocks_[i], sequences, key);
  embed_backward(inputs, rows);
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (parameters_[p].decays) continue;
    scale_by(multipliers_.grad_norm, gradient(p), parameters_[p].size());
  }
  rounding_.round_gradients(gradients_, key);
  return loss;
}

template class Transformer<float>;
template class Transformer<double>;

}  // namespace halfulp::nn
