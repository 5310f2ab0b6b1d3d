// The kinds train_classifier and train_student_teacher: keys, checks, and what a run depends on.
#include <gmock/gmock.h>

#include "experiments/kinds/train_classifier.h"
#include "experiments/kinds/train_student_teacher.h"
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
