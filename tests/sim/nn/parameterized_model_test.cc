// The transformer under every parameterization: gradients in binary64 against central differences,
// the size of every tensor at initialisation, what equals what, and how updates grow with width.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "sim/nn/optimizer.h"
#include "sim/nn/transformer.h"
#include "sim/random.h"

namespace halfulp::nn {
namespace {

std::vector<std::uint8_t> bytes(std::uint32_t stream, std::size_t n) {
  std::vector<std::uint8_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<std::uint8_t>(random_word({7, stream, 0, 0}, i) & 0xff);
  }
  return out;
}

ModelConfig small_model(Parameterization rule) {
  ModelConfig config;
  config.width = 12;
  config.heads = 2;
  config.context = 7;
  config.hidden = 20;
  config.tied_head = false;
  config.parameterization = parameterization_spec(rule);
  config.parameterization.attention_mult = 1.5;
  config.parameterization.residual_mult = 0.8;
  config.parameterization.residual_ratio = 1.7;
  config.parameterization.embedding_mult = 1.3;
  config.parameterization.readout_mult = 0.7;
  return config;
}

constexpr std::size_t kSequences = 2;

/// Gradients of a model and the same by central differences, by parameter.
struct Gradients {
  std::string name;
  std::vector<double> own, numeric;

  /// Least-squares factor of the true gradient in ours, and what it leaves, relative.
  std::pair<double, double> fit() const {
    double cross = 0.0, squares = 0.0, rest = 0.0, size = 0.0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      cross += own[i] * numeric[i];
      squares += numeric[i] * numeric[i];
    }
    for (std::size_t i = 0; i < own.size(); ++i) {
      rest += std::pow(own[i] - cross / squares * numeric[i], 2);
      size += own[i] * own[i];
    }
    return {cross / squares, std::sqrt(rest / size)};
  }
};

std::vector<Gradients> gradients_of(const ModelConfig& config) {
  Transformer<double> model(config, {}, kSequences);
  model.initialize(3);
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    model.weights()[i] += 0.1 * random_normal({11, 0, 0, 0}, i);
  }
  const auto inputs = bytes(1, kSequences * config.context);
  const auto targets = bytes(2, kSequences * config.context);
  model.loss_and_gradient(inputs.data(), targets.data(), kSequences, {});
  const std::vector<double> own(model.gradients().begin(), model.gradients().end());
  std::vector<Gradients> result;
  for (const Parameter& parameter : model.parameters()) {
    Gradients g = {parameter.name, {}, {}};
    const std::size_t stride = std::max<std::size_t>(parameter.size() / 12, 1);
    for (std::size_t i = 0; i < parameter.size(); i += stride) {
      // Of the token table only rows that occur have gradients.
      const std::size_t at =
          parameter.offset + (parameter.name == "token_embedding"
                                  ? inputs[i / stride % inputs.size()] * config.width + i % 5
                                  : i);
      double& weight = model.weights()[at];
      const double kept = weight, h = 1e-5;
      weight = kept + h;
      const double above = model.loss(inputs.data(), targets.data(), kSequences, {});
      weight = kept - h;
      const double below = model.loss(inputs.data(), targets.data(), kSequences, {});
      weight = kept;
      g.own.push_back(own[at]);
      g.numeric.push_back((above - below) / (2 * h));
    }
    result.push_back(std::move(g));
  }
  return result;
}

using Shape = std::tuple<Norm, Positions, Activation>;

void set_shape(ModelConfig& config, const Shape& shape) {
  std::tie(config.norm, config.positions, config.activation) = shape;
}

class ParameterizedGradient : public ::testing::TestWithParam<Shape> {};

TEST_P(ParameterizedGradient, IsThatOfTheLoss) {
  for (const Parameterization rule :
       {Parameterization::standard_per_layer, Parameterization::mup, Parameterization::munit}) {
    ModelConfig config = small_model(rule);
    config.parameterization.base_width = 4;
    config.parameterization.base_head_width = 3;
    set_shape(config, GetParam());
    for (const Gradients& g : gradients_of(config)) {
      const auto [factor, rest] = g.fit();
      EXPECT_NEAR(factor, 1.0, 1e-5) << g.name << static_cast<int>(rule);
      EXPECT_LT(rest, 1e-5) << g.name << static_cast<int>(rule);
    }
  }
}

TEST_P(ParameterizedGradient, OfUnitSizeIsThatOfTheLossTimesOneFactorUnderMunit) {
  ModelConfig config = small_model(Parameterization::munit);
  config.parameterization.gradient = GradientScale::unit;
  set_shape(config, GetParam());
  // Softmax - onehot times V / sqrt(V - 1) in place of 1 / rows, 1 / sqrt(V) in place of the
  // head's.
  const double rows = kSequences * 7.0;
  const double expected = rows * 256 / std::sqrt(255.0) / 16 / (0.7 / 12);
  for (const Gradients& g : gradients_of(config)) {
    const auto [factor, rest] = g.fit();
    EXPECT_NEAR(factor / expected, 1.0, 1e-5) << g.name;
    EXPECT_LT(rest, 1e-5) << g.name;
  }
}

/// What unit scaling makes of the gradient of each parameter, from the definitions of its
/// operations: every factor that the backward pass has and the loss has not, from the logits down.
std::map<std::string, double> unit_factors(const ModelConfig& config) {
  const double rows = kSequences * static_cast<double>(config.context);
  const double c = static_cast<double>(config.width), f = static_cast<double>(config.hidden);
  const bool is_u_mup = config.parameterization.rule == Parameterization::u_mup;
  const double per_row = 1 / std::sqrt(rows);
  const double readout = 0.7 / (is_u_mup ? c : std::sqrt(c));
  const double logits = rows * 256 / std::sqrt(255.0);
  const double stream = logits / 16 / readout;
  const bool learned = config.positions == Positions::learned;
  const double embedding = 1.3;  // the mix of two tables is in both passes
  std::map<std::string, double> factors;
  factors["head"] = logits * per_row / readout;
  factors["final_norm"] = stream * per_row;
  factors["token_embedding"] = stream * std::sqrt(256 / rows) / embedding;
  if (learned) {
    const double positions = static_cast<double>(config.context);
    factors["position_embedding"] = stream * std::sqrt(positions / rows) / embedding;
  }
  for (std::size_t block = 0; block < config.blocks; ++block) {
    const std::string name = "blocks." + std::to_string(block);
    const auto branch = [&](std::size_t part) {
      const double tau = u_mup_tau(2 * block + part, 2 * config.blocks, 0.8, 1.7);
      return tau / std::sqrt(1 + tau * tau);
    };
    const double attention = stream / branch(0), feed_forward = stream / branch(1);
    factors[name + ".norm1"] = attention * per_row;
    factors[name + ".attention.qkv"] = attention * per_row * std::sqrt(c);
    factors[name + ".attention.output"] = attention * per_row * std::sqrt(c);
    factors[name + ".norm2"] = feed_forward * per_row;
    // Between up and down the gradient is sqrt(f / c) too large, which up takes back.
    factors[name + ".mlp.up"] = feed_forward * per_row * std::sqrt(f / c) * std::sqrt(c);
    factors[name + ".mlp.down"] = feed_forward * per_row * std::sqrt(f);
  }
  return factors;
}

TEST_P(ParameterizedGradient, OfUnitScalingIsThatOfTheLossTimesAFactorForEachTensor) {
  for (const Parameterization rule : {Parameterization::unit_scaling, Parameterization::u_mup}) {
    ModelConfig config = small_model(rule);
    set_shape(config, GetParam());
    const std::map<std::string, double> expected = unit_factors(config);
    for (const Gradients& g : gradients_of(config)) {
      std::string name = g.name;
      for (const std::string part : {".gain", ".bias"}) {
        if (name.ends_with(part)) name.resize(name.size() - part.size());
      }
      const auto [factor, rest] = g.fit();
      EXPECT_NEAR(factor / expected.at(name), 1.0, 1e-5) << g.name << static_cast<int>(rule);
      EXPECT_LT(rest, 1e-5) << g.name << static_cast<int>(rule);
    }
  }
}

TEST_P(ParameterizedGradient, WithoutConstraintIsNotThatOfTheLossBelowTheLastBranch) {
  ModelConfig config = small_model(Parameterization::unit_scaling);
  config.parameterization.constraint = GradientConstraint::none;
  set_shape(config, GetParam());
  // The last branch has a factor for each tensor still; before it two different ones are added.
  std::map<std::string, double> rest;
  for (const Gradients& g : gradients_of(config)) rest[g.name] = g.fit().second;
  for (const char* same : {"head", "final_norm.gain", "blocks.1.mlp.down", "blocks.1.mlp.up"}) {
    EXPECT_LT(rest.at(same), 1e-5) << same;
  }
  for (const char* other : {"token_embedding", "blocks.0.attention.output", "blocks.0.mlp.up"}) {
    EXPECT_GT(rest.at(other), 1e-3) << other;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ParameterizedGradient,
    ::testing::Values(Shape{Norm::rms_norm, Positions::rotary, Activation::swiglu},
                      Shape{Norm::layer_norm, Positions::learned, Activation::gelu}));

TEST(ParameterizedModel, NeedsAHeadOfItsOwn) {
  ModelConfig config = small_model(Parameterization::u_mup);
  config.tied_head = true;
  EXPECT_THROW(Transformer<float>(config, {}, 1), std::invalid_argument);
}

/// Root mean square of every tensor that linear layers see at initialisation, and of every gradient
/// of a weight.
std::map<std::string, double> sizes_at_start(const ModelConfig& config, std::size_t sequences) {
  Transformer<float> model(config, {}, sequences);
  model.initialize(1);
  const std::size_t n = sequences * config.context;
  const auto inputs = bytes(5, n), targets = bytes(6, n);
  std::map<std::string, double> sizes;
  const auto rms = [](const float* x, std::size_t count) {
    return std::sqrt(kernels<float>().sum_of_squares(x, count) / static_cast<double>(count));
  };
  const OperandObserver observer = [&](const LinearOperand& operand) {
    const char* roles[] = {" input", " weight", " grad_output"};
    sizes[operand.layer + roles[static_cast<int>(operand.role)]] =
        rms(operand.tensor.data, operand.tensor.rows * operand.tensor.cols);
  };
  model.loss_and_gradient(inputs.data(), targets.data(), sequences, {1, 0, &observer});
  for (const Parameter& p : model.parameters()) {
    sizes[p.name + " gradient"] = rms(model.gradients().data() + p.offset, p.size());
  }
  return sizes;
}

ModelConfig wide_model(Parameterization rule, std::size_t width) {
  ModelConfig config;
  config.width = width;
  config.heads = width / 32;
  config.hidden = 3 * width;
  config.context = 64;
  config.tied_head = false;
  config.parameterization = parameterization_spec(rule);
  return config;
}

/// Where the theory's independence fails: values at different positions share what an earlier
/// attention has averaged into them; the logits, of which the gradient is made, are a function of
/// the final norm's output; and softmax's gradient for queries and keys is small beside that of
/// values, a third of the qkv projection (1 / sqrt(3) then).
bool is_not_independent(const std::string& name) {
  return name == "blocks.1.attention.output input" || name == "final_norm.gain gradient" ||
         name.ends_with("attention.qkv grad_output");
}

TEST(ParameterizedModel, UnitScalingStartsWithUnitTensors) {
  for (const Parameterization rule : {Parameterization::unit_scaling, Parameterization::u_mup}) {
    for (const Activation activation : {Activation::gelu, Activation::swiglu}) {
      ModelConfig config = wide_model(rule, 128);
      config.activation = activation;
      for (const auto& [name, size] : sizes_at_start(config, 8)) {
        const bool differs = is_not_independent(name);
        EXPECT_GT(size, differs ? 0.35 : 0.5) << name << static_cast<int>(rule);
        EXPECT_LT(size, differs ? 2.5 : 2.0) << name << static_cast<int>(rule);
      }
    }
  }
}

TEST(ParameterizedModel, MunitStartsWithUnitOperands) {
  ModelConfig config = wide_model(Parameterization::munit, 128);
  config.parameterization.gradient = GradientScale::unit;
  for (const auto& [name, size] : sizes_at_start(config, 8)) {
    const bool is_stream = name.ends_with("qkv input") || name.ends_with("up input");
    if (is_stream || name.ends_with("weight")) {
      EXPECT_NEAR(size, 1.0, 0.03) << name;
    }
  }
  // Standard weights are far from it.
  EXPECT_LT(sizes_at_start(wide_model(Parameterization::standard, 128), 8)
                .at("blocks.0.attention.qkv grad_output"),
            1e-4);
}

TEST(ParameterizedModel, MupAtItsBaseIsStandard) {
  std::vector<std::vector<float>> gradients;
  for (const Parameterization rule : {Parameterization::standard, Parameterization::mup}) {
    ModelConfig config = wide_model(rule, 64);
    config.parameterization.base_width = 64;
    config.parameterization.base_head_width = 32;
    Transformer<float> model(config, {}, 2);
    model.initialize(1);
    const auto inputs = bytes(5, 128), targets = bytes(6, 128);
    model.loss_and_gradient(inputs.data(), targets.data(), 2, {});
    gradients.emplace_back(model.gradients().begin(), model.gradients().end());
    for (const Parameter& p : model.parameters()) EXPECT_EQ(p.learning_rate_factor, 1.0);
  }
  EXPECT_EQ(gradients[0], gradients[1]);
}

/// Root mean square of the change of the logits by `updates` of Adam on one batch. Four symbols,
/// each followed by the next: with random bytes the change would be mostly noise, which falls with
/// width.
double change_of_logits(const ModelConfig& config, double learning_rate, std::int64_t updates) {
  constexpr std::size_t kBatch = 4;
  Transformer<float> model(config, {}, kBatch);
  model.initialize(1);
  const std::size_t n = kBatch * config.context;
  auto inputs = bytes(5, n);
  for (std::uint8_t& byte : inputs) byte &= 3;
  auto targets = inputs;
  for (std::uint8_t& byte : targets) byte = static_cast<std::uint8_t>((byte + 1) & 3);
  const auto now = [&] {
    const auto logits = model.logits(inputs.data(), kBatch, {});
    return std::vector<float>(logits.begin(), logits.end());
  };
  const std::vector<float> before = now();
  const auto optimizer = make_optimizer({.weight_decay = 0.0}, model.parameters());
  for (std::int64_t step = 0; step < updates; ++step) {
    model.loss_and_gradient(inputs.data(), targets.data(), kBatch, {});
    optimizer->update({.step = step, .learning_rate = learning_rate}, model.weights(),
                      model.gradients());
  }
  const std::vector<float> after = now();
  double sum = 0.0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    sum += std::pow(static_cast<double>(after[i] - before[i]), 2);
  }
  return std::sqrt(sum / static_cast<double>(after.size()));
}

/// Least-squares slope of the logarithm of that change against the logarithm of the width, after
/// three updates. Rates are large enough that the change is that of learned features: smaller ones
/// leave a share of noise that falls with width.
double slope(Parameterization rule, double learning_rate, const std::vector<std::size_t>& widths) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0, n = 0;
  for (const std::size_t width : widths) {
    ModelConfig config = wide_model(rule, width);
    config.context = 32;
    const bool has_base = rule == Parameterization::mup || rule == Parameterization::munit;
    if (has_base) config.parameterization.base_width = 32;
    const double x = std::log(static_cast<double>(width));
    const double y = std::log(change_of_logits(config, learning_rate, 3));
    sx += x, sy += y, sxx += x * x, sxy += x * y, n += 1;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

void check_slopes(const std::vector<std::size_t>& widths) {
  const double standard = slope(Parameterization::standard, 1e-2, widths);
  const double mup = slope(Parameterization::mup, 1e-2, widths);
  const double u_mup = slope(Parameterization::u_mup, 0.3, widths);
  const double munit = slope(Parameterization::munit, 0.3, widths);
  std::printf("slopes: standard %.3f, mup %.3f, u_mup %.3f, munit %.3f\n", standard, mup, u_mup,
              munit);
  EXPECT_GT(standard, 0.6);
  EXPECT_NEAR(mup, 0.0, 0.1);
  EXPECT_NEAR(u_mup, 0.0, 0.1);
  EXPECT_NEAR(munit, 0.0, 0.1);
}

TEST(ParameterizedModel, UpdatesChangeLogitsByTheSameAtEveryWidthButNotUnderStandard) {
  check_slopes({32, 64, 128});
}

TEST(ParameterizedModel, FullUpdatesChangeLogitsByTheSameUpToWidth256) {
  check_slopes({32, 64, 128, 256});
}

}  // namespace
}  // namespace halfulp::nn
