// Training of every model but the plain transformer gives the same bits on every SIMD target.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "sim/nn/classifier_task.h"
#include "sim/nn/language_model_task.h"
#include "sim/nn/student_teacher_task.h"
#include "sim/nn/training_loop.h"
#include "tests/sim/simd_targets.h"

namespace halfulp::nn {
namespace {

ModelNumerics narrow_numerics() {
  ModelNumerics numerics;
  numerics.linear.fprop_input = parse_quantizer("e4m3fn+row");
  numerics.linear.fprop_weight = parse_quantizer("mxfp4");
  numerics.linear.dgrad_grad_output = parse_quantizer("e5m2+stochastic(8)");
  numerics.tensors.norm_parameter = parse_quantizer("mxfp8_e4m3");
  return numerics;
}

/// Weights after three updates, by target; `make` gives a new task.
template <class Make>
void expect_same_bits(const Make& make) {
  std::vector<float> first;
  halfulp::testing::on_every_simd_target([&] {
    const auto task = make();
    LoopSpec loop;
    loop.schedule.peak = 1e-2;
    loop.schedule.steps = 3;
    const TrainResult result = train(loop, *task, 1, [](std::int64_t, double) {});
    if (first.empty()) first = result.weights;
    ASSERT_EQ(result.weights, first);
  });
  ASSERT_FALSE(first.empty());
}

TEST(Models, ClassifiersHaveTheSameBitsOnEveryTarget) {
  SyntheticSpec data_spec;
  data_spec.inputs = 81;
  data_spec.samples = 64;
  LabelledData data = make_clusters(data_spec);
  for (const Architecture architecture : {Architecture::mlp, Architecture::convolution}) {
    for (const ClassifierNorm norm : {ClassifierNorm::layer_norm, ClassifierNorm::batch_norm}) {
      if (architecture == Architecture::convolution) {
        data.height = data.width = 9;
        data.channels = 1;
      }
      expect_same_bits([&] {
        ClassifierSpec spec;
        spec.model.architecture = architecture;
        spec.model.norm = norm;
        spec.model.width = 13;
        spec.model.function = UnitFunction::gelu;
        spec.numerics = narrow_numerics();
        spec.batch = 7;
        return std::make_unique<ClassifierTask>(spec, data);
      });
    }
  }
}

TEST(Models, StudentTeacherHasTheSameBitsOnEveryTarget) {
  expect_same_bits([] {
    StudentTeacherSpec spec;
    spec.model = {.layers = 2, .width = 37, .hidden = 50};
    spec.numerics = narrow_numerics();
    spec.batch = 9;
    spec.evaluation = 9;
    return std::make_unique<StudentTeacherTask>(spec);
  });
}

TEST(Models, MixersAndExpertsHaveTheSameBitsOnEveryTarget) {
  const Corpus corpus = make_markov(1, 16, 20000, 0.05);
  for (const bool has_experts : {false, true}) {
    expect_same_bits([&] {
      LanguageModelSpec spec;
      spec.model.width = 24;
      spec.model.context = 19;
      spec.model.hidden = 21;
      spec.model.mixer = has_experts ? Mixer::attention : Mixer::state_space;
      spec.model.mixer_width = 37;
      spec.model.experts = has_experts ? 3 : 0;
      spec.numerics = narrow_numerics();
      spec.numerics.state = parse_quantizer("bfloat16+stochastic(8)");
      spec.sequences = 3;
      spec.evaluation_bytes = 60;
      return std::make_unique<LanguageModelTask>(spec, corpus);
    });
  }
}

}  // namespace
}  // namespace halfulp::nn
