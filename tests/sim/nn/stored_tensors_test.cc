// Every place where a model can round a tensor, against a model of one block written out in
// binary64 that rounds at the same place: which numbers are rounded, what reads them afterwards
// (backward too), and that gradients pass straight through.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/nn/transformer.h"
#include "sim/random.h"
#include "tests/sim/nn/plain_block.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kSequences = 2;
constexpr double kLossScale = 8.0;

ModelConfig one_block() {
  ModelConfig config;
  config.blocks = 1;
  config.width = 16;
  config.heads = 2;
  config.context = 7;
  config.hidden = 20;
  config.tied_head = false;
  return config;
}

std::vector<std::uint8_t> bytes(std::uint32_t stream, std::size_t n) {
  std::vector<std::uint8_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<std::uint8_t>(random_word({7, stream, 0, 0}, i) & 0xff);
  }
  return out;
}

/// The model's loss and gradients, from weights away from the symmetric start.
struct Trained {
  std::vector<float> weights, gradients;
  double loss = 0.0;

  explicit Trained(const ModelNumerics& numerics, double loss_scale = kLossScale) {
    const ModelConfig config = one_block();
    Transformer<float> model(config, numerics, kSequences);
    model.initialize(3);
    for (std::size_t i = 0; i < model.weights().size(); ++i) {
      model.weights()[i] += static_cast<float>(0.2 * random_normal({11, 0, 0, 0}, i));
    }
    const auto inputs = bytes(1, kSequences * config.context);
    const auto targets = bytes(2, kSequences * config.context);
    loss = model.loss_and_gradient(inputs.data(), targets.data(), kSequences,
                                   {.seed = 1, .step = 5, .loss_scale = loss_scale});
    weights.assign(model.weights().begin(), model.weights().end());
    gradients.assign(model.gradients().begin(), model.gradients().end());
  }
};

/// Largest error of loss and gradients, each relative to its tensor's size.
double distance(const Trained& trained, PlainBlock::Hooks hooks) {
  const ModelConfig config = one_block();
  PlainBlock plain(config, trained.weights, std::move(hooks));
  const double loss = plain.run(bytes(1, kSequences * config.context),
                                bytes(2, kSequences * config.context), kLossScale);
  double worst = std::fabs(trained.loss - loss) / loss;
  for (const Parameter& p : model_parameters(config)) {
    double error = 0.0, size = 0.0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double expected = plain.gradient(p.name).x[i];
      const double d = static_cast<double>(trained.gradients[p.offset + i]) - expected;
      error += d * d;
      size += expected * expected;
    }
    worst = std::max(worst, std::sqrt(error / size));
  }
  return worst;
}

/// Rounds each number to a format without scale.
void round_to_format(PlainMatrix& matrix, const Format& format) {
  for (double& x : matrix.x) {
    x = round(format, {.rounding = Rounding::nearest_even, .overflow = Overflow::saturate}, x);
  }
}

/// One scale for the matrix, or for each row: the largest number becomes the format's.
void round_scaled(PlainMatrix& matrix, const Format& format, double largest, bool by_row) {
  const std::size_t unit = by_row ? matrix.cols : matrix.x.size();
  for (std::size_t first = 0; first < matrix.x.size(); first += unit) {
    double amax = 0.0;
    for (std::size_t i = first; i < first + unit; ++i)
      amax = std::max(amax, std::fabs(matrix.x[i]));
    if (amax == 0.0) continue;
    for (std::size_t i = first; i < first + unit; ++i) {
      matrix.x[i] =
          round(format, {.rounding = Rounding::nearest_even, .overflow = Overflow::saturate},
                matrix.x[i] * largest / amax) *
          amax / largest;
    }
  }
}

struct Place {
  const char* name;
  QuantizerSpec& (*of)(ModelNumerics&);
};

std::ostream& operator<<(std::ostream& out, const Place& place) { return out << place.name; }

using N = ModelNumerics;
const Place kPlaces[] = {
    {"embedding", [](N& n) -> QuantizerSpec& { return n.tensors.embedding; }},
    {"embedding_output", [](N& n) -> QuantizerSpec& { return n.tensors.embedding_output; }},
    {"norm_parameter", [](N& n) -> QuantizerSpec& { return n.tensors.norm_parameter; }},
    {"norm_output", [](N& n) -> QuantizerSpec& { return n.tensors.norm_output; }},
    {"activation_output", [](N& n) -> QuantizerSpec& { return n.tensors.activation_output; }},
    {"residual", [](N& n) -> QuantizerSpec& { return n.tensors.residual; }},
    {"logits", [](N& n) -> QuantizerSpec& { return n.head.output.emplace(binary32_quantizer()); }},
    {"logits_gradient", [](N& n) -> QuantizerSpec& { return n.tensors.logits_gradient; }},
    {"residual_gradient", [](N& n) -> QuantizerSpec& { return n.tensors.residual_gradient; }},
    {"activation_gradient", [](N& n) -> QuantizerSpec& { return n.tensors.activation_gradient; }},
    {"weight_gradient", [](N& n) -> QuantizerSpec& { return n.tensors.weight_gradient; }},
    {"fprop.output", [](N& n) -> QuantizerSpec& { return n.linear.fprop_output; }},
    {"dgrad.output", [](N& n) -> QuantizerSpec& { return n.linear.dgrad_output; }},
    {"wgrad.output", [](N& n) -> QuantizerSpec& { return n.linear.wgrad_output; }},
    {"attention.query", [](N& n) -> QuantizerSpec& { return n.attention.query_operand; }},
    {"attention.key", [](N& n) -> QuantizerSpec& { return n.attention.key_operand; }},
    {"attention.value", [](N& n) -> QuantizerSpec& { return n.attention.value_operand; }},
    {"attention.probabilities",
     [](N& n) -> QuantizerSpec& { return n.attention.probabilities_operand; }},
    {"attention.grad_output",
     [](N& n) -> QuantizerSpec& { return n.attention.grad_output_operand; }},
    {"attention.grad_scores",
     [](N& n) -> QuantizerSpec& { return n.attention.grad_scores_operand; }},
    {"attention.key_cache", [](N& n) -> QuantizerSpec& { return n.attention.key_cache; }},
    {"attention.value_cache", [](N& n) -> QuantizerSpec& { return n.attention.value_cache; }},
    {"attention.scores.output", [](N& n) -> QuantizerSpec& { return n.attention.scores_output; }},
    {"attention.context.output", [](N& n) -> QuantizerSpec& { return n.attention.context_output; }},
    {"attention.grad_probabilities.output",
     [](N& n) -> QuantizerSpec& { return n.attention.grad_probabilities_output; }},
    {"attention.grad_value.output",
     [](N& n) -> QuantizerSpec& { return n.attention.grad_value_output; }},
    {"attention.grad_query.output",
     [](N& n) -> QuantizerSpec& { return n.attention.grad_query_output; }},
    {"attention.grad_key.output",
     [](N& n) -> QuantizerSpec& { return n.attention.grad_key_output; }},
};

TEST(StoredTensors, PlainBlockIsTheModelWithoutRounding) {
  EXPECT_LT(distance(Trained({}), {}), 2e-6);
}

class StoredTensor : public ::testing::TestWithParam<Place> {};

// A flipped rounding decision between binary32 and binary64 is an error of 2^-4 of one number;
// there are none for these weights but among the many numbers of the weights' gradients.
TEST_P(StoredTensor, IsRoundedWhereTheDefinitionSaysAndNowhereElse) {
  const std::string name = GetParam().name;
  ModelNumerics numerics;
  GetParam().of(numerics) = parse_quantizer("e8m3+unscaled");
  const Trained trained(numerics);
  const Format format = parse_format("e8m3");
  const auto rounds = [&](PlainMatrix& m) { round_to_format(m, format); };
  EXPECT_LT(distance(trained, {{name, rounds}}), name == "weight_gradient" ? 2e-3 : 4e-6);
  EXPECT_GT(distance(trained, {}), name == "weight_gradient" ? 2e-2 : 1e-3);
}

INSTANTIATE_TEST_SUITE_P(EveryPlace, StoredTensor, ::testing::ValuesIn(kPlaces));

TEST(StoredTensors, AllAtOnce) {
  ModelNumerics numerics;
  PlainBlock::Hooks hooks;
  const Format format = parse_format("e8m5");
  for (const Place& place : kPlaces) {
    place.of(numerics) = parse_quantizer("e8m5+unscaled");
    hooks[place.name] = [&](PlainMatrix& m) { round_to_format(m, format); };
  }
  EXPECT_LT(distance(Trained(numerics), hooks), 4e-6);
}

// The unit of a scale: one head of one sequence in attention, the whole tensor elsewhere.
TEST(StoredTensors, ScalesBelongToOneHeadOrToTheTensor) {
  const Format format = parse_format("e4m3fn"), integer = parse_format("int8");
  for (const Place& place : kPlaces) {
    const std::string name = place.name;
    if (name.starts_with("attention.") && name.ends_with(".output")) continue;  // unscaled only
    ModelNumerics by_tensor, by_row;
    place.of(by_tensor) = parse_quantizer("e4m3fn");
    place.of(by_row) = parse_quantizer("int8+row");
    EXPECT_LT(distance(Trained(by_tensor),
                       {{name, [&](PlainMatrix& m) { round_scaled(m, format, 448.0, false); }}}),
              4e-6)
        << name;
    EXPECT_LT(distance(Trained(by_row),
                       {{name, [&](PlainMatrix& m) { round_scaled(m, integer, 127.0, true); }}}),
              4e-6)
        << name;
  }
}

TEST(StoredTensors, OperandsAreRoundedFromWhatTheCacheHolds) {
  ModelNumerics numerics;
  numerics.attention.key_cache = numerics.attention.value_cache = parse_quantizer("int4+row");
  numerics.attention.key_operand = numerics.attention.value_operand = parse_quantizer("e4m3fn");
  const Format cache = parse_format("int4"), operand = parse_format("e4m3fn");
  const auto stores = [&](PlainMatrix& m) { round_scaled(m, cache, 7.0, true); };
  const auto reads = [&](PlainMatrix& m) { round_scaled(m, operand, 448.0, false); };
  const Trained trained(numerics);
  EXPECT_LT(distance(trained, {{"attention.key_cache", stores},
                               {"attention.value_cache", stores},
                               {"attention.key", reads},
                               {"attention.value", reads}}),
            4e-6);
  // The other way round is something else.
  EXPECT_GT(distance(trained, {{"attention.key_cache", reads},
                               {"attention.value_cache", reads},
                               {"attention.key", stores},
                               {"attention.value", stores}}),
            1e-3);
}

TEST(StoredTensors, TablesAndGainsActAsIfTheyHadTheirRoundedValues) {
  ModelConfig config = one_block();
  config.norm = Norm::layer_norm;
  config.positions = Positions::learned;
  config.activation = Activation::gelu;
  ModelNumerics numerics;
  numerics.tensors.embedding = numerics.tensors.norm_parameter = parse_quantizer("e8m3+unscaled");
  Transformer<float> rounding(config, numerics, 1), given(config, {}, 1);
  rounding.initialize(3);
  for (std::size_t i = 0; i < rounding.weights().size(); ++i) {
    rounding.weights()[i] += static_cast<float>(0.2 * random_normal({11, 0, 0, 0}, i));
  }
  const std::vector<float> kept(rounding.weights().begin(), rounding.weights().end());
  const Format format = parse_format("e8m3");
  for (const Parameter& p : given.parameters()) {
    const bool is_rounded = p.name.ends_with("_embedding") || p.rows == 1;
    for (std::size_t i = p.offset; i < p.offset + p.size(); ++i) {
      const double x = static_cast<double>(kept[i]);
      given.weights()[i] = is_rounded ? static_cast<float>(round(format, {}, x)) : kept[i];
    }
  }
  const auto inputs = bytes(1, config.context), targets = bytes(2, config.context);
  EXPECT_EQ(rounding.loss_and_gradient(inputs.data(), targets.data(), 1, {}),
            given.loss_and_gradient(inputs.data(), targets.data(), 1, {}));
  EXPECT_TRUE(std::equal(rounding.gradients().begin(), rounding.gradients().end(),
                         given.gradients().begin()));
  // The optimizer's weights are not touched.
  EXPECT_TRUE(std::equal(kept.begin(), kept.end(), rounding.weights().begin()));
}

TEST(StoredTensors, CachesCanBeRoundedInEvaluationsAlone) {
  const ModelConfig config = one_block();
  ModelNumerics always, evaluation;
  always.attention.key_cache = always.attention.value_cache = parse_quantizer("int4+row");
  evaluation = always;
  evaluation.attention.caches_in_training = false;
  const auto inputs = bytes(1, config.context), targets = bytes(2, config.context);
  const auto loss = [&](const ModelNumerics& numerics, std::uint32_t step) {
    Transformer<float> model(config, numerics, 1);
    model.initialize(3);
    for (float& weight : model.weights()) weight *= 4.0F;
    return model.loss(inputs.data(), targets.data(), 1, {1, step});
  };
  EXPECT_EQ(loss(evaluation, 3), loss({}, 3));
  EXPECT_NE(loss(always, 3), loss({}, 3));
  EXPECT_EQ(loss(evaluation, 3 | StepKey::kEvaluation), loss(always, 3 | StepKey::kEvaluation));
}

TEST(StoredTensors, RandomBitsDependOnPlaceTensorStepAndSeed) {
  const std::vector<Parameter> parameters = model_parameters(one_block());
  const QuantizerSpec spec = parse_quantizer("e8m1+unscaled+stochastic(16)");
  const TensorRounding<float> rounding({.norm_output = spec, .residual = spec}, parameters);
  using Rounding = TensorRounding<float>;
  const auto rounded = [&](Rounding::Place place, std::uint32_t index, const StepKey& key) {
    std::vector<float> x(256, 1.25F);
    rounding.apply(place, index, x.data(), 16, 16, key);
    return x;
  };
  const auto first = rounded(Rounding::residual, 0, {1, 1});
  EXPECT_EQ(first, rounded(Rounding::residual, 0, {1, 1}));
  EXPECT_NE(first, rounded(Rounding::norm_output, 0, {1, 1}));
  EXPECT_NE(first, rounded(Rounding::residual, 1, {1, 1}));
  EXPECT_NE(first, rounded(Rounding::residual, 0, {2, 1}));
  EXPECT_NE(first, rounded(Rounding::residual, 0, {1, 2}));
}

TEST(StoredTensors, AttentionsHeadsBlocksAndPlacesShareNoRandomBits) {
  const QuantizerSpec spec = parse_quantizer("e8m1+unscaled+stochastic(16)");
  AttentionNumerics numerics;
  numerics.query_operand = numerics.key_operand = numerics.scores_output = spec;
  const AttentionRounding<float> zero(numerics, {}, 0), one(numerics, {}, 1);
  using Rounding = AttentionRounding<float>;
  const auto rounded = [](const Rounding& rounding, Rounding::Tensor tensor, std::size_t unit) {
    std::vector<float> x(256, 1.25F);
    rounding.apply(tensor, {x.data(), 16, 16, 16}, unit, {1, 1});
    return x;
  };
  std::vector<float> output(256, 1.25F);
  zero.apply_output(0, {output.data(), 16, 16, 16}, 0, {1, 1});
  const auto first = rounded(zero, Rounding::query, 0);
  EXPECT_NE(first, rounded(zero, Rounding::key, 0));
  EXPECT_NE(first, rounded(zero, Rounding::query, 1));
  EXPECT_NE(first, rounded(one, Rounding::query, 0));
  EXPECT_NE(first, output);
}

TEST(StoredTensors, BinarySixtyFourRefusesThem) {
  for (const Place& place : kPlaces) {
    ModelNumerics numerics;
    place.of(numerics) = parse_quantizer("bfloat16");
    EXPECT_THROW(Transformer<double>(one_block(), numerics, 1), std::invalid_argument)
        << place.name;
  }
}

/// All tensors in binary16 with infinities, as training without a wider copy of any activation.
ModelNumerics binary16() {
  const QuantizerSpec half = parse_quantizer("binary16+infinity");
  ModelNumerics numerics;
  for (const Place& place : kPlaces) place.of(numerics) = half;
  numerics.high_format = half;
  numerics.linear.fprop_input = numerics.linear.fprop_weight = half;
  numerics.linear.dgrad_grad_output = numerics.linear.dgrad_weight = half;
  numerics.linear.wgrad_grad_output = numerics.linear.wgrad_input = half;
  return numerics;
}

TEST(StoredTensors, GradientsInBinary16OverflowToInfinityUnderATooLargeLossScale) {
  const auto finite = [](const Trained& trained) {
    return std::all_of(trained.gradients.begin(), trained.gradients.end(),
                       [](float g) { return std::isfinite(g); });
  };
  EXPECT_TRUE(finite(Trained(binary16(), 1.0)));
  EXPECT_TRUE(finite(Trained(binary16(), 1024.0)));
  const Trained overflown(binary16(), 16777216.0);
  EXPECT_FALSE(finite(overflown));
  EXPECT_TRUE(std::isfinite(overflown.loss));
  // Small gradients vanish without a scale and are there with one.
  const auto zeros = [](const Trained& trained) {
    return std::count(trained.gradients.begin(), trained.gradients.end(), 0.0F);
  };
  EXPECT_GT(zeros(Trained(binary16(), 0.001)), zeros(Trained(binary16(), 1024.0)));
}

TEST(StoredTensors, OnlyWeightGradientsBeyondBinary16BecomeInfinite) {
  ModelNumerics numerics;
  numerics.tensors.weight_gradient = parse_quantizer("binary16+infinity");
  const double scale = 1 << 20;
  const Trained rounded(numerics, scale), plain({}, scale);
  const Format half = parse_format("binary16");
  std::size_t infinite = 0;
  for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
    const double g = static_cast<double>(plain.gradients[i]);
    const double expected =
        round(half, {.rounding = Rounding::nearest_even, .overflow = Overflow::infinity}, g);
    EXPECT_EQ(static_cast<double>(rounded.gradients[i]), expected);
    infinite += std::isinf(expected) ? 1U : 0U;
  }
  EXPECT_GT(infinite, 10U);
  EXPECT_LT(infinite, plain.gradients.size() / 2);
}

}  // namespace
}  // namespace halfulp::nn
