// Routing by hand examples, experts against plain sums, and gradients of a transformer with them.
#include "sim/nn/experts.h"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

#include "sim/nn/transformer.h"
#include "tests/sim/nn/gradient_check.h"

namespace halfulp::nn {
namespace {

using ::testing::ElementsAre;

TEST(Routing, ChoosesTheLargestAndOfEqualOnesTheLower) {
  const std::vector<double> logits = {0, 2, 1, 2,   // 1 and 3 tie: 1, then 3
                                      5, 5, 5, 5,   // 0, then 1
                                      0, 1, 2, 3};  // 3, then 2
  EXPECT_THAT(route(logits.data(), 3, 4, 1).chosen, ElementsAre(1, 0, 3));
  const Routing two = route(logits.data(), 3, 4, 2);
  EXPECT_THAT(two.chosen, ElementsAre(1, 3, 0, 1, 3, 2));
  EXPECT_DOUBLE_EQ(two.gates[0], 0.5);
  EXPECT_DOUBLE_EQ(two.gates[3], 0.5);
  EXPECT_DOUBLE_EQ(two.gates[4], std::exp(1.0) / (1.0 + std::exp(1.0)));
}

TEST(Routing, GateOfOneExpertIsItsProbability) {
  const std::vector<double> logits = {0, std::log(3.0)};
  EXPECT_DOUBLE_EQ(route(logits.data(), 1, 2, 1).gates[0], 0.75);
  EXPECT_DOUBLE_EQ(route(logits.data(), 1, 2, 2).gates[0], 0.75);
}

TEST(Routing, AssignmentsAreSortedByExpertThenRow) {
  const std::vector<float> logits = {0, 9, 5,   // 1, 2
                                     9, 5, 0,   // 0, 1
                                     0, 5, 9};  // 2, 1
  const Routing routing = route(logits.data(), 3, 3, 2);
  EXPECT_THAT(routing.starts, ElementsAre(0, 1, 4, 6));
  EXPECT_THAT(routing.order, ElementsAre(2, 0, 3, 5, 1, 4));
}

TEST(Routing, ImbalanceIsOneWhenBalancedAndGrowsToTheNumberOfExperts) {
  const std::vector<double> balanced = {100, 0, 0, 100};
  EXPECT_NEAR(route(balanced.data(), 2, 2, 1).imbalance(), 1.0, 1e-12);
  const std::vector<double> one = {100, 0, 100, 0};
  EXPECT_NEAR(route(one.data(), 2, 2, 1).imbalance(), 2.0, 1e-12);
}

ModelConfig small_model(std::size_t per_token, Activation activation) {
  ModelConfig config;
  config.blocks = 2;
  config.width = 8;
  config.heads = 2;
  config.context = 11;
  config.hidden = 6;
  config.experts = 3;
  config.experts_per_token = per_token;
  config.activation = activation;
  config.balance = 0.3;
  return config;
}

TEST(Experts, GradientsOfEveryTensorMatchCentralDifferences) {
  for (const std::size_t per_token : {1U, 2U}) {
    for (const Activation activation : {Activation::gelu, Activation::swiglu}) {
      const ModelConfig config = small_model(per_token, activation);
      Transformer<double> model(config, {}, 2);
      model.initialize(3);
      disturb(model.weights());
      std::vector<std::uint8_t> inputs(22), targets(22);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        inputs[i] = static_cast<std::uint8_t>(random_word({7, 1, 0, 0}, i) & 0xff);
        targets[i] = static_cast<std::uint8_t>(random_word({7, 2, 0, 0}, i) & 0xff);
      }
      model.loss_and_gradient(inputs.data(), targets.data(), 2, {});
      // The shares of the balance loss are constants of the gradient, and piecewise constant.
      expect_gradients(model.parameters(), model.weights(), model.gradients(), [&] {
        const double loss = model.loss(inputs.data(), targets.data(), 2, {});
        return loss + model.balance_loss();
      });
    }
  }
}

TEST(Experts, ResultIsTheGatedSumOfThePlainExperts) {
  const ExpertsShape shape = {4, 6, 3, 2, Activation::gelu, 0.0};
  ParameterSet<double> p(expert_parameters("b", shape, 1.0));
  p.initialize(1);
  std::uint32_t layers = 0;
  const ModelParts<double> parts = {[&](const std::string& name) { return p.weight(name); },
                                    [&](const std::string& name) { return p.gradient(name); },
                                    [&](const std::string& name) {
                                      const Parameter& parameter = p[p.find(name)];
                                      return LinearLayer<double>(
                                          name, parameter.cols, parameter.rows, p.weight(name),
                                          p.gradient(name), binary32_numerics(), NumericsSwitch{},
                                          layers++);
                                    }};
  constexpr std::size_t kRows = 7;
  Experts<double> experts("b", shape, parts, 0, kRows);
  std::vector<double> x(kRows * 4), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random_normal({4, 0, 0, 0}, i);
  experts.forward(x.data(), y.data(), kRows, LayerFunctions<double>({}), {});
  for (std::size_t r = 0; r < kRows; ++r) {
    std::vector<double> expected(4), logits(3);
    for (std::size_t e = 0; e < 3; ++e) {
      for (std::size_t i = 0; i < 4; ++i)
        logits[e] += p.weight("b.router")[e * 4 + i] * x[r * 4 + i];
    }
    std::size_t worst = 0;
    for (std::size_t e = 1; e < 3; ++e) worst = logits[e] < logits[worst] ? e : worst;
    double sum = 0.0;
    for (std::size_t e = 0; e < 3; ++e) sum += e == worst ? 0.0 : std::exp(logits[e]);
    for (std::size_t e = 0; e < 3; ++e) {
      if (e == worst) continue;
      const std::string name = "b.experts." + std::to_string(e);
      for (std::size_t j = 0; j < 6; ++j) {
        double h = 0.0;
        for (std::size_t i = 0; i < 4; ++i) h += p.weight(name + ".up")[j * 4 + i] * x[r * 4 + i];
        const double inner = std::sqrt(2.0 / 3.14159265358979323846) * (h + 0.044715 * h * h * h);
        h *= 0.5 * (1.0 + std::tanh(inner));
        for (std::size_t o = 0; o < 4; ++o) {
          expected[o] += std::exp(logits[e]) / sum * p.weight(name + ".down")[o * 6 + j] * h;
        }
      }
    }
    for (std::size_t o = 0; o < 4; ++o) EXPECT_NEAR(y[r * 4 + o], expected[o], 1e-12);
  }
}

TEST(Experts, ThoseWithoutRowsHaveNoGradient) {
  const ModelConfig config = small_model(1, Activation::gelu);
  Transformer<float> model(config, {}, 1);
  model.initialize(3);
  std::fill(model.gradients().begin(), model.gradients().end(), 7.0F);
  for (const Parameter& parameter : model.parameters()) {
    if (!parameter.name.ends_with("router")) continue;
    // Equal logits: every row goes to expert 0.
    for (std::size_t i = 0; i < parameter.size(); ++i) model.weights()[parameter.offset + i] = 0;
  }
  const std::vector<std::uint8_t> text(11, 65);
  model.loss_and_gradient(text.data(), text.data(), 1, {});
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.name.find("experts.0") != std::string::npos) {
      EXPECT_NE(model.gradients()[parameter.offset], 0.0F) << parameter.name;
    } else if (parameter.name.find("experts.") != std::string::npos) {
      for (std::size_t i = 0; i < parameter.size(); ++i) {
        ASSERT_EQ(model.gradients()[parameter.offset + i], 0.0F) << parameter.name;
      }
    }
  }
}

}  // namespace
}  // namespace halfulp::nn
