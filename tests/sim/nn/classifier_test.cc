// Classifiers: gradients of every tensor for every architecture, and what training on them does.
#include "sim/nn/classifier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <tuple>
#include <vector>

#include "sim/nn/classifier_task.h"
#include "sim/nn/training_loop.h"
#include "tests/sim/nn/gradient_check.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kRows = 5;

/// With these no window of a pooling has its two largest numbers within a difference quotient.
template <class T>
std::vector<T> inputs(std::size_t n) {
  std::vector<T> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = static_cast<T>(static_cast<float>(random_normal({3, 2, 0, 0}, i)));
  }
  return x;
}

const std::vector<std::uint8_t> kLabels = {0, 3, 1, 3, 2};

ClassifierConfig small(Architecture architecture) {
  ClassifierConfig config;
  config.architecture = architecture;
  config.input = architecture == Architecture::mlp ? ImageShape{1, 1, 7} : ImageShape{9, 6, 2};
  config.width = architecture == Architecture::mlp ? 11 : 3;
  config.hidden = 6;
  config.classes = 4;
  return config;
}

using Choice = std::tuple<Architecture, ClassifierNorm, UnitFunction, Pooling>;

class ClassifierGradients : public ::testing::TestWithParam<Choice> {};

TEST_P(ClassifierGradients, EveryParameterTensorMatchesCentralDifferences) {
  ClassifierConfig config = small(std::get<0>(GetParam()));
  std::tie(std::ignore, config.norm, config.function, config.pooling) = GetParam();
  Classifier<double> model(config, {}, kRows);
  model.parameters().initialize(3);
  disturb(model.parameters().weights());
  const auto x = inputs<double>(kRows * config.input.size());
  model.loss_and_gradient(x.data(), kLabels.data(), kRows, {});
  if (config.norm == ClassifierNorm::batch_norm) {
    // A constant added before batch norm vanishes in it: these gradients are zero.
    for (const Parameter& parameter : model.parameters().list()) {
      if (parameter.name.find(".norm.") != std::string::npos) continue;
      if (!parameter.name.ends_with(".bias") || !parameter.name.starts_with("blocks")) continue;
      for (std::size_t i = 0; i < parameter.size(); ++i) {
        double& gradient = model.parameters().gradients()[parameter.offset + i];
        EXPECT_NEAR(gradient, 0.0, 1e-12) << parameter.name;
      }
    }
  }
  std::vector<Parameter> checked;
  for (const Parameter& parameter : model.parameters().list()) {
    const bool vanishes =
        config.norm == ClassifierNorm::batch_norm && parameter.name.starts_with("blocks") &&
        (parameter.name.ends_with("linear.bias") || parameter.name.ends_with("convolution.bias"));
    if (!vanishes) checked.push_back(parameter);
  }
  expect_gradients(checked, model.parameters().weights(), model.parameters().gradients(),
                   [&] { return model.loss(x.data(), kLabels.data(), kRows, {}); });
}

INSTANTIATE_TEST_SUITE_P(
    AllArchitectures, ClassifierGradients,
    ::testing::Combine(::testing::Values(Architecture::mlp, Architecture::convolution),
                       ::testing::Values(ClassifierNorm::none, ClassifierNorm::layer_norm,
                                         ClassifierNorm::rms_norm, ClassifierNorm::batch_norm),
                       ::testing::Values(UnitFunction::relu, UnitFunction::gelu),
                       ::testing::Values(Pooling::max, Pooling::average)));

TEST(Classifier, LossScaleMultipliesGradientsOnly) {
  const ClassifierConfig config = small(Architecture::convolution);
  Classifier<double> model(config, {}, kRows);
  model.parameters().initialize(3);
  const auto x = inputs<double>(kRows * config.input.size());
  const double loss = model.loss_and_gradient(x.data(), kLabels.data(), kRows, {});
  const auto span = model.parameters().gradients();
  const std::vector<double> once(span.begin(), span.end());
  StepKey key;
  key.loss_scale = 1024.0;
  EXPECT_EQ(model.loss_and_gradient(x.data(), kLabels.data(), kRows, key), loss);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(span[i], 1024.0 * once[i]);
}

TEST(Classifier, LayersAreNamedInOrder) {
  ClassifierConfig config = small(Architecture::convolution);
  EXPECT_EQ(linear_layer_names(config),
            (std::vector<std::string>{"blocks.0.convolution", "blocks.1.convolution",
                                      "hidden.linear", "head"}));
  config.architecture = Architecture::mlp;
  EXPECT_EQ(linear_layer_names(config),
            (std::vector<std::string>{"blocks.0.linear", "blocks.1.linear", "head"}));
}

TEST(Classifier, QuantizersReachEveryLayerButThoseKept) {
  const ClassifierConfig config = small(Architecture::convolution);
  const auto x = inputs<float>(kRows * config.input.size());
  ModelNumerics numerics;
  numerics.linear.fprop_weight = parse_quantizer("int4");
  const auto logits = [&](std::vector<std::string> kept) {
    numerics.high_precision = std::move(kept);
    Classifier<float> model(config, numerics, kRows);
    model.parameters().initialize(3);
    model.loss(x.data(), kLabels.data(), kRows, {});
    return std::vector<float>(model.logits().begin(), model.logits().end());
  };
  const auto exact = logits({"*"});
  for (const char* layer : {"blocks.0", "blocks.-1", "hidden", "head"}) {
    std::vector<std::string> others;
    for (const char* other : {"blocks.0", "blocks.-1", "hidden", "head"}) {
      if (std::string(other) != layer) others.emplace_back(other);
    }
    EXPECT_NE(logits(others), exact) << layer;
  }
  EXPECT_EQ(logits({"blocks.*", "hidden", "head"}), exact);
}

/// Everything a task keeps, by name.
class Recorder final : public StateVisitor {
 public:
  void visit(std::string_view name, std::span<float> values) override {
    state[std::string(name)].assign(values.begin(), values.end());
  }

  void visit(std::string_view, std::span<double>) override {}

  void visit(std::string_view, std::span<std::int64_t>) override {}

  std::map<std::string, std::vector<float>> state;
};

TEST(Classifier, RunningStatisticsFollowBatchesAndServeEvaluation) {
  ClassifierConfig config = small(Architecture::mlp);
  config.layers = 1;
  config.norm = ClassifierNorm::batch_norm;
  Classifier<float> model(config, {}, kRows);
  model.parameters().initialize(1);
  const auto x = inputs<float>(kRows * config.input.size());
  model.loss_and_gradient(x.data(), kLabels.data(), kRows, {});
  Recorder recorder;
  model.visit_state(recorder);
  const std::vector<float> means = recorder.state["blocks.0.norm.running_mean"];
  const std::vector<float> variances = recorder.state["blocks.0.norm.running_variance"];
  ASSERT_EQ(means.size(), config.width);
  for (std::size_t j = 0; j < config.width; ++j) {
    std::vector<double> y(kRows);
    double mean = 0.0, squares = 0.0;
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t k = 0; k < 7; ++k) {
        y[r] += static_cast<double>(x[r * 7 + k]) *
                static_cast<double>(model.parameters().weights()[j * 7 + k]);
      }
      mean += y[r] / kRows;
    }
    for (const double v : y) squares += (v - mean) * (v - mean);
    EXPECT_NEAR(means[j], 0.1 * mean, 1e-5);
    EXPECT_NEAR(variances[j], 0.9 + 0.1 * squares / (kRows - 1), 1e-5);
  }
  // One row at a time: only running statistics can give the same logits as all at once.
  StepKey key;
  key.step = StepKey::kEvaluation;
  model.loss(x.data(), kLabels.data(), kRows, key);
  const std::vector<float> together(model.logits().begin(), model.logits().end());
  for (std::size_t r = 0; r < kRows; ++r) {
    model.loss(x.data() + r * 7, kLabels.data() + r, 1, key);
    for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(model.logits()[c], together[r * 4 + c]);
  }
  Recorder after;
  model.visit_state(after);
  EXPECT_EQ(after.state, recorder.state);
}

TEST(Classifier, PoolingThatLeavesNothingIsRefused) {
  ClassifierConfig config = small(Architecture::convolution);
  config.layers = 3;
  EXPECT_THROW(Classifier<float>(config, {}, 1), std::invalid_argument);
}

TrainResult train_on(const LabelledData& data, ClassifierSpec spec, std::int64_t steps) {
  ClassifierTask task(spec, data);
  LoopSpec loop;
  loop.schedule.kind = Schedule::constant;
  loop.schedule.peak = 1e-3;
  loop.schedule.steps = steps;
  loop.optimizer.weight_decay = 0.0;
  return train(loop, task, 1, [](std::int64_t, double) {});
}

TEST(ClassifierTask, LearnsSyntheticClasses) {
  const LabelledData data = make_clusters({});
  const TrainResult result = train_on(data, {}, 300);
  EXPECT_GT(result.validation_accuracy, 0.6);
  EXPECT_LT(result.validation_loss, 1.1);
  EXPECT_NEAR(result.train_loss.front().loss, std::log(10.0), 0.8);
}

TEST(ClassifierTask, LearnsFashionMnist) {
  LabelledData data;
  try {
    data = load_fashion_mnist();
  } catch (const DataError& error) {
    GTEST_SKIP() << error.what();
  }
  ClassifierSpec spec;
  spec.batch = 64;
  spec.evaluation_examples = 2000;
  const TrainResult result = train_on(data, spec, 300);
  EXPECT_GT(result.validation_accuracy, 0.8);
}

}  // namespace
}  // namespace halfulp::nn
