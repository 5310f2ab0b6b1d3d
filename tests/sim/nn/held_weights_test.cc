// Weights in narrow formats: which updates arrive under which rule, moments in narrow formats, and
// updates computed in bfloat16 throughout.
#include "sim/nn/held_weights.h"

#include <gtest/gtest.h>

#include <limits>

#include "formats/spec.h"
#include "sim/nn/update_metrics.h"
#include "tests/sim/nn/optimizer_fixture.h"

namespace halfulp::nn {
namespace {

using test::Trial;

/// SGD without momentum and decay on weights in bfloat16 alone.
OptimizerSpec bfloat16_sgd(WeightRule rule) {
  OptimizerSpec spec;
  spec.kind = OptimizerKind::sgd;
  spec.momentum = 0.0;
  spec.weight_decay = 0.0;
  spec.weights = {std::nullopt, parse_quantizer("bfloat16"), rule};
  return spec;
}

/// Weights that start at 1 after `count` updates of `change`.
std::vector<float> after(const OptimizerSpec& spec, int count, float change,
                         std::size_t size = 4096) {
  Trial trial(spec, test::one_matrix(1, size));
  std::fill(trial.weights.begin(), trial.weights.end(), 1.0F);
  trial.optimizer->initialize(3, trial.weights);
  const std::vector<float> gradient(trial.weights.size(), -change);
  for (int i = 0; i < count; ++i) trial.step(gradient, 1.0);
  trial.weights.resize(size);
  return trial.weights;
}

double mean(const std::vector<float>& x) {
  double sum = 0.0;
  for (const float value : x) sum += static_cast<double>(value);
  return sum / static_cast<double>(x.size());
}

TEST(HeldWeights, NearestStallsBelowHalfAStepAndOthersDoNot) {
  // 2000 updates of -1e-4 on 1: below half of bfloat16's step of 2^-8 under 1.
  EXPECT_EQ(mean(after(bfloat16_sgd(WeightRule::nearest), 2000, -1e-4F)), 1.0);
  // Kahan and Collage arrive at bfloat16(0.8) (methods: 0.80078125).
  EXPECT_EQ(after(bfloat16_sgd(WeightRule::kahan), 2000, -1e-4F, 4)[3], 0.80078125F);
  EXPECT_EQ(after(bfloat16_sgd(WeightRule::collage_light), 2000, -1e-4F, 4)[3], 0.80078125F);
  // Stochastic rounding: mean 0.8, standard deviation 0.027 of an element: 5 sigma of 4096.
  EXPECT_NEAR(mean(after(bfloat16_sgd(WeightRule::stochastic), 2000, -1e-4F)), 0.8, 5 * 0.027 / 64);
}

TEST(HeldWeights, StochasticUpdatesAreUnbiasedAndHitTheTwoNeighbours) {
  // 1 - 0.3 2^-8: rounds up to 1 with probability 0.7, down to 1 - 2^-8 with 0.3.
  constexpr std::size_t kCount = 1 << 16;
  const std::vector<float> w =
      after(bfloat16_sgd(WeightRule::stochastic), 1, -0.3F * 0x1p-8F, kCount);
  std::size_t down = 0;
  for (const float x : w) {
    ASSERT_TRUE(x == 1.0F || x == 1.0F - 0x1p-8F) << x;
    down += x < 1.0F ? 1 : 0;
  }
  const double share = static_cast<double>(down) / kCount;
  EXPECT_NEAR(share, 0.3, 5 * std::sqrt(0.3 * 0.7 / kCount) + 0x1p-16);
}

TEST(HeldWeights, QualityOfOneStepIsThatOfItsRounding) {
  // methods 0.5: raw change, effective change over it.
  const std::pair<float, double> cases[] = {
      {-1e-3F, 0.0}, {-2e-3F, 0x1p-8 / 2e-3}, {-3e-3F, 0x1p-8 / 3e-3}, {4e-3F, 0x1p-7 / 4e-3}};
  for (const auto& [change, quality] : cases) {
    Trial trial(bfloat16_sgd(WeightRule::nearest), test::one_matrix(1, 1));
    trial.weights[0] = 1.0F;
    std::vector<float> gradient(trial.weights.size(), -change);
    UpdateMetrics metrics;
    trial.step(gradient, 1.0, &metrics);
    EXPECT_NEAR(metrics.quality(), quality, 1e-6);
    EXPECT_EQ(metrics.lost_share(), quality == 0.0 ? 1.0 : 0.0);
  }
}

TEST(HeldWeights, PairsLoseNothingTogether) {
  Trial trial(bfloat16_sgd(WeightRule::collage_light), test::one_matrix(1, 2));
  trial.weights[0] = trial.weights[1] = 1.0F;
  UpdateMetrics metrics;
  std::vector<float> gradient(trial.weights.size(), 0.0009765625F);  // 2^-10
  trial.step(gradient, 1.0, &metrics);
  EXPECT_EQ(metrics.quality(), 0.0);
  EXPECT_EQ(metrics.pair_quality(), 1.0);
  EXPECT_EQ(metrics.lost_share(), 1.0);
}

TEST(HeldWeights, MasterWeightsKeepWhatTheStorageFormatLoses) {
  OptimizerSpec spec = bfloat16_sgd(WeightRule::nearest);
  spec.weights.master = parse_quantizer("binary32");
  const std::vector<float> w = after(spec, 2000, -1e-4F, 4);
  EXPECT_EQ(w[0], 0.80078125F);  // 0.8 to the nearest number of bfloat16
}

TEST(HeldWeights, InitialWeightsAreOfTheirFormatUnderEveryRule) {
  std::vector<float> first;
  for (const auto rule : {WeightRule::nearest, WeightRule::stochastic, WeightRule::kahan}) {
    const Trial trial(bfloat16_sgd(rule), test::one_matrix(3, 5));
    for (std::size_t i = 0; i < 15; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(trial.weights[i]);
      EXPECT_EQ(bits & 0xFFFFU, 0U);
    }
    if (first.empty()) first = trial.weights;
    EXPECT_EQ(trial.weights, first);
  }
}

TEST(HeldWeights, TheModelReadsTheStorageFormatFromTheStart) {
  OptimizerSpec spec;
  spec.weights.storage = parse_quantizer("bfloat16");
  const Trial apart(spec, test::one_matrix(3, 5));
  spec.weights.master = std::nullopt;
  const Trial alone(spec, test::one_matrix(3, 5)), plain({}, test::one_matrix(3, 5));
  EXPECT_EQ(apart.weights, alone.weights);
  EXPECT_NE(apart.weights, plain.weights);
}

TEST(HeldWeights, RefusesRulesThatDoNotFit) {
  const auto refuses = [](const char* held, WeightRule rule) {
    OptimizerSpec spec = bfloat16_sgd(rule);
    spec.weights.storage = parse_quantizer(held);
    const auto list = test::one_matrix(2, 2);
    EXPECT_THROW(make_optimizer(spec, list), SpecError) << held;
  };
  refuses("binary32", WeightRule::stochastic);
  refuses("binary32", WeightRule::kahan);
  refuses("e4m3fn", WeightRule::kahan);
  refuses("mxfp4", WeightRule::collage_light);
  refuses("bfloat16", WeightRule::collage_plus);  // SGD has no second moment
}

TEST(Moments, AreRoundedAfterTheWeightsHaveMoved) {
  OptimizerSpec narrow;
  narrow.first_moment = parse_quantizer("e4m3fn");
  narrow.second_moment = parse_quantizer("e5m2");
  Trial plain({}, test::small_parameters()), rounded(narrow, test::small_parameters());
  plain.steps_on_noise(1);
  rounded.steps_on_noise(1);
  EXPECT_EQ(rounded.weights, plain.weights);
  plain.steps_on_noise(1);
  rounded.steps_on_noise(1);
  EXPECT_NE(rounded.weights, plain.weights);
}

TEST(Moments, HoldNumbersOfTheirFormatTimesANewScale) {
  OptimizerSpec spec;
  spec.first_moment = parse_quantizer("int4+scale_power_of_two");
  Trial trial(spec, test::one_matrix(4, 8));
  trial.steps_on_noise(3);
  test::StateMap state;
  trial.optimizer->visit_state(state);
  std::vector<double> m = state.state["optimizer.m"];
  m.resize(32);
  double largest = 0.0;
  for (const double x : m) largest = std::max(largest, std::fabs(x));
  // Integers to 7 times 2^k with the largest in 4 .. 7.
  const double scale = std::exp2(std::floor(std::log2(largest)) - 2);
  for (const double x : m) EXPECT_EQ(x / scale, std::round(x / scale));
}

TEST(Moments, FlushedSecondMomentsAreCounted) {
  OptimizerSpec spec;
  spec.second_moment = parse_quantizer("e4m3fn");
  Trial trial(spec, test::one_matrix(1, 4));
  // v spans (1e-3)^2 : 1; E4M3 reaches down to 2^-10 / 448 = 2.2e-6 of the largest.
  UpdateMetrics metrics;
  std::vector<float> gradient = {1.0F, 1e-3F, 2e-3F, 1e-2F};
  gradient.resize(trial.weights.size());
  trial.step(gradient, 0.01, &metrics);
  EXPECT_EQ(metrics.flushed_share(), 0.25);
}

/// Updates of one weight with gradient `g` in the arithmetic of `format`; its second moment.
double second_moment(const char* format, WeightRule rule, double beta2, int count) {
  OptimizerSpec spec;
  spec.beta2 = beta2;
  spec.weights = {std::nullopt, parse_quantizer(format), rule};
  spec.arithmetic = spec.weights.storage;
  Trial trial(spec, test::one_matrix(1, 1));
  std::vector<float> gradient(trial.weights.size(), 1.0F);
  for (int i = 0; i < count; ++i) trial.step(gradient, 1e-3);
  test::StateMap state;
  trial.optimizer->visit_state(state);
  return state.state["optimizer.v"][0];
}

TEST(RoundedUpdates, BetaTwoNeedsTwoPartsInBfloat16) {
  // v of 1500 gradients of 1 at beta2 = 0.999.
  const double exact = 1.0 - std::pow(0.999, 1500);
  EXPECT_NEAR(second_moment("bfloat16", WeightRule::collage_plus, 0.999, 1500), exact, 0.01);
  // In one part beta2 is 1: v grows until 0.001 is below half a step of 2^-8, at 0.5.
  EXPECT_EQ(second_moment("bfloat16", WeightRule::nearest, 0.999, 1500), 0.5);
}

TEST(RoundedUpdates, EpsilonUnderflowsInBinary16) {
  OptimizerSpec spec;
  spec.weights = {std::nullopt, parse_quantizer("binary16"), WeightRule::nearest};
  spec.arithmetic = spec.weights.storage;
  for (const double epsilon : {1e-8, 1e-4}) {
    spec.epsilon = epsilon;
    Trial trial(spec, test::one_matrix(1, 1));
    trial.step(std::vector<float>(trial.weights.size(), 0.0F));
    EXPECT_EQ(std::isnan(trial.weights[0]), epsilon == 1e-8);
  }
}

/// Nearest even to bfloat16 by adding half of what is cut.
double bfloat16(double x) {
  const auto single = static_cast<float>(x);
  const auto bits = std::bit_cast<std::uint32_t>(single);
  const std::uint32_t rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
  return static_cast<double>(std::bit_cast<float>(rounded & 0xFFFF0000U));
}

TEST(RoundedUpdates, AdamWInBfloat16IsTheStepsOneByOne) {
  OptimizerSpec spec;
  spec.weights = {std::nullopt, parse_quantizer("bfloat16"), WeightRule::nearest};
  spec.arithmetic = spec.weights.storage;
  Trial trial(spec, test::one_matrix(3, 5));
  std::vector<double> w(trial.weights.begin(), trial.weights.end()), m(w.size()), v(w.size());
  const auto r = bfloat16;
  for (std::int64_t t = 1; t <= 6; ++t) {
    const std::vector<float> gradient = trial.gradients(t - 1);
    trial.step(gradient);
    for (std::size_t i = 0; i < 15; ++i) {
      const double g = r(static_cast<double>(gradient[i]));
      m[i] = r(r(r(0.9) * m[i]) + r(r(1 - 0.9) * g));
      v[i] = r(r(r(0.95) * v[i]) + r(r(1 - 0.95) * r(g * g)));
      const double root = r(std::sqrt(r(v[i] * r(1 / (1 - std::pow(0.95, t))))));
      const double d = r(r(m[i] * r(1 / (1 - std::pow(0.9, t)))) / r(root + r(1e-8)));
      w[i] = r(w[i] - r(r(0.01) * r(d + r(r(0.1) * w[i]))));
      ASSERT_EQ(static_cast<double>(trial.weights[i]), w[i]) << "update " << t;
    }
  }
}

}  // namespace
}  // namespace halfulp::nn
