#include "sim/nn/generate.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "sim/elementary.h"
#include "sim/nn/kernels.h"

namespace halfulp::nn {
namespace {

/// The same bits as in attention.cc.
float score_scale(std::size_t head_width) {
  return static_cast<float>(pinned_exp(-0.5 * pinned_log(static_cast<double>(head_width))));
}

}  // namespace

Decoder::Decoder(const ModelConfig& config, std::span<const float> weights,
                 const InferenceArithmetic& arithmetic, const Reduction& reduction,
                 std::size_t rows)
    : config_(config),
      rows_(rows),
      padded_context_((config.context + 15) / 16 * 16),
      parameters_(model_parameters(config)),
      weights_(weights.begin(), weights.end()),
      score_scale_(score_scale(config.width / config.heads)),
      round_(arithmetic.results),
      product_(reduction, {arithmetic.sums, arithmetic.partial_sums, arithmetic.results}) {
  if (weights.size() < parameters_.back().offset + parameters_.back().size()) {
    throw std::invalid_argument("these are not the weights of this model");
  }
  if (!has_standard_forward(config.parameterization)) {
    throw std::invalid_argument("decoding needs the standard parameterization");
  }
  const NearestRounding store(arithmetic.weights);
  store(weights_.data(), weights_.size());
  if (config.positions == Positions::rotary) {
    rotations_ = rotation_tables<float>(config);
    store(rotations_.cosines.data(), rotations_.cosines.size());
    store(rotations_.sines.data(), rotations_.sines.size());
  }
  const std::size_t c = config.width;
  for (std::size_t i = 0; i < config.blocks; ++i) {
    const std::string name = "blocks." + std::to_string(i);
    blocks_.push_back({find(name + ".norm1.gain"), find(name + ".norm2.gain"),
                       transposed(name + ".attention.qkv"), transposed(name + ".attention.output"),
                       transposed(name + ".mlp.up"), transposed(name + ".mlp.down"),
                       AlignedVector<float>(rows * c * padded_context_),
                       AlignedVector<float>(rows * c * padded_context_)});
  }
  head_ = transposed(config.tied_head ? "token_embedding" : "head");
  for (auto* narrow : {&x_, &normed_, &attended_, &narrow_}) narrow->resize(rows * c);
  for (auto* column : {&mean_, &rstd_}) column->resize(rows);
  qkv_.resize(rows * 3 * c);
  raised_.resize(rows * (config.activation == Activation::swiglu ? 2 : 1) * config.hidden);
  activated_.resize(rows * config.hidden);
  scores_.resize(config.heads * padded_context_);
  logits_.resize(rows * config.vocabulary);
}

std::size_t Decoder::find(const std::string& name) const {
  const auto found = std::find_if(parameters_.begin(), parameters_.end(),
                                  [&](const Parameter& p) { return p.name == name; });
  return static_cast<std::size_t>(found - parameters_.begin());
}

const float* Decoder::weight(std::size_t parameter) const {
  return weights_.data() + parameters_[parameter].offset;
}

AlignedVector<float> Decoder::transposed(const std::string& name) const {
  const std::size_t number = find(name), out = parameters_[number].rows;
  const std::size_t in = parameters_[number].cols;
  AlignedVector<float> result(in * out);
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t i = 0; i < in; ++i) result[i * out + o] = weight(number)[o * in + i];
  }
  return result;
}

void Decoder::embed(std::span<const std::uint8_t> bytes) {
  const std::size_t c = config_.width;
  for (std::size_t r = 0; r < rows_; ++r) {
    const float* token = weight(0) + bytes[r] * c;
    float* x = x_.data() + r * c;
    if (config_.positions == Positions::learned) {
      kernels<float>().add(token, weight(1) + position_ * c, x, c);
    } else {
      std::copy_n(token, c, x);
    }
  }
  round_(x_.data(), x_.size());
}

void Decoder::norm(std::size_t gain, const float* x, float* y) {
  const float* bias = config_.norm == Norm::layer_norm ? weight(gain + 1) : nullptr;
  kernels<float>().norm_forward(config_.norm, x, weight(gain), bias, y, mean_.data(), rstd_.data(),
                                rows_, config_.width);
  round_(y, rows_ * config_.width);
}

void Decoder::project(const AlignedVector<float>& x, std::size_t in, const AlignedVector<float>& w,
                      AlignedVector<float>& y, std::size_t out) {
  product_({x.data(), rows_, in, in}, {w.data(), in, out, out}, {y.data(), rows_, out, out});
}

void Decoder::add_to_stream(const AlignedVector<float>& x) {
  kernels<float>().add(x_.data(), x.data(), x_.data(), x_.size());
  round_(x_.data(), x_.size());
}

void Decoder::rotate() {
  if (config_.positions != Positions::rotary) return;
  const std::size_t head_width = config_.width / config_.heads, half = head_width / 2;
  // Tables of one position: all rows stand at the same.
  kernels<float>().rotate_positions(qkv_.data(), 3 * config_.width, rows_, 2 * config_.heads,
                                    head_width, 1, rotations_.cosines.data() + position_ * half,
                                    rotations_.sines.data() + position_ * half, false);
  round_(qkv_.data(), qkv_.size());  // values are rounded already, and stay
}

void Decoder::attend_row(Block& block, std::size_t row) {
  const std::size_t c = config_.width, heads = config_.heads, head_width = c / heads;
  const std::size_t seen = position_ + 1;
  const float* qkv = qkv_.data() + row * 3 * c;
  float* keys = block.keys.data() + row * c * padded_context_;
  float* values = block.values.data() + row * c * padded_context_;
  for (std::size_t d = 0; d < c; ++d) keys[d * padded_context_ + position_] = qkv[c + d];
  std::copy_n(qkv + 2 * c, c, values + position_ * c);
  for (std::size_t h = 0; h < heads; ++h) {
    const std::size_t first = h * head_width;
    product_({qkv + first, 1, head_width, head_width},
             {keys + first * padded_context_, head_width, seen, padded_context_},
             {scores_.data() + h * padded_context_, 1, seen, seen});
    kernels<float>().causal_softmax_forward(scores_.data() + h * padded_context_, padded_context_,
                                            1, seen, seen - 1, score_scale_);
  }
  round_({scores_.data(), heads, seen, padded_context_});
  for (std::size_t h = 0; h < heads; ++h) {
    const std::size_t first = h * head_width;
    product_({scores_.data() + h * padded_context_, 1, seen, seen},
             {values + first, seen, head_width, c},
             {attended_.data() + row * c + first, 1, head_width, head_width});
  }
}

void Decoder::attend(Block& block) {
  norm(block.norm1, x_.data(), normed_.data());
  project(normed_, config_.width, block.qkv, qkv_, 3 * config_.width);
  rotate();
  for (std::size_t row = 0; row < rows_; ++row) attend_row(block, row);
  project(attended_, config_.width, block.output, narrow_, config_.width);
  add_to_stream(narrow_);
}

void Decoder::feed_forward(Block& block) {
  norm(block.norm2, x_.data(), normed_.data());
  project(normed_, config_.width, block.up, raised_, raised_.size() / rows_);
  if (config_.activation == Activation::swiglu) {
    kernels<float>().swiglu_forward(raised_.data(), activated_.data(), rows_, config_.hidden);
  } else {
    kernels<float>().gelu_forward(raised_.data(), activated_.data(), activated_.size());
  }
  round_(activated_.data(), activated_.size());
  project(activated_, config_.hidden, block.down, narrow_, config_.width);
  add_to_stream(narrow_);
}

ConstMatrix Decoder::step(std::span<const std::uint8_t> bytes) {
  if (position_ == config_.context) {
    throw std::length_error("the model has no position " + std::to_string(position_));
  }
  embed(bytes);
  for (Block& block : blocks_) {
    attend(block);
    feed_forward(block);
  }
  norm(find("final_norm.gain"), x_.data(), normed_.data());
  project(normed_, config_.width, head_, logits_, config_.vocabulary);
  ++position_;
  return {logits_.data(), rows_, config_.vocabulary, config_.vocabulary};
}

std::vector<std::uint8_t> decode_greedily(Decoder& decoder, std::span<const std::uint8_t> prompts,
                                          std::size_t rows, std::size_t tokens,
                                          const LogitObserver& observer) {
  const std::size_t prompt_bytes = prompts.size() / rows;
  std::vector<std::uint8_t> output(rows * tokens), next(rows);
  decoder.restart();
  for (std::size_t p = 0; p + 1 < prompt_bytes + tokens; ++p) {
    for (std::size_t r = 0; r < rows; ++r) {
      next[r] =
          p < prompt_bytes ? prompts[r * prompt_bytes + p] : output[r * tokens + p - prompt_bytes];
    }
    const ConstMatrix logits = decoder.step(next);
    if (p + 1 < prompt_bytes) continue;
    const std::size_t token = p + 1 - prompt_bytes;
    for (std::size_t r = 0; r < rows; ++r) {
      const std::span<const float> row(logits.data + r * logits.stride, logits.cols);
      std::size_t best = 0;
      for (std::size_t i = 1; i < row.size(); ++i) {
        if (row[i] > row[best] || row[best] != row[best]) best = i;
      }
      output[r * tokens + token] = static_cast<std::uint8_t>(best);
      if (observer) observer(r, token, row);
    }
  }
  return output;
}

}  // namespace halfulp::nn
