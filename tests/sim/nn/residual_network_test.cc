// The residual MLP of the student-teacher proxy.
#include "sim/nn/residual_network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "sim/nn/student_teacher_task.h"
#include "sim/nn/training_loop.h"
#include "tests/sim/nn/gradient_check.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kRows = 4, kWidth = 7;

template <class T>
std::vector<T> normals(std::uint32_t stream) {
  std::vector<T> x(kRows * kWidth);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<T>(static_cast<float>(random_normal({3, stream, 0, 0}, i)));
  }
  return x;
}

using Choice = std::tuple<ResidualNorm, UnitFunction>;

class ResidualGradients : public ::testing::TestWithParam<Choice> {};

TEST_P(ResidualGradients, EveryParameterTensorMatchesCentralDifferences) {
  ResidualConfig config{.layers = 3, .width = kWidth, .hidden = 10};
  std::tie(config.norm, config.function) = GetParam();
  ResidualNetwork<double> model(config, {}, kRows);
  model.parameters().initialize(3);
  disturb(model.parameters().weights());
  const auto x = normals<double>(1), y = normals<double>(2);
  model.loss_and_gradient(x.data(), y.data(), kRows, {});
  expect_gradients(model.parameters().list(), model.parameters().weights(),
                   model.parameters().gradients(),
                   [&] { return model.loss(x.data(), y.data(), kRows, {}); });
}

INSTANTIATE_TEST_SUITE_P(
    AllShapes, ResidualGradients,
    ::testing::Combine(
        ::testing::Values(ResidualNorm::layer_norm, ResidualNorm::rms_norm, ResidualNorm::none),
        ::testing::Values(UnitFunction::gelu, UnitFunction::relu, UnitFunction::swiglu)));

TEST(ResidualNetwork, WithoutWeightsIsTheIdentity) {
  ResidualNetwork<double> model({.layers = 3, .width = kWidth, .hidden = 10}, {}, kRows);
  const auto x = normals<double>(1);
  EXPECT_EQ(model.loss(x.data(), x.data(), kRows, {}), 0.0);
}

TEST(ResidualNetwork, NormParametersAreRoundedAsNamed) {
  const ResidualConfig config{.layers = 2, .width = kWidth, .hidden = 10};
  const auto x = normals<float>(1), y = normals<float>(2);
  const auto loss_of = [&](const char* format, bool rounded_before) {
    ModelNumerics numerics;
    numerics.tensors.norm_parameter = parse_quantizer(format);
    ResidualNetwork<float> model(config, numerics, kRows);
    model.parameters().initialize(3);
    for (const Parameter& p : model.parameters().list()) {
      if (p.name.find(".norm.") == std::string::npos) continue;
      float* values = model.parameters().weight(p.name);
      for (std::size_t i = 0; i < p.size(); ++i) {
        values[i] += 0.1F * static_cast<float>(random_normal({9, 0, 0, 0}, i));
      }
      if (!rounded_before) continue;
      const Matrix row = {values, 1, p.size(), p.size()};
      Quantizer(parse_quantizer("mxfp4")).quantize(row, row, {});
    }
    return model.loss(x.data(), y.data(), kRows, {});
  };
  EXPECT_NE(loss_of("mxfp4", false), loss_of("binary32", false));
  EXPECT_EQ(loss_of("mxfp4", false), loss_of("binary32", true));
}

StudentTeacherSpec small_task() {
  StudentTeacherSpec spec;
  spec.model = {.layers = 2, .width = 16, .hidden = 64};
  spec.teacher = {.layers = 2, .hidden = 16, .gain = 1.0};
  spec.noise = 0.0;
  spec.batch = 256;
  spec.evaluation = 512;
  return spec;
}

TrainResult train_small(const StudentTeacherSpec& spec) {
  StudentTeacherTask task(spec);
  LoopSpec loop;
  loop.schedule.kind = Schedule::constant;
  loop.schedule.peak = 3e-3;
  loop.schedule.steps = 200;
  loop.optimizer.beta2 = 0.999;
  loop.optimizer.weight_decay = 0.0;
  loop.clip_norm = 0.0;
  return train(loop, task, 1, [](std::int64_t, double) {});
}

TEST(StudentTeacherTask, LossFalls) {
  const TrainResult result = train_small(small_task());
  EXPECT_GT(result.train_loss.front().loss, 1.0);
  EXPECT_LT(result.final_train_loss, 0.3);
  EXPECT_NEAR(result.validation_loss, result.train_loss.back().loss, 0.05);
}

TEST(StudentTeacherTask, NoiseAddsItsVarianceToTrainingOnly) {
  StudentTeacherSpec spec = small_task();
  StudentTeacherTask exact(spec);
  spec.noise = 2.0;
  StudentTeacherTask noisy(spec);
  exact.initialize(1);
  noisy.initialize(1);
  const StepKey key = {1, 0};
  EXPECT_NEAR(noisy.loss_and_gradient(key) - exact.loss_and_gradient(key), 4.0, 0.4);
  StepKey evaluation = {1, StepKey::kEvaluation};
  EXPECT_EQ(noisy.evaluate(evaluation).loss, exact.evaluate(evaluation).loss);
}

TEST(StudentTeacherTask, InputsAreFreshInEveryUpdateAndHeldOutOnesStay) {
  StudentTeacherTask task(small_task());
  task.initialize(1);
  EXPECT_NE(task.loss_and_gradient({1, 0}), task.loss_and_gradient({1, 1}));
  EXPECT_EQ(task.loss_and_gradient({1, 1}), task.loss_and_gradient({1, 1}));
  EXPECT_EQ(task.evaluate({1, StepKey::kEvaluation}).loss,
            task.evaluate({1, StepKey::kEvaluation | 7U}).loss);
}

}  // namespace
}  // namespace halfulp::nn
