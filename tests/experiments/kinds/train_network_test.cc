// The kinds train_classifier and train_student_teacher: keys, checks, and what a run depends on.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "experiments/kinds/train_classifier.h"
#include "experiments/kinds/train_student_teacher.h"
#include "sim/nn/checkpoint.h"
#include "tests/experiments/support/kind_run.h"

namespace halfulp::test {
namespace {

const Settings kTinyClassifier = {{"data.set", text("clusters")},
                                  {"data.samples", count(64)},
                                  {"model.width", count(8)},
                                  {"train.steps", count(3)},
                                  {"train.batch", count(8)}};
const Settings kTinyStudent = {{"model.width", count(8)},
                               {"train.steps", count(3)},
                               {"train.batch", count(8)},
                               {"evaluation.samples", count(8)}};

TEST(TrainClassifier, RunIsAFunctionOfSettingsAndSeed) {
  const ExperimentKind kind = train_classifier_kind();
  const Metrics first = run_kind(kind, kTinyClassifier, 1);
  EXPECT_EQ(run_kind(kind, kTinyClassifier, 1), first);
  EXPECT_NE(run_kind(kind, kTinyClassifier, 2), first);
  for (const Settings& change : {Settings{{"precision.weight", text("int4")}},
                                 {{"model.norm", text("batch_norm")}},
                                 {{"precision.optimizer.second_moment", text("e5m2")}},
                                 {{"precision.fprop.output", text("e4m3fn")}}}) {
    EXPECT_NE(run_kind(kind, with(kTinyClassifier, change), 1), first) << change.begin()->first;
  }
  EXPECT_EQ(first.at("parameters"), 32 * 8 + 8 + 8 * 8 + 8 + 8 * 10 + 10);
}

TEST(TrainStudentTeacher, RunIsAFunctionOfSettingsAndSeed) {
  const ExperimentKind kind = train_student_teacher_kind();
  const Metrics first = run_kind(kind, kTinyStudent, 1);
  EXPECT_EQ(run_kind(kind, kTinyStudent, 1), first);
  EXPECT_NE(run_kind(kind, kTinyStudent, 2), first);
  for (const Settings& change : {Settings{{"precision.weight", text("mxfp4")}},
                                 {{"data.noise", Value(1.0)}},
                                 {{"precision.norm_parameter", text("mxfp4")}}}) {
    EXPECT_NE(run_kind(kind, with(kTinyStudent, change), 1), first) << change.begin()->first;
  }
}

TEST(TrainClassifier, LayersThatMatchNothingAndTooManyConvolutionsAreRefused) {
  const ExperimentKind kind = train_classifier_kind();
  EXPECT_TRUE(kind.check(config_of(kind, kTinyClassifier)).empty());
  const auto issues = [&](const Settings& change) {
    return kind.check(config_of(kind, with(kTinyClassifier, change)));
  };
  const auto kept =
      issues({{"precision.keep_high", std::vector<std::string>{"blocks.0.attention.qkv"}}});
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_THAT(kept[0].message, ::testing::HasSubstr("blocks.0.linear, blocks.1.linear, head"));
  EXPECT_EQ(issues({{"data.set", text("fashion_mnist")},
                    {"model.architecture", text("convolution")},
                    {"model.layers", count(5)}})
                .size(),
            1U);
}

/// Keeps the last checkpoint, and hands it out where it is told to.
class Keeper : public RunObserver {
 public:
  void progress(std::int64_t, std::int64_t, double) override { ++updates; }

  bool load_checkpoint(const std::string& now, nn::Checkpoint& checkpoint) override {
    if (resumes) checkpoint = kept;
    EXPECT_TRUE(!resumes || now == inputs);
    return resumes;
  }

  void save_checkpoint(const std::string& now, const nn::Checkpoint& checkpoint) override {
    kept = checkpoint;
    inputs = now;
  }

  void remark(const std::string& text) override { ADD_FAILURE() << text; }

  bool resumes = false;
  int updates = 0;
  std::string inputs;
  nn::Checkpoint kept;
};

struct KindCase {
  ExperimentKind kind;
  Settings settings;
};

std::vector<KindCase> both_kinds() {
  return {{train_classifier_kind(), with(kTinyClassifier, {{"model.norm", text("batch_norm")}})},
          {train_student_teacher_kind(), kTinyStudent}};
}

TEST(TrainNetworks, CountersComeOutForEveryLayerAndChangeNoNumber) {
  const std::string layers[] = {"blocks.1.linear", "blocks.1.up"};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto [kind, base] = both_kinds()[i];
    const Settings settings = with(base, {{"precision.weight", text("int4")}});
    const Settings counted = with(settings, {{"evaluation.counters_every", count(2)}});
    EXPECT_EQ(run_kind(kind, counted), run_kind(kind, settings));
    Keeper observer;
    const CounterTable table = kind.run(config_of(kind, counted), 0, {}, observer).counters;
    EXPECT_EQ(table.steps, (std::vector<std::int64_t>{0, 2}));
    EXPECT_EQ(table.counters.size(), 8U);
    const auto weight = std::find_if(table.tensors.begin(), table.tensors.end(), [&](auto& one) {
      return one.layer == layers[i] && one.role == "fprop_weight";
    });
    EXPECT_NE(weight, table.tensors.end());
    EXPECT_TRUE(kind.run(config_of(kind, settings), 0, {}, observer).counters.steps.empty());
  }
}

TEST(TrainNetworks, RunGoesOnFromItsCheckpointAndStopsByTheRules) {
  for (const auto& [kind, base] : both_kinds()) {
    const Settings settings = with(base, {{"precision.activation", text("e4m3fn+delayed(4)")},
                                          {"train.checkpoint_every", count(2)}});
    const Config config = config_of(kind, settings);
    ASSERT_TRUE(kind.check(config).empty());
    Keeper observer;
    const RunResult whole = kind.run(config, 0, {}, observer);
    EXPECT_EQ(observer.updates, 3);
    ASSERT_EQ(nn::updates_of(observer.kept), 2);
    observer.resumes = true;
    observer.updates = 0;
    const RunResult resumed = kind.run(config, 0, {}, observer);
    EXPECT_EQ(observer.updates, 1);
    ASSERT_EQ(resumed.metrics.size(), whole.metrics.size());
    for (std::size_t i = 0; i < whole.metrics.size(); ++i) {
      EXPECT_EQ(resumed.metrics[i].value, whole.metrics[i].value) << whole.metrics[i].name;
    }
    observer.resumes = false;
    const RunResult stopped = kind.run(config, 0, {.loss_above = 1e-9}, observer);
    EXPECT_EQ(stopped.status, RunStatus::diverged);
  }
}

TEST(TrainNetworks, EvaluateOnlyMakesNoUpdate) {
  for (const auto& [kind, base] : both_kinds()) {
    const Settings only =
        with(base, {{"model.norm", text("layer_norm")}, {"train.evaluate_only", Value(true)}});
    ASSERT_TRUE(kind.check(config_of(kind, only)).empty());
    const Metrics metrics = run_kind(kind, only);
    EXPECT_EQ(metrics.at("steps_done"), 0.0);
    EXPECT_TRUE(std::isfinite(metrics.at("validation_loss")));
  }
  const auto [classifier, base] = both_kinds()[0];
  const auto issues =
      classifier.check(config_of(classifier, with(base, {{"train.evaluate_only", Value(true)}})));
  ASSERT_EQ(issues.size(), 1U);
  EXPECT_EQ(issues[0].key, "train.evaluate_only");
}

TEST(TrainNetworks, LearnedScalesAndFaultyOperandsAreRefusedByTheirKey) {
  for (const KindCase& one : both_kinds()) {
    const auto refused = [&](const Settings& change) -> std::string {
      const auto issues = one.kind.check(config_of(one.kind, with(one.settings, change)));
      return issues.size() == 1 ? issues[0].key : std::to_string(issues.size()) + " issues";
    };
    EXPECT_EQ(refused({{"precision.weight", text("int4+row+learned")}}), "precision.weight");
    EXPECT_EQ(refused({{"precision.weight", text("e4m3fn+propagated")}}), "precision.weight");
    EXPECT_EQ(refused({{"precision.fprop.input", text("int4+learned_clip")}}),
              "precision.fprop.input");
    const std::vector<std::string> line = {"blocks.0: weight=int4+row+learned"};
    EXPECT_EQ(refused({{"precision.layers", line}}), "precision.layers");
    EXPECT_EQ(refused({{"precision.fprop.input", text("int4+hadamard(4)")}}),
              "precision.fprop.input");
    EXPECT_EQ(refused({{"evaluation.counters", std::vector<std::string>{"amaxx"}}}),
              "evaluation.counters");
  }
}

TEST(TrainClassifier, HasNoKeysOfText) {
  for (const ExperimentKind& kind : {train_classifier_kind(), train_student_teacher_kind()}) {
    for (const Field& field : kind.fields) {
      EXPECT_FALSE(field.key.starts_with("precision.attention")) << field.key;
      EXPECT_NE(field.key, "train.tokens_per_parameter");
      EXPECT_NE(field.key, "data.corpus");
    }
  }
}

}  // namespace
}  // namespace halfulp::test
