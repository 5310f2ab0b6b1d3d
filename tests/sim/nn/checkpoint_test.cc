// A run that is saved and restored at any update goes on as if nothing had happened.
#include "sim/nn/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "formats/accumulator_spec.h"
#include "sim/nn/classifier_task.h"
#include "sim/nn/language_model_task.h"
#include "sim/nn/student_teacher_task.h"

namespace halfulp::nn {
namespace {

constexpr std::int64_t kSteps = 7;

const Corpus& source() {
  static const Corpus corpus = make_markov(3, 8, 1 << 14, 0.1);
  return corpus;
}

struct RunSpec {
  LanguageModelSpec task;
  LoopSpec loop;
  std::function<std::unique_ptr<TrainingTask>()> make_network = {};  ///< in the place of `task`
};

RunSpec small_spec() {
  RunSpec spec;
  spec.task.model.blocks = 1;
  spec.task.model.width = 16;
  spec.task.model.context = 8;
  spec.task.model.hidden = 32;
  spec.task.sequences = 4;
  spec.task.evaluation_bytes = 256;
  spec.loop.schedule = {Schedule::cosine, 1e-2, 0.1, kSteps, 2, 0};
  spec.loop.evaluate_every = 2;
  return spec;
}

std::vector<RunSpec> specs() {
  std::vector<RunSpec> all(12, small_spec());
  all[1].task.numerics.linear.fprop_input = parse_quantizer("int4+group(8)+stochastic(16)");
  all[1].task.numerics.linear.dgrad_grad_output = parse_quantizer("e5m2+stochastic(16)");
  all[2].task.numerics.linear.fprop_weight = parse_quantizer("mxfp4");
  all[2].task.numerics.linear.wgrad_input = parse_quantizer("e4m3fn+row");
  all[3].task.numerics.linear.fprop = parse_accumulator("e6m5");
  all[3].task.model.tied_head = false;
  all[4].loop.optimizer.weights = {std::nullopt, parse_quantizer("bfloat16"), WeightRule::kahan};
  all[4].loop.optimizer.first_moment = parse_quantizer("int8+group(8)");
  all[5].loop.optimizer.weights = {std::nullopt, parse_quantizer("bfloat16"),
                                   WeightRule::collage_plus};
  all[5].loop.optimizer.arithmetic = parse_quantizer("bfloat16");
  all[5].loop.update_metrics_every = 2;
  all[6].loop.optimizer.weights = {std::nullopt, parse_quantizer("bfloat16"),
                                   WeightRule::stochastic};
  all[6].loop.optimizer.kind = OptimizerKind::adafactor;
  all[7].loop.optimizer.kind = OptimizerKind::muon;
  all[7].loop.optimizer.weights.storage = parse_quantizer("e4m3fn+row");
  all[8].loop.optimizer.kind = OptimizerKind::soap;
  all[8].loop.optimizer.soap.frequency = 3;
  all[10].task.numerics.linear.fprop_input = parse_operand("e4m3fn+delayed(4)");
  all[10].task.numerics.linear.fprop_weight = parse_operand("int4+row+learned");
  all[10].task.numerics.linear.dgrad_grad_output = parse_operand("e5m2+delayed(3,most_recent)");
  // The scale doubles after every other update.
  all[9].loop.loss_scale = {LossScaling::dynamic, 1.0, 2.0, 0.5, 2};
  all[11].loop.optimizer.kind = OptimizerKind::shampoo;
  all[11].loop.optimizer.soap.frequency = 3;
  all[11].loop.loss_scale = {LossScaling::automatic, 1.0, 2.0, 0.5, 2, 448.0};
  all[11].task.numerics.tensors.weight_gradient = parse_quantizer("e4m3fn+unscaled");
  all[11].task.numerics.linear.fprop_weight = parse_operand("e4m3fn+propagated");
  all[11].task.numerics.linear.dgrad_grad_output = parse_operand("e5m2+propagated");
  return all;
}

/// Delayed scales on all three sides.
ModelNumerics delayed_numerics() {
  ModelNumerics numerics;
  numerics.linear.fprop_input = numerics.linear.wgrad_input = parse_operand("e4m3fn+delayed(4)");
  numerics.linear.fprop_weight = numerics.linear.dgrad_weight = parse_operand("int4+delayed(2)");
  numerics.linear.dgrad_grad_output = parse_operand("e5m2+delayed(3,most_recent)");
  return numerics;
}

RunSpec classifier_run(const ClassifierConfig& model, const ModelNumerics& numerics) {
  RunSpec run = small_spec();
  run.make_network = [=] {
    static const LabelledData data = [] {
      LabelledData images = make_clusters({.inputs = 64, .classes = 3, .samples = 64});
      images.height = images.width = 8;
      images.channels = 1;
      return images;
    }();
    const ClassifierSpec spec = {.model = model, .numerics = numerics, .batch = 8};
    return std::make_unique<ClassifierTask>(spec, data);
  };
  return run;
}

RunSpec student_run(const ModelNumerics& numerics) {
  RunSpec run = small_spec();
  run.make_network = [=] {
    StudentTeacherSpec spec;
    spec.model = {.layers = 2, .width = 16, .hidden = 32};
    spec.numerics = numerics;
    spec.teacher = {.layers = 2, .hidden = 16};
    spec.batch = 8;
    spec.evaluation = 16;
    return std::make_unique<StudentTeacherTask>(spec);
  };
  return run;
}

/// Networks without text: layers with delayed scales, and batch norm with and without them.
std::vector<RunSpec> network_specs() {
  ClassifierConfig mlp;
  mlp.width = 16;
  ClassifierConfig convolution = mlp;
  convolution.architecture = Architecture::convolution;
  convolution.width = 4;
  convolution.hidden = 8;
  convolution.norm = ClassifierNorm::batch_norm;
  ClassifierConfig plain_convolution = convolution;
  plain_convolution.norm = ClassifierNorm::none;
  return {classifier_run(mlp, delayed_numerics()), classifier_run(convolution, {}),
          classifier_run(convolution, delayed_numerics()),
          classifier_run(plain_convolution, delayed_numerics()), student_run(delayed_numerics())};
}

std::unique_ptr<TrainingTask> make_task(const RunSpec& spec) {
  if (spec.make_network) return spec.make_network();
  return std::make_unique<LanguageModelTask>(spec.task, source());
}

/// A loop with what it trains and what it counts.
struct Session {
  explicit Session(const RunSpec& spec) : task(make_task(spec)), loop(spec.loop, *task, 5) {}

  void advance(std::int64_t updates) {
    for (std::int64_t i = 0; i < updates; ++i) {
      loop.advance(nullptr, loop.updates() % 3 == 0 ? &counters : nullptr);
    }
  }

  std::unique_ptr<TrainingTask> task;
  TrainingLoop loop;
  CounterRecorder counters;
};

void expect_equal(const std::vector<LossPoint>& a, const std::vector<LossPoint>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].step, b[i].step);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(a[i].loss), std::bit_cast<std::uint64_t>(b[i].loss));
  }
}

void expect_resumed_as_whole(const std::vector<RunSpec>& specs) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    SCOPED_TRACE(i);
    RunSpec spec = specs[i];
    spec.loop.reference_update = 2;
    Session whole(spec);
    whole.advance(kSteps);
    const TrainResult wanted = whole.loop.finish();
    for (std::int64_t at = 0; at <= kSteps; ++at) {
      Session first(spec);
      first.advance(at);
      Checkpoint checkpoint = save(first.loop);
      checkpoint.counters = first.counters.samples();
      EXPECT_EQ(updates_of(checkpoint), at);

      Session second(spec);
      second.advance(1);  // what was there before must not matter
      restore(checkpoint, second.loop);
      second.counters.set_samples(checkpoint.counters);
      second.advance(kSteps - at);
      const TrainResult result = second.loop.finish();
      EXPECT_EQ(result.weights, wanted.weights);
      EXPECT_EQ(result.reference_weights, wanted.reference_weights);
      EXPECT_EQ(result.validation_loss, wanted.validation_loss);
      EXPECT_EQ(result.final_train_loss, wanted.final_train_loss);
      expect_equal(result.train_loss, wanted.train_loss);
      expect_equal(result.gradient_norm, wanted.gradient_norm);
      expect_equal(result.validation, wanted.validation);
      expect_equal(result.loss_scale, wanted.loss_scale);
      expect_equal(result.lost_update_share, wanted.lost_update_share);
      EXPECT_EQ(result.skipped_updates, wanted.skipped_updates);
      EXPECT_EQ(second.counters.samples().steps, whole.counters.samples().steps);
      EXPECT_EQ(second.counters.samples().tensors, whole.counters.samples().tensors);
    }
  }
}

TEST(Checkpoint, ResumedAtEveryUpdateGivesTheSameWeightsCurvesAndCounters) {
  expect_resumed_as_whole(specs());
}

TEST(Checkpoint, NetworksWithoutTextResumeAtEveryUpdateAsWell) {
  expect_resumed_as_whole(network_specs());
}

TEST(Checkpoint, OfAnotherModelOrAnotherStateIsRefusedByNameAndChangesNothing) {
  Session run(small_spec());
  run.advance(2);
  const Checkpoint good = save(run.loop);
  const auto refusal = [&](const Checkpoint& checkpoint) -> std::string {
    try {
      restore(checkpoint, run.loop);
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "";
  };
  RunSpec wider = small_spec();
  wider.task.model.hidden = 48;
  Session other(wider);
  EXPECT_EQ(refusal(save(other.loop)), "the checkpoint is of a model with other weight tensors");

  Checkpoint shorter = good;
  const auto moment = std::find_if(good.state.begin(), good.state.end(),
                                   [](const auto& array) { return array.name == "optimizer.m"; });
  const auto place = moment - good.state.begin();
  std::get<std::vector<float>>(shorter.state.at(static_cast<std::size_t>(place)).values).pop_back();
  EXPECT_EQ(refusal(shorter), "state optimizer.m has another type or size");
  Checkpoint fewer = good;
  fewer.state.erase(fewer.state.begin() + place);
  EXPECT_EQ(refusal(fewer), "the checkpoint has no state optimizer.m at its place");
  Checkpoint more = good;
  more.state.push_back({"amax", std::vector<double>(3)});
  EXPECT_EQ(refusal(more), "the run has no state amax");
  Checkpoint no_curve = good;
  no_curve.curves.pop_back();
  EXPECT_EQ(refusal(no_curve), "the checkpoint has no curve second_moment_flushed_share");

  // All of that left the run as it was.
  Session untouched(small_spec());
  untouched.advance(kSteps);
  run.advance(kSteps - 2);
  EXPECT_EQ(run.loop.finish().weights, untouched.loop.finish().weights);
}

TEST(Checkpoint, InitialWeightsTakeThePlaceOfTheTasksOwn) {
  Session donor(small_spec());
  donor.advance(3);
  RunSpec spec = small_spec();
  const auto weights = donor.task->weights();
  spec.loop.initial_weights =
      std::make_shared<const std::vector<float>>(weights.begin(), weights.end());
  spec.loop.schedule.steps = 0;
  Session run(spec);
  EXPECT_TRUE(run.loop.is_finished());
  const TrainResult result = run.loop.finish();
  EXPECT_EQ(result.weights, *spec.loop.initial_weights);
  EXPECT_EQ(result.validation_loss, donor.loop.finish().validation_loss);
  EXPECT_TRUE(std::isnan(result.final_train_loss));

  spec.loop.initial_weights = std::make_shared<const std::vector<float>>(3);
  EXPECT_THROW(Session{spec}, std::invalid_argument);
}

}  // namespace
}  // namespace halfulp::nn
