// Small parameters, gradients that depend on the step alone, and a map that keeps state.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/nn/optimizer.h"

namespace halfulp::nn::test {

/// A hidden matrix, an embedding and a vector.
inline std::vector<Parameter> small_parameters() {
  return {{"blocks.0.mlp.up", 0, 6, 9, 0.1, 0.0, true},
          {"token_embedding", 64, 5, 4, 0.1, 0.0, true},
          {"final_norm.gain", 96, 1, 7, 0.0, 1.0, false}};
}

/// One matrix.
inline std::vector<Parameter> one_matrix(std::size_t rows, std::size_t cols) {
  return {{"blocks.0.mlp.up", 0, rows, cols, 0.1, 0.0, true}};
}

/// In (-1, 1), never 0, exact in binary32.
inline float noise(std::uint64_t i) {
  std::uint64_t x = (i + 1) * 0x9E3779B97F4A7C15ULL;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 32;
  return (static_cast<float>(x >> 44) + 0.5F) * 0x1p-19F - 1.0F;
}

inline std::vector<float> noise_vector(std::size_t n, std::uint64_t salt, float scale = 1.0F) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = scale * noise(salt * 100003 + i);
  return out;
}

/// An optimizer with its weights, stepped on noise.
struct Trial {
  std::vector<Parameter> parameters;
  OptimizerSpec spec;
  std::unique_ptr<Optimizer> optimizer;
  std::vector<float> weights;
  std::int64_t steps = 0;

  Trial(const OptimizerSpec& a_spec, std::vector<Parameter> list)
      : parameters(std::move(list)),
        spec(a_spec),
        optimizer(make_optimizer(spec, parameters)),
        weights(noise_vector(flat_size(parameters), 77, 0.25F)) {
    optimizer->initialize(3, weights);
  }

  std::vector<float> gradients(std::int64_t step) const {
    return noise_vector(weights.size(), static_cast<std::uint64_t>(step) + 1, 0.125F);
  }

  void step(const std::vector<float>& gradient, double rate = 0.01,
            UpdateObserver* observer = nullptr, double scale = 1.0) {
    optimizer->update({3, steps, rate, scale, observer}, weights, gradient);
    ++steps;
  }

  void steps_on_noise(int count) {
    for (int i = 0; i < count; ++i) step(gradients(steps));
  }
};

/// Keeps a copy of all state by name, or puts it back.
class StateMap final : public StateVisitor {
 public:
  explicit StateMap(bool restores = false) : restores_(restores) {}

  void visit(std::string_view name, std::span<float> values) override { keep(name, values); }

  void visit(std::string_view name, std::span<double> values) override { keep(name, values); }

  void visit(std::string_view name, std::span<std::int64_t> values) override { keep(name, values); }

  void start_restoring() { restores_ = true; }

  std::map<std::string, std::vector<double>> state;

 private:
  template <class T>
  void keep(std::string_view name, std::span<T> values) {
    std::vector<double>& kept = state[std::string(name)];
    if (!restores_) {
      kept.assign(values.begin(), values.end());
    } else {
      std::transform(kept.begin(), kept.end(), values.begin(),
                     [](double x) { return static_cast<T>(x); });
    }
  }

  bool restores_;
};

}  // namespace halfulp::nn::test
