// Greedy decoding written out: the oracle of sim/nn/generate.h for one architecture.
#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/nn/kernels.h"
#include "sim/nn/model_config.h"
#include "sim/nn/rotation.h"

namespace halfulp::nn {

/// The decoder without a cache, written out for RMS norm, rotary positions, SwiGLU and a tied head:
/// one sequence, sums in two parts, a call of round() wherever a result is stored.
class PlainDecoder {
 public:
  PlainDecoder(const ModelConfig& config, const std::vector<float>& weights, const char* format)
      : config_(config), parameters_(model_parameters(config)), format_(parse_format(format)) {
    for (const float w : weights) weights_.push_back(stored(w));
    tables_ = rotation_tables<float>(config);
    for (auto* table : {&tables_.cosines, &tables_.sines}) {
      for (float& x : *table) x = stored(x);
    }
  }

  /// Logits after `text`.
  std::vector<float> logits(const std::vector<std::uint8_t>& text) {
    const std::size_t c = config_.width;
    std::vector<std::vector<float>> x;
    for (const std::uint8_t byte : text) {
      const float* row = tensor("token_embedding") + byte * c;
      x.emplace_back(row, row + c);
    }
    for (std::size_t b = 0; b < config_.blocks; ++b) block("blocks." + std::to_string(b), x);
    return product(norm(x.back(), "final_norm.gain"), tensor("token_embedding"), c, 1, 256);
  }

 private:
  using Row = std::vector<float>;

  float stored(float x) const {
    return static_cast<float>(
        round(format_, {.rounding = Rounding::nearest_even, .overflow = Overflow::infinity},
              static_cast<double>(x)));
  }

  const float* tensor(const std::string& name) const {
    for (const Parameter& p : parameters_) {
      if (p.name == name) return weights_.data() + p.offset;
    }
    throw std::logic_error(name);
  }

  /// y[n] = sum over k of x[k] w[n stride + k step], the first half of the terms and the second.
  Row product(const Row& x, const float* w, std::size_t stride, std::size_t step,
              std::size_t columns) const {
    Row y;
    for (std::size_t n = 0; n < columns; ++n) {
      float parts[2] = {0.0F, 0.0F};
      const std::size_t half = x.size() / 2;
      for (std::size_t k = 0; k < x.size(); ++k) {
        float& part = parts[k < half ? 0 : 1];
        part = std::fma(x[k], w[n * stride + k * step], part);
      }
      y.push_back(half == 0 ? stored(parts[1]) : stored(stored(parts[0]) + stored(parts[1])));
    }
    return y;
  }

  Row norm(const Row& x, const std::string& gain) const {
    Row y(x.size());
    float mean = 0, rstd = 0;
    kernels<float>().norm_forward(Norm::rms_norm, x.data(), tensor(gain), nullptr, y.data(), &mean,
                                  &rstd, 1, x.size());
    for (float& v : y) v = stored(v);
    return y;
  }

  void add(Row& x, const Row& more) const {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = stored(x[i] + more[i]);
  }

  void block(const std::string& name, std::vector<Row>& x) {
    const std::size_t c = config_.width, head = c / config_.heads, f = config_.hidden;
    std::vector<float> all;  // positions x 3 c
    for (std::size_t p = 0; p < x.size(); ++p) {
      Row qkv =
          product(norm(x[p], name + ".norm1.gain"), tensor(name + ".attention.qkv"), c, 1, 3 * c);
      const std::size_t place = p * head / 2;
      kernels<float>().rotate_positions(qkv.data(), 3 * c, 1, 2 * config_.heads, head, 1,
                                        tables_.cosines.data() + place,
                                        tables_.sines.data() + place, false);
      for (const float v : qkv) all.push_back(stored(v));
    }
    for (std::size_t p = 0; p < x.size(); ++p) {
      Row attended;
      for (std::size_t h = 0; h < config_.heads; ++h) {
        const float* q = all.data() + p * 3 * c + h * head;
        Row scores = product(Row(q, q + head), all.data() + c + h * head, 3 * c, 1, p + 1);
        const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head)));
        kernels<float>().causal_softmax_forward(scores.data(), p + 1, 1, p + 1, p, scale);
        for (float& v : scores) v = stored(v);
        const Row out = product(scores, all.data() + 2 * c + h * head, 1, 3 * c, head);
        attended.insert(attended.end(), out.begin(), out.end());
      }
      add(x[p], product(attended, tensor(name + ".attention.output"), c, 1, c));
      const Row raised =
          product(norm(x[p], name + ".norm2.gain"), tensor(name + ".mlp.up"), c, 1, 2 * f);
      Row activated(f);
      kernels<float>().swiglu_forward(raised.data(), activated.data(), 1, f);
      for (float& v : activated) v = stored(v);
      add(x[p], product(activated, tensor(name + ".mlp.down"), f, 1, c));
    }
  }

  ModelConfig config_;
  std::vector<Parameter> parameters_;
  Format format_;
  std::vector<float> weights_;
  RotationTables<float> tables_;
};

}  // namespace halfulp::nn
