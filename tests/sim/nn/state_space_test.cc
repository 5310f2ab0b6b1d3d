// The state-space mixer against a plain recurrence, and gradients of a transformer with it.
#include "sim/nn/state_space.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sim/nn/transformer.h"
#include "tests/sim/nn/gradient_check.h"

namespace halfulp::nn {
namespace {

ModelConfig small_model() {
  ModelConfig config;
  config.blocks = 2;
  config.width = 16;
  config.heads = 1;
  config.context = 9;
  config.hidden = 8;
  config.mixer = Mixer::state_space;
  config.mixer_width = 10;
  config.states = 3;
  config.step_rank = 2;
  return config;
}

std::vector<std::uint8_t> bytes(std::uint32_t stream, std::size_t n) {
  std::vector<std::uint8_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<std::uint8_t>(random_word({7, stream, 0, 0}, i) & 0xff);
  }
  return out;
}

TEST(StateSpace, GradientsOfEveryTensorMatchCentralDifferences) {
  for (const Activation activation : {Activation::gelu, Activation::swiglu}) {
    ModelConfig config = small_model();
    config.activation = activation;
    Transformer<double> model(config, {}, 2);
    model.initialize(3);
    disturb(model.weights());
    const auto inputs = bytes(1, 18), targets = bytes(2, 18);
    model.loss_and_gradient(inputs.data(), targets.data(), 2, {});
    expect_gradients(model.parameters(), model.weights(), model.gradients(),
                     [&] { return model.loss(inputs.data(), targets.data(), 2, {}); });
  }
}

/// A mixer alone, with weights of its own.
template <class T>
struct Alone {
  StateSpaceShape shape = {5, 37, 3, 2};  // channels: two vectors and a rest
  ParameterSet<T> parameters{state_space_parameters("m", shape, 1.0)};
  std::uint32_t layers = 0;

  ModelParts<T> parts() {
    return {[this](const std::string& name) { return parameters.weight(name); },
            [this](const std::string& name) { return parameters.gradient(name); },
            [this](const std::string& name) {
              const Parameter& p = parameters[parameters.find(name)];
              return LinearLayer<T>(name, p.cols, p.rows, parameters.weight(name),
                                    parameters.gradient(name), binary32_numerics(),
                                    NumericsSwitch{}, layers++);
            }};
  }
};

std::vector<double> linear(const double* w, std::size_t out, const std::vector<double>& x) {
  std::vector<double> y(out);
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t i = 0; i < x.size(); ++i) y[o] += w[o * x.size() + i] * x[i];
  }
  return y;
}

double silu(double x) { return x / (1.0 + std::exp(-x)); }

TEST(StateSpace, ForwardIsThePlainRecurrence) {
  Alone<double> alone;
  auto& p = alone.parameters;
  p.initialize(1);
  disturb(p.weights(), 0.3);
  constexpr std::size_t kSequences = 2, kPositions = 6, kInner = 37, kStates = 3;
  StateSpaceMixer<double> mixer("m", alone.shape, alone.parts(), parse_quantizer("binary32"), 0,
                                kSequences * kPositions);
  std::vector<double> u(kSequences * kPositions * 5), out(u.size());
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = random_normal({4, 0, 0, 0}, i);
  const auto given = u;
  mixer.forward(u.data(), out.data(), kSequences, kPositions, LayerFunctions<double>({}), {});
  for (std::size_t s = 0; s < kSequences; ++s) {
    std::vector<std::vector<double>> past;  // x of every position
    std::vector<double> h(kStates * kInner);
    for (std::size_t t = 0; t < kPositions; ++t) {
      const auto row = given.begin() + static_cast<std::ptrdiff_t>((s * kPositions + t) * 5);
      const auto xz = linear(p.weight("m.input"), 2 * kInner, {row, row + 5});
      past.emplace_back(xz.begin(), xz.begin() + kInner);
      std::vector<double> v(kInner), gated(kInner);
      for (std::size_t c = 0; c < kInner; ++c) {
        double sum = p.weight("m.convolution_bias")[c];
        for (std::size_t k = 0; k < 4 && k <= t; ++k) {
          sum += p.weight("m.convolution")[k * kInner + c] * past[t - k][c];
        }
        v[c] = silu(sum);
      }
      const auto selected = linear(p.weight("m.selection"), 2 + 2 * kStates, v);
      const auto raw = linear(p.weight("m.step"), kInner, {selected.begin(), selected.begin() + 2});
      for (std::size_t c = 0; c < kInner; ++c) {
        const double step = std::log1p(std::exp(raw[c] + p.weight("m.step_bias")[c]));
        double y = p.weight("m.skip")[c] * v[c];
        for (std::size_t n = 0; n < kStates; ++n) {
          const std::size_t i = n * kInner + c;
          const double rate = -static_cast<double>(n + 1) * std::exp(p.weight("m.rate")[i]);
          h[i] = std::exp(step * rate) * h[i] + step * v[c] * selected[2 + n];
          y += selected[2 + kStates + n] * h[i];
        }
        gated[c] = y * silu(xz[kInner + c]);
      }
      const auto expected = linear(p.weight("m.output"), 5, gated);
      for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_NEAR(out[(s * kPositions + t) * 5 + i], expected[i], 1e-12);
      }
    }
  }
}

TEST(StateSpace, APositionSeesOnlyItsPast) {
  Alone<float> alone;
  alone.parameters.initialize(1);
  StateSpaceMixer<float> mixer("m", alone.shape, alone.parts(), parse_quantizer("binary32"), 0, 6);
  const auto run = [&](float last) {
    std::vector<float> u(30, 0.5F), out(30);
    u[29] = last;
    mixer.forward(u.data(), out.data(), 1, 6, LayerFunctions<float>({}), {});
    return out;
  };
  const auto a = run(0.5F), b = run(2.0F);
  EXPECT_EQ(std::vector<float>(a.begin(), a.begin() + 25),
            std::vector<float>(b.begin(), b.begin() + 25));
  EXPECT_NE(a, b);
}

TEST(StateSpace, FormatOfTheStateReachesTheResult) {
  const auto run = [&](const char* format, std::uint32_t step) {
    Alone<float> alone;
    alone.parameters.initialize(1);
    StateSpaceMixer<float> mixer("m", alone.shape, alone.parts(), parse_quantizer(format), 0, 6);
    std::vector<float> u(30), out(30);
    for (std::size_t i = 0; i < u.size(); ++i) {
      u[i] = static_cast<float>(random_normal({4, 0, 0, 0}, i));
    }
    mixer.forward(u.data(), out.data(), 1, 6, LayerFunctions<float>({}), {1, step});
    return out;
  };
  const auto exact = run("binary32", 0), rounded = run("bfloat16", 0);
  EXPECT_NE(exact, rounded);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_NEAR(exact[i], rounded[i], 0.02);
  EXPECT_EQ(run("bfloat16+stochastic(16)", 1), run("bfloat16+stochastic(16)", 1));
  EXPECT_NE(run("bfloat16+stochastic(16)", 1), run("bfloat16+stochastic(16)", 2));
  EXPECT_THROW(StateSpaceMixer<double>("m", Alone<double>().shape, Alone<double>().parts(),
                                       parse_quantizer("bfloat16"), 0, 6),
               std::invalid_argument);
}

}  // namespace
}  // namespace halfulp::nn
