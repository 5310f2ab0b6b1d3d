// A transformer of one block written out in binary64, forward and backward, with a call of a hook
// wherever a tensor can be rounded: the oracle of where the model rounds and what reads it.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/nn/model_config.h"

namespace halfulp::nn {

struct PlainMatrix {
  std::size_t rows, cols;
  std::vector<double> x;

  PlainMatrix(std::size_t r, std::size_t c) : rows(r), cols(c), x(r * c) {}

  double& at(std::size_t r, std::size_t c) { return x[r * cols + c]; }

  double at(std::size_t r, std::size_t c) const { return x[r * cols + c]; }
};

/// RMS norm, rotary positions, SwiGLU, an untied head. Hooks are named as the settings without
/// "precision."; those of attention's operands and products see the matrix of one head.
class PlainBlock {
 public:
  using M = PlainMatrix;
  using Hooks = std::map<std::string, std::function<void(M&)>>;

  PlainBlock(const ModelConfig& config, const std::vector<float>& weights, Hooks hooks)
      : config_(config), hooks_(std::move(hooks)) {
    for (const Parameter& p : model_parameters(config)) {
      M matrix(p.rows, p.cols);
      for (std::size_t i = 0; i < p.size(); ++i) {
        matrix.x[i] = static_cast<double>(weights[p.offset + i]);
      }
      weights_.emplace(p.name, matrix);
      gradients_.emplace(p.name, M(p.rows, p.cols));
    }
  }

  const M& gradient(const std::string& name) const { return gradients_.at(name); }

  /// Mean loss; gradients times `loss_scale`.
  double run(const std::vector<std::uint8_t>& inputs, const std::vector<std::uint8_t>& targets,
             double loss_scale) {
    const std::size_t rows = inputs.size(), c = config_.width;
    const M table = hooked("embedding", weights_.at("token_embedding"));
    M x(rows, c);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < c; ++i) x.at(r, i) = table.at(inputs[r], i);
    }
    hook("embedding_output", x);
    const M input = x, gain1 = gain("blocks.0.norm1"), gain2 = gain("blocks.0.norm2");
    const M normed1 = norm(input, gain1);
    M qkv = linear(normed1, "blocks.0.attention.qkv");
    rotate(qkv, 1.0);
    const M attended = attention(qkv);
    const M middle = residual(input, linear(attended, "blocks.0.attention.output"));
    const M normed2 = norm(middle, gain2);
    const M raised = linear(normed2, "blocks.0.mlp.up");
    const M activated = swiglu(raised);
    const M last = residual(middle, linear(activated, "blocks.0.mlp.down"));
    const M gain3 = gain("final_norm"), normed3 = norm(last, gain3);
    const M logits = linear(normed3, "head");
    M d = M(rows, logits.cols);
    const double loss = cross_entropy(logits, targets, loss_scale, d);

    hook("logits_gradient", d);
    M dx(rows, c);
    norm_backward(last, gain3, linear_backward(normed3, d, "head"), dx, "final_norm");
    const M dactivated = linear_backward(activated, dx, "blocks.0.mlp.down");
    const M draised = swiglu_backward(raised, dactivated);
    norm_backward(middle, gain2, linear_backward(normed2, draised, "blocks.0.mlp.up"), dx,
                  "blocks.0.norm2");
    const M dattended = linear_backward(attended, dx, "blocks.0.attention.output");
    M dqkv = attention_backward(qkv, dattended);
    rotate(dqkv, -1.0);
    hook("activation_gradient", dqkv);
    norm_backward(input, gain1, linear_backward(normed1, dqkv, "blocks.0.attention.qkv"), dx,
                  "blocks.0.norm1");
    M& dtable = gradients_.at("token_embedding");
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < c; ++i) dtable.at(inputs[r], i) += dx.at(r, i);
    }
    for (auto& [name, matrix] : gradients_) hook("weight_gradient", matrix);
    return loss;
  }

 private:
  void hook(const std::string& name, M& matrix) const {
    const auto found = hooks_.find(name);
    if (found != hooks_.end()) found->second(matrix);
  }

  M hooked(const std::string& name, M matrix) const {
    hook(name, matrix);
    return matrix;
  }

  M gain(const std::string& name) const {
    return hooked("norm_parameter", weights_.at(name + ".gain"));
  }

  /// a b^T, or with transposed operands.
  static M product(const M& a, bool a_transposed, const M& b, bool b_transposed) {
    const std::size_t rows = a_transposed ? a.cols : a.rows, k = a_transposed ? a.rows : a.cols;
    const std::size_t cols = b_transposed ? b.rows : b.cols;
    M c(rows, cols);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < cols; ++j) {
        for (std::size_t l = 0; l < k; ++l) {
          c.at(i, j) +=
              (a_transposed ? a.at(l, i) : a.at(i, l)) * (b_transposed ? b.at(j, l) : b.at(l, j));
        }
      }
    }
    return c;
  }

  M linear(const M& x, const std::string& name) const {
    const bool is_logits = name == "head" && hooks_.count("logits") != 0;
    return hooked(is_logits ? "logits" : "fprop.output",
                  product(x, false, weights_.at(name), true));
  }

  M linear_backward(const M& x, const M& dy, const std::string& name) {
    gradients_.at(name) = hooked("wgrad.output", product(dy, true, x, false));
    return hooked("dgrad.output", product(dy, false, weights_.at(name), false));
  }

  static double inverse_rms(const M& x, std::size_t row) {
    double squares = 0.0;
    for (std::size_t i = 0; i < x.cols; ++i) squares += x.at(row, i) * x.at(row, i);
    return 1.0 / std::sqrt(squares / static_cast<double>(x.cols) + 1e-5);
  }

  M norm(const M& x, const M& gains) const {
    M y = x;
    for (std::size_t r = 0; r < x.rows; ++r) {
      for (std::size_t i = 0; i < x.cols; ++i) y.at(r, i) *= inverse_rms(x, r) * gains.at(0, i);
    }
    return hooked("norm_output", y);
  }

  void norm_backward(const M& x, const M& gains, const M& dy, M& dx, const std::string& name) {
    for (std::size_t r = 0; r < x.rows; ++r) {
      const double inverse = inverse_rms(x, r);
      double dot = 0.0;
      for (std::size_t i = 0; i < x.cols; ++i) dot += dy.at(r, i) * gains.at(0, i) * x.at(r, i);
      for (std::size_t i = 0; i < x.cols; ++i) {
        dx.at(r, i) += inverse * gains.at(0, i) * dy.at(r, i) -
                       x.at(r, i) * inverse * inverse * inverse * dot / static_cast<double>(x.cols);
        gradients_.at(name + ".gain").at(0, i) += dy.at(r, i) * x.at(r, i) * inverse;
      }
    }
    hook("residual_gradient", dx);
  }

  M residual(const M& x, const M& branch) const {
    M y = x;
    for (std::size_t i = 0; i < y.x.size(); ++i) y.x[i] += branch.x[i];
    return hooked("residual", y);
  }

  M swiglu(const M& raised) const {
    M y(raised.rows, raised.cols / 2);
    for (std::size_t r = 0; r < y.rows; ++r) {
      for (std::size_t i = 0; i < y.cols; ++i) {
        const double gate = raised.at(r, i);
        y.at(r, i) = gate / (1.0 + std::exp(-gate)) * raised.at(r, y.cols + i);
      }
    }
    return hooked("activation_output", y);
  }

  M swiglu_backward(const M& raised, const M& dy) const {
    M d(raised.rows, raised.cols);
    for (std::size_t r = 0; r < dy.rows; ++r) {
      for (std::size_t i = 0; i < dy.cols; ++i) {
        const double gate = raised.at(r, i), s = 1.0 / (1.0 + std::exp(-gate));
        d.at(r, i) = dy.at(r, i) * raised.at(r, dy.cols + i) * s * (1.0 + gate * (1.0 - s));
        d.at(r, dy.cols + i) = dy.at(r, i) * gate * s;
      }
    }
    return hooked("activation_gradient", d);
  }

  void rotate(M& qkv, double sign) const {
    const std::size_t width = config_.width / config_.heads, half = width / 2;
    for (std::size_t r = 0; r < qkv.rows; ++r) {
      for (std::size_t head = 0; head < 2 * config_.heads; ++head) {
        for (std::size_t i = 0; i < half; ++i) {
          const double angle =
              static_cast<double>(r % config_.context) *
              std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(width));
          double& a = qkv.at(r, head * width + i);
          double& b = qkv.at(r, head * width + half + i);
          const double cosine = std::cos(angle), sine = sign * std::sin(angle), kept = a;
          a = kept * cosine - b * sine;
          b = b * cosine + kept * sine;
        }
      }
    }
  }

  /// Head `number` (of all sequences) of part `part` of rows that hold `parts` of the width.
  M head(const M& all, std::size_t number, std::size_t part) const {
    const std::size_t n = config_.context, width = config_.width / config_.heads;
    M out(n, width);
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t i = 0; i < width; ++i)
        out.at(r, i) = all.at(place(number, r), col(number, part, i));
    }
    return out;
  }

  void put(M& all, std::size_t number, std::size_t part, const M& own) const {
    for (std::size_t r = 0; r < own.rows; ++r) {
      for (std::size_t i = 0; i < own.cols; ++i)
        all.at(place(number, r), col(number, part, i)) = own.at(r, i);
    }
  }

  std::size_t place(std::size_t number, std::size_t row) const {
    return number / config_.heads * config_.context + row;
  }

  std::size_t col(std::size_t number, std::size_t part, std::size_t i) const {
    return part * config_.width + number % config_.heads * (config_.width / config_.heads) + i;
  }

  /// Leaves the rounded queries, keys and values in `qkv`.
  M attention(M& qkv) {
    M out(qkv.rows, config_.width);
    probabilities_.clear();
    const double scale = 1.0 / std::sqrt(static_cast<double>(config_.width / config_.heads));
    for (std::size_t h = 0; h < qkv.rows / config_.context * config_.heads; ++h) {
      const M q = hooked("attention.query", head(qkv, h, 0));
      const M k = hooked("attention.key", hooked("attention.key_cache", head(qkv, h, 1)));
      const M v = hooked("attention.value", hooked("attention.value_cache", head(qkv, h, 2)));
      M p = hooked("attention.scores.output", product(q, false, k, true));
      for (std::size_t r = 0; r < p.rows; ++r) {
        double sum = 0.0;
        for (std::size_t i = 0; i < p.cols; ++i) {
          p.at(r, i) = i <= r ? std::exp(scale * p.at(r, i)) : 0.0;
          sum += p.at(r, i);
        }
        for (std::size_t i = 0; i < p.cols; ++i) p.at(r, i) /= sum;
      }
      hook("attention.probabilities", p);
      put(qkv, h, 0, q);
      put(qkv, h, 1, k);
      put(qkv, h, 2, v);
      put(out, h, 0, hooked("attention.context.output", product(p, false, v, false)));
      probabilities_.push_back(p);
    }
    return out;
  }

  M attention_backward(const M& qkv, const M& dout) {
    M dqkv(qkv.rows, qkv.cols);
    const double scale = 1.0 / std::sqrt(static_cast<double>(config_.width / config_.heads));
    for (std::size_t h = 0; h < probabilities_.size(); ++h) {
      const M& p = probabilities_[h];
      const M q = head(qkv, h, 0), k = head(qkv, h, 1), v = head(qkv, h, 2);
      const M d = hooked("attention.grad_output", head(dout, h, 0));
      M ds = hooked("attention.grad_probabilities.output", product(d, false, v, true));
      for (std::size_t r = 0; r < p.rows; ++r) {
        double dot = 0.0;
        for (std::size_t i = 0; i < p.cols; ++i) dot += p.at(r, i) * ds.at(r, i);
        for (std::size_t i = 0; i < p.cols; ++i) {
          ds.at(r, i) = p.at(r, i) * (ds.at(r, i) - dot) * scale;
        }
      }
      hook("attention.grad_scores", ds);
      put(dqkv, h, 0, hooked("attention.grad_query.output", product(ds, false, k, false)));
      put(dqkv, h, 1, hooked("attention.grad_key.output", product(ds, true, q, false)));
      put(dqkv, h, 2, hooked("attention.grad_value.output", product(p, true, d, false)));
    }
    return dqkv;
  }

  static double cross_entropy(const M& logits, const std::vector<std::uint8_t>& targets,
                              double loss_scale, M& d) {
    double loss = 0.0;
    const auto rows = static_cast<double>(logits.rows);
    for (std::size_t r = 0; r < logits.rows; ++r) {
      double sum = 0.0;
      for (std::size_t i = 0; i < logits.cols; ++i) sum += std::exp(logits.at(r, i));
      loss += (std::log(sum) - logits.at(r, targets[r])) / rows;
      for (std::size_t i = 0; i < logits.cols; ++i) {
        const double hit = i == targets[r] ? 1.0 : 0.0;
        d.at(r, i) = (std::exp(logits.at(r, i)) / sum - hit) * loss_scale / rows;
      }
    }
    return loss;
  }

  ModelConfig config_;
  Hooks hooks_;
  std::map<std::string, M> weights_, gradients_;
  std::vector<M> probabilities_;
};

}  // namespace halfulp::nn
