// Gradients of every parameter tensor against central differences in binary64, for every
// combination of norm, positions, activation and head; and what the forward pass must satisfy.
#include "sim/nn/transformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "sim/random.h"

namespace halfulp::nn {
namespace {

ModelConfig small_model() {
  ModelConfig config;
  config.blocks = 2;
  config.width = 12;
  config.heads = 2;
  config.context = 7;
  config.hidden = 20;
  config.vocabulary = 256;
  return config;
}

/// Bytes from a fixed stream.
std::vector<std::uint8_t> bytes(std::uint32_t stream, std::size_t n) {
  std::vector<std::uint8_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<std::uint8_t>(random_word({7, stream, 0, 0}, i) & 0xff);
  }
  return out;
}

using Choice = std::tuple<Norm, Positions, Activation, bool>;

class GradientCheck : public ::testing::TestWithParam<Choice> {};

TEST_P(GradientCheck, EveryParameterTensorMatchesCentralDifferences) {
  ModelConfig config = small_model();
  std::tie(config.norm, config.positions, config.activation, config.tied_head) = GetParam();
  constexpr std::size_t kSequences = 2;
  Transformer<double> model(config, {}, kSequences);
  model.initialize(3);
  // Away from the symmetric start, so that no gradient is small by construction.
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    model.weights()[i] += 0.1 * random_normal({11, 0, 0, 0}, i);
  }
  const auto inputs = bytes(1, kSequences * config.context);
  const auto targets = bytes(2, kSequences * config.context);
  const auto loss = [&] { return model.loss(inputs.data(), targets.data(), kSequences, {}); };
  model.loss_and_gradient(inputs.data(), targets.data(), kSequences, {});
  const std::vector<double> gradients(model.gradients().begin(), model.gradients().end());
  std::size_t checked = 0;
  for (const Parameter& parameter : model.parameters()) {
    double difference = 0.0, size = 0.0;
    const std::size_t stride = std::max<std::size_t>(parameter.size() / 40, 1);
    for (std::size_t i = 0; i < parameter.size(); i += stride, ++checked) {
      // Byte rows that do not occur have gradient zero through an untied embedding: they test that
      // too.
      const std::size_t at = parameter.offset + i;
      double& weight = model.weights()[at];
      const double kept = weight, h = 1e-5;
      weight = kept + h;
      const double above = loss();
      weight = kept - h;
      const double below = loss();
      weight = kept;
      const double numeric = (above - below) / (2 * h);
      difference += (numeric - gradients[at]) * (numeric - gradients[at]);
      size += numeric * numeric;
    }
    // Central differences: truncation h^2 f'''/6 and rounding 1e-16/h both lie below 1e-9 here.
    EXPECT_LT(std::sqrt(difference), 1e-7 * std::sqrt(size) + 1e-9) << parameter.name;
  }
  EXPECT_GT(checked, 300U);
}

INSTANTIATE_TEST_SUITE_P(
    AllArchitectures, GradientCheck,
    ::testing::Combine(::testing::Values(Norm::layer_norm, Norm::rms_norm),
                       ::testing::Values(Positions::rotary, Positions::learned),
                       ::testing::Values(Activation::gelu, Activation::swiglu), ::testing::Bool()));

TEST(Transformer, AttentionSpanningSeveralRowBlocksMatchesCentralDifferences) {
  ModelConfig config = small_model();
  config.blocks = 1;
  config.context = 131;  // blocks of 64, 64 and 3 rows
  Transformer<double> model(config, {}, 1);
  model.initialize(5);
  const auto inputs = bytes(3, config.context), targets = bytes(4, config.context);
  model.loss_and_gradient(inputs.data(), targets.data(), 1, {});
  const std::vector<double> gradients(model.gradients().begin(), model.gradients().end());
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.name != "blocks.0.attention.qkv") continue;
    for (std::size_t i = 0; i < parameter.size(); i += 29) {
      double& weight = model.weights()[parameter.offset + i];
      const double kept = weight, h = 1e-4;
      weight = kept + h;
      const double above = model.loss(inputs.data(), targets.data(), 1, {});
      weight = kept - h;
      const double below = model.loss(inputs.data(), targets.data(), 1, {});
      weight = kept;
      EXPECT_NEAR((above - below) / (2 * h), gradients[parameter.offset + i], 1e-9);
    }
  }
}

TEST(Transformer, FirstLossIsNearLogOfTheVocabulary) {
  ModelConfig config = small_model();
  Transformer<float> model(config, {}, 4);
  model.initialize(1);
  const auto inputs = bytes(1, 4 * config.context), targets = bytes(2, 4 * config.context);
  EXPECT_NEAR(model.loss(inputs.data(), targets.data(), 4, {}), std::log(256.0), 0.05);
}

/// Sum of the losses of all positions but the last. With n L(t) = rest + last(t) for target byte t
/// at the last position and sum_t exp(-last(t)) = 1, rest = -log sum_t exp(-n L(t)).
double loss_before_last(Transformer<double>& model, std::vector<std::uint8_t> inputs,
                        std::vector<std::uint8_t> targets, std::uint8_t last_input) {
  const auto n = static_cast<double>(inputs.size());
  inputs.back() = last_input;
  double sum = 0.0;
  for (int t = 0; t < 256; ++t) {
    targets.back() = static_cast<std::uint8_t>(t);
    sum += std::exp(-n * model.loss(inputs.data(), targets.data(), 1, {}));
  }
  return -std::log(sum);
}

TEST(Transformer, APositionSeesOnlyItsPast) {
  const ModelConfig config = small_model();
  Transformer<double> model(config, {}, 1);
  model.initialize(1);
  for (double& weight : model.weights()) weight *= 3.0;
  const auto inputs = bytes(1, config.context), targets = bytes(2, config.context);
  EXPECT_NEAR(loss_before_last(model, inputs, targets, 10),
              loss_before_last(model, inputs, targets, 200), 1e-9);
}

TEST(Transformer, BinaryThirtyTwoAgreesWithBinarySixtyFour) {
  ModelConfig config = small_model();
  config.context = 70;
  Transformer<float> narrow(config, {}, 2);
  Transformer<double> wide(config, {}, 2);
  narrow.initialize(9);
  wide.initialize(9);
  const auto inputs = bytes(1, 2 * config.context), targets = bytes(2, 2 * config.context);
  const double a = narrow.loss_and_gradient(inputs.data(), targets.data(), 2, {});
  const double b = wide.loss_and_gradient(inputs.data(), targets.data(), 2, {});
  EXPECT_NEAR(a, b, 1e-5);
  double difference = 0.0, size = 0.0;
  for (std::size_t i = 0; i < wide.gradients().size(); ++i) {
    const double d = static_cast<double>(narrow.gradients()[i]) - wide.gradients()[i];
    difference += d * d;
    size += wide.gradients()[i] * wide.gradients()[i];
  }
  EXPECT_LT(std::sqrt(difference / size), 1e-5);
}

}  // namespace
}  // namespace halfulp::nn
