// The rules of parameterizations against numbers of their papers and what they must satisfy.
#include "sim/nn/parameterization.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "sim/nn/attention.h"
#include "sim/nn/kernels.h"
#include "sim/nn/model_config.h"
#include "sim/nn/optimizer.h"
#include "sim/random.h"

namespace halfulp::nn {
namespace {

ModelConfig model_of(Parameterization rule) {
  ModelConfig config;
  config.width = 128;
  config.heads = 4;
  config.hidden = 352;
  config.tied_head = false;
  config.parameterization = parameterization_spec(rule);
  return config;
}

const Parameter& parameter(const std::vector<Parameter>& all, const std::string& name) {
  for (const Parameter& p : all) {
    if (p.name == name) return p;
  }
  throw std::out_of_range(name);
}

TEST(Parameterization, UnitScaledBranchesContributeAsTheirRatiosSay) {
  for (const std::size_t blocks : {1U, 2U, 7U}) {
    ModelConfig config = model_of(Parameterization::u_mup);
    config.blocks = blocks;
    config.parameterization.residual_mult = 0.5;
    config.parameterization.residual_ratio = 3.0;
    double shares[3] = {1.0, 0.0, 0.0};  // variances: embedding, attention, feed-forward
    const std::vector<ResidualMultipliers> residual = multipliers(config, 512).residual;
    for (std::size_t i = 0; i < residual.size(); ++i) {
      for (double& share : shares) share *= residual[i].skip * residual[i].skip;
      shares[1 + i % 2] += residual[i].branch * residual[i].branch;
    }
    EXPECT_NEAR(shares[0] + shares[1] + shares[2], 1.0, 1e-12);
    // The mean of both variances over the embedding's is alpha_res^2, their ratio the other's
    // square.
    EXPECT_NEAR((shares[1] + shares[2]) / 2 / shares[0], 0.25, 1e-12);
    EXPECT_NEAR(shares[1] / shares[2], 9.0, 1e-11);
  }
}

TEST(Parameterization, MunitSharesFollowDepth) {
  EXPECT_DOUBLE_EQ(munit_tau(2), 0.4);
  EXPECT_DOUBLE_EQ(munit_tau(4), 0.4);
  EXPECT_NEAR(munit_tau(20), 0.2, 1e-12);  // the geometric middle of 4 and 100
  EXPECT_DOUBLE_EQ(munit_tau(100), 0.1);
  ModelConfig config = model_of(Parameterization::munit);
  const ResidualMultipliers own = multipliers(config, 512).residual[3];
  EXPECT_NEAR(own.branch * own.branch, 0.4, 1e-15);
  EXPECT_NEAR(own.skip * own.skip, 0.6, 1e-15);
  config.parameterization.residual_tau = 0.25;
  EXPECT_DOUBLE_EQ(multipliers(config, 512).residual[0].branch, 0.5);
}

TEST(Parameterization, LearningRatesFollowTheTables) {
  ModelConfig config = model_of(Parameterization::u_mup);
  config.blocks = 4;
  std::vector<Parameter> all = model_parameters(config);
  EXPECT_DOUBLE_EQ(parameter(all, "token_embedding").learning_rate_factor, 1 / std::sqrt(128.0));
  EXPECT_DOUBLE_EQ(parameter(all, "blocks.1.mlp.up").learning_rate_factor,
                   1 / std::sqrt(128.0) / 2);
  EXPECT_DOUBLE_EQ(parameter(all, "blocks.1.mlp.down").learning_rate_factor,
                   1 / std::sqrt(352.0) / 2);
  EXPECT_DOUBLE_EQ(parameter(all, "blocks.1.norm1.gain").learning_rate_factor, 0.5);
  EXPECT_DOUBLE_EQ(parameter(all, "final_norm.gain").learning_rate_factor, 1.0);
  EXPECT_DOUBLE_EQ(parameter(all, "head").learning_rate_factor, 1.0);
  for (const Parameter& p : all) EXPECT_EQ(p.init_std, p.decays ? 1.0 : 0.0) << p.name;

  const std::pair<Parameterization, double> hidden[] = {
      {Parameterization::mup, 0.25},
      {Parameterization::munit, 0.5},
      {Parameterization::standard, 1.0},
      {Parameterization::standard_per_layer, 0.25},
      {Parameterization::unit_scaling, 1.0}};
  for (const auto& [rule, factor] : hidden) {
    config = model_of(rule);
    config.parameterization.base_width = 32;
    config.parameterization.hidden_rate = 3.0;
    all = model_parameters(config);
    EXPECT_DOUBLE_EQ(parameter(all, "blocks.0.attention.qkv").learning_rate_factor, 3 * factor);
    EXPECT_DOUBLE_EQ(parameter(all, "token_embedding").learning_rate_factor, 1.0);
    EXPECT_DOUBLE_EQ(parameter(all, "head").learning_rate_factor,
                     rule == Parameterization::standard_per_layer ? 0.25 : 1.0);
  }
}

TEST(Parameterization, LogitScales) {
  ModelConfig config = model_of(Parameterization::u_mup);  // heads of 32
  config.parameterization.attention_mult = 2.0;
  EXPECT_DOUBLE_EQ(multipliers(config, 1).attention.logits, 2.0 / 32);
  config = model_of(Parameterization::mup);
  EXPECT_NEAR(multipliers(config, 1).attention.logits, 1 / std::sqrt(32.0), 1e-15);
  config.parameterization.base_head_width = 8;
  EXPECT_NEAR(multipliers(config, 1).attention.logits, std::sqrt(8.0) / 32, 1e-15);
  // The head's output falls with the base ratio: sqrt of it is not enough for muP.
  config.parameterization.base_width = 32;
  EXPECT_DOUBLE_EQ(multipliers(config, 1).head.output, 0.25);
}

/// Moments by midpoint sums over N(0, 1), of functions from the C library.
double moment(double (*f)(double)) {
  double sum = 0.0;
  for (double x = -12 + 0.0005; x < 12; x += 0.001) sum += f(x) * std::exp(-x * x / 2) * 0.001;
  return sum / std::sqrt(2 * std::acos(-1.0));
}

double silu(double x) { return x / (1 + std::exp(-x)); }

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

double gelu_slope(double x) { return (gelu(x + 1e-5) - gelu(x - 1e-5)) / 2e-5; }

TEST(Parameterization, ExactActivationConstantsAreThoseOfTheNormalDistribution) {
  ModelConfig config = model_of(Parameterization::unit_scaling);
  const double swiglu = 1 / std::sqrt(moment([](double x) { return silu(x) * silu(x); }));
  EXPECT_NEAR(multipliers(config, 1).activation.output, swiglu, 1e-9);
  config.activation = Activation::gelu;
  const double mean = moment(gelu);
  const double deviation =
      std::sqrt(moment([](double x) { return gelu(x) * gelu(x); }) - mean * mean);
  EXPECT_NEAR(multipliers(config, 1).activation.output, 1 / deviation, 1e-9);
  EXPECT_NEAR(multipliers(config, 1).activation.grad_input, 1 / deviation, 1e-9);
  config.parameterization.constraint = GradientConstraint::none;
  const double slope = moment([](double x) { return gelu_slope(x) * gelu_slope(x); });
  EXPECT_NEAR(multipliers(config, 1).activation.grad_input, 1 / std::sqrt(slope), 1e-7);
  // The library's fits are 4 % and 2 % off these.
  config.parameterization.activation = ActivationConstants::library;
  EXPECT_NEAR(multipliers(config, 1).activation.output * deviation, 1.0387, 1e-4);
}

/// Variance of causal attention at position k - 1 over independent unit values, logits N(0, 1).
double attention_variance(std::size_t k) {
  const AttentionShape shape = {2, k, 4, 256};
  const std::size_t rows = shape.sequences * k, wide = 3 * shape.width();
  std::vector<float> qkv(rows * wide), out(rows * shape.width());
  std::vector<float> probabilities(shape.sequences * shape.heads * k * k);
  double sum = 0.0;
  const std::size_t times = k < 100 ? 24 : 4;
  Attention<float> attention({}, 0);
  for (std::uint32_t time = 0; time < times; ++time) {
    for (std::size_t i = 0; i < qkv.size(); ++i) {
      qkv[i] = static_cast<float>(random_normal({time, 99, 0, 0}, i));
    }
    attention.forward(shape, LayerFunctions<float>({}), qkv.data(), out.data(),
                      probabilities.data(), {});
    for (std::size_t s = 0; s < shape.sequences; ++s) {
      const float* last = out.data() + ((s + 1) * k - 1) * shape.width();
      for (std::size_t i = 0; i < shape.width(); ++i) {
        sum += static_cast<double>(last[i]) * static_cast<double>(last[i]);
      }
    }
  }
  return sum / static_cast<double>(times * shape.sequences * shape.width());
}

/// The first-order formula of munit scaling, section 2: e / k - (e - 1) / k^2.
double first_order(double k) { return std::exp(1.0) / k - (std::exp(1.0) - 1) / (k * k); }

TEST(Parameterization, VarianceOfAttentionFallsAsMunitSays) {
  const double at_16 = attention_variance(16), at_256 = attention_variance(256);
  // The means of sum p^2 over many draws; ours are over 192 and 32 heads.
  EXPECT_NEAR(at_16, 0.132, 0.132 * 0.08);
  EXPECT_NEAR(at_256, 0.01034, 0.01034 * 0.08);
  EXPECT_NEAR(first_order(16), 0.163, 0.001);
  EXPECT_GT(first_order(16) / at_16, 1.1);            // 24 % too large for few values
  EXPECT_NEAR(first_order(256) / at_256, 1.0, 0.08);  // 2 % for many
}

TEST(Parameterization, IndependentDecayTakesItsShareWhateverTheRate) {
  ModelConfig config = model_of(Parameterization::u_mup);
  const std::vector<Parameter> all = model_parameters(config);
  const std::size_t total = all.back().offset + all.back().size();
  std::vector<float> weights(total, 1.0F), gradients(total, 0.0F);
  const double peak = 0.25;
  const auto optimizer = make_optimizer({.weight_decay = 0.01 / peak}, all);
  optimizer->update({.learning_rate = peak}, weights, gradients);
  for (const Parameter& p : all) {
    EXPECT_NEAR(static_cast<double>(weights[p.offset]), p.decays ? 0.99 : 1.0, 1e-7) << p.name;
  }
}

TEST(Parameterization, WeightedAddRoundsBothProductsAndTheSum) {
  const float a[3] = {1.0F / 3, 7.0F, -1e-3F}, b[3] = {0.1F, 1e-7F, 3.0F};
  float y[3];
  const float fa = 0.3F, fb = 0.7F;
  kernels<float>().weighted_add(fa, a, fb, b, y, 3);
  for (int i = 0; i < 3; ++i) {
    const float left = fa * a[i], right = fb * b[i];
    EXPECT_EQ(y[i], left + right);
  }
  scale_by(3.0, y, 2);
  EXPECT_EQ(y[0], 3.0F * (fa * a[0] + fb * b[0]));
  EXPECT_EQ(y[2], fa * a[2] + fb * b[2]);
}

}  // namespace
}  // namespace halfulp::nn
