// Loss scaling in the training loop, on a task whose gradients overflow by a script.
#include "sim/nn/loss_scaler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "sim/nn/training_loop.h"
#include "tests/sim/nn/optimizer_fixture.h"

namespace halfulp::nn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Gradients are noise times the loss scale, with an infinity at the steps of the script.
class ScriptedTask final : public TrainingTask {
 public:
  explicit ScriptedTask(std::set<std::uint32_t> infinities = {}, float size = 1.0F)
      : infinities_(std::move(infinities)), size_(size) {}

  const std::vector<Parameter>& parameters() const override { return parameters_; }

  std::span<float> weights() override { return weights_; }

  std::span<float> gradients() override { return gradients_; }

  void initialize(std::uint64_t) override { weights_ = test::noise_vector(64, 1); }

  double loss_and_gradient(const StepKey& key) override {
    const auto scale = static_cast<float>(key.loss_scale);
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      gradients_[i] = scale * size_ * test::noise(key.step * 131 + i);
    }
    if (infinities_.count(key.step) != 0) gradients_[11] = kInfinity;
    return bad_loss_at == static_cast<std::int64_t>(key.step) ? HUGE_VAL : 1.0;
  }

  Evaluation evaluate(const StepKey&) override { return {1.0}; }

  double samples_per_batch() const override { return 1.0; }

  std::int64_t bad_loss_at = -1;

 private:
  std::set<std::uint32_t> infinities_;
  float size_;
  std::vector<Parameter> parameters_ = test::one_matrix(8, 8);
  std::vector<float> weights_ = std::vector<float>(64), gradients_ = std::vector<float>(64);
};

LoopSpec loop_spec(LossScaling kind, std::int64_t steps) {
  LoopSpec spec;
  spec.schedule = {Schedule::constant, 0.01, 1.0, steps, 0, 0};
  spec.loss_scale.kind = kind;
  return spec;
}

TrainResult run(const LoopSpec& spec, ScriptedTask& task) {
  return train(spec, task, 1, [](std::int64_t, double) {});
}

TEST(LossScaler, FollowsGradScaler) {
  // Growth after 3 clean updates; infinities at 2, 7 and 8: one mid-count, two in a row.
  LoopSpec spec = loop_spec(LossScaling::dynamic, 16);
  spec.loss_scale.growth_interval = 3;
  ScriptedTask task({2, 7, 8});
  const TrainResult result = run(spec, task);
  std::vector<double> trace;
  for (const LossPoint& point : result.loss_scale) trace.push_back(std::log2(point.loss));
  EXPECT_EQ(trace,
            (std::vector<double>{16, 16, 16, 15, 15, 15, 16, 16, 15, 14, 14, 14, 15, 15, 15, 16}));
  EXPECT_EQ(result.skipped_updates, 3);
  EXPECT_FALSE(result.diverged) << result.reason;
  EXPECT_EQ(result.gradient_norm.size(), 13U);
}

TEST(LossScaler, PowersOfTwoChangeNoBit) {
  // Scales are undone before clipping: norms, clipping and weights are those without scaling.
  ScriptedTask plain({}, 3.0F), scaled({}, 3.0F), dynamic({}, 3.0F);
  const TrainResult a = run(loop_spec(LossScaling::none, 12), plain);
  const TrainResult b = run(loop_spec(LossScaling::fixed, 12), scaled);
  LoopSpec growing = loop_spec(LossScaling::dynamic, 12);
  growing.loss_scale.growth_interval = 2;
  const TrainResult c = run(growing, dynamic);
  EXPECT_EQ(a.weights, b.weights);
  EXPECT_EQ(a.weights, c.weights);
  EXPECT_GT(a.gradient_norm[0].loss, 1.0);  // clipped
  EXPECT_EQ(a.gradient_norm[5].loss, b.gradient_norm[5].loss);
  EXPECT_TRUE(a.loss_scale.empty());
}

TEST(LossScaler, ASkippedUpdateTouchesNothingOfTheOptimizer) {
  LoopSpec spec = loop_spec(LossScaling::dynamic, 9);
  ScriptedTask task({4});
  TrainingLoop loop(spec, task, 1);
  for (int i = 0; i < 4; ++i) loop.advance();
  test::StateMap before, after;
  loop.visit_state(before);
  loop.advance();
  loop.visit_state(after);
  for (auto& [name, values] : before.state) {
    if (name.rfind("loop.", 0) != 0) {
      EXPECT_EQ(values, after.state[name]) << name;
    }
  }
  EXPECT_EQ(after.state["loop.loss_scale"][0], 32768.0);
  EXPECT_EQ(before.state["loop.clean_updates"][0], 4.0);
  EXPECT_EQ(after.state["loop.clean_updates"][0], 0.0);
}

TEST(LossScaler, OnlyDynamicScalingSurvivesAnInfiniteGradientAndNoneAnInfiniteLoss) {
  for (const auto kind : {LossScaling::none, LossScaling::fixed, LossScaling::dynamic}) {
    ScriptedTask gradient({3});
    const TrainResult result = run(loop_spec(kind, 6), gradient);
    EXPECT_EQ(result.diverged, kind != LossScaling::dynamic);
    ScriptedTask loss({3});
    loss.bad_loss_at = 3;
    EXPECT_TRUE(run(loop_spec(kind, 6), loss).diverged);
  }
}

TEST(LossScaler, AutomaticHalvesWhereGradientsSaturateAndDoublesOverAnInterval) {
  LossScaler scaler(
      {.kind = LossScaling::automatic, .scale = 8.0, .growth_interval = 1000, .saturation = 448.0});
  std::vector<float> gradients(200000, 8.0F);
  // 0.001 % of 200 000 are 2: two at the limit are borne, three are not.
  const auto update = [&](std::size_t saturated) {
    gradients.assign(gradients.size(), 8.0F);
    for (std::size_t i = 0; i < saturated; ++i) gradients[7 * i] = i % 2 == 0 ? 448.0F : -448.0F;
    const double scale = scaler.scale();
    EXPECT_TRUE(scaler.unscale(gradients));
    EXPECT_FLOAT_EQ(gradients[3], 8.0F / static_cast<float>(scale));
    return scaler.scale() / scale;
  };
  EXPECT_NEAR(update(0), std::exp2(0.001), 1e-12);
  EXPECT_NEAR(update(2), std::exp2(0.001), 1e-12);
  EXPECT_EQ(update(3), 0.5);
  EXPECT_EQ(update(100), 0.5);
  gradients.resize(10);
  const double start = scaler.scale();
  for (int i = 0; i < 1000; ++i) update(0);
  EXPECT_NEAR(scaler.scale() / start, 2.0, 1e-9);
}

TEST(LossScaler, StopsGrowingAtTheLargestBinary32) {
  LossScaler scaler({.kind = LossScaling::dynamic, .scale = 0x1p126, .growth_interval = 1});
  std::vector<float> gradients(1, 1.0F);
  for (int i = 0; i < 3; ++i) scaler.unscale(gradients);
  EXPECT_EQ(scaler.scale(), 0x1p127);
}

}  // namespace
}  // namespace halfulp::nn
