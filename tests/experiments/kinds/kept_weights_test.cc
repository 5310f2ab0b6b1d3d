// Weights kept along a training run: which, whose, and that keeping them changes nothing.
#include "experiments/kinds/kept_weights.h"

#include <gmock/gmock.h>

#include <map>

#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/train_language_model.h"
#include "experiments/store/safetensors.h"
#include "sim/nn/checkpoint.h"
#include "tests/experiments/support/kind_run.h"

namespace halfulp::test {
namespace {

/// A model of width 16; 16 bytes in an update.
const Settings kTiny = {{"data.corpus", text("markov")},
                        {"data.bytes", count(20000)},
                        {"model.width", count(16)},
                        {"model.layers", count(1)},
                        {"model.context", count(8)},
                        {"train.batch", count(2)},
                        {"train.steps", count(6)},
                        {"train.schedule", text("constant")},
                        {"train.warmup_fraction", Value(0.0)},
                        {"evaluation.bytes", count(64)}};

constexpr double kParameters = 4 * 16 * 16 + 3 * 16 * 48;

/// A quarter of an update before each of these.
Value points(std::initializer_list<double> updates) {
  std::vector<std::string> list;
  for (const double update : updates)
    list.push_back(std::to_string((update - 0.25) * 16.0 / kParameters));
  return Value(list);
}

class Keeper : public RunObserver {
 public:
  void progress(std::int64_t, std::int64_t, double) override {}

  bool has_kept_weights(std::int64_t updates) override { return kept.count(updates) > 0; }

  void keep_weights(std::int64_t updates, const Safetensors& weights) override {
    kept[updates] = weights;
  }

  bool load_checkpoint(const std::string&, nn::Checkpoint& checkpoint) override {
    if (resumes) checkpoint = saved;
    return resumes;
  }

  void save_checkpoint(const std::string&, const nn::Checkpoint& checkpoint) override {
    saved = checkpoint;
  }

  void remark(const std::string& text) override { remarks.push_back(text); }

  bool resumes = false;
  nn::Checkpoint saved;
  std::map<std::int64_t, Safetensors> kept;
  std::vector<std::string> remarks;
};

std::vector<float> all_values(const Safetensors& content) {
  std::vector<float> values;
  for (const NamedTensor& tensor : content.tensors) {
    values.insert(values.end(), tensor.values.begin(), tensor.values.end());
  }
  return values;
}

RunResult run_with(const Settings& settings, Keeper& keeper, std::int64_t seed = 0) {
  const ExperimentKind kind = train_language_model_kind();
  const Config config = config_of(kind, settings);
  for (const ConfigIssue& issue : kind.check(config)) ADD_FAILURE() << issue.message;
  return kind.run(config, seed, {}, keeper);
}

TEST(KeptWeights, AreThoseOfAShorterRunAndChangeNoNumber) {
  const ExperimentKind kind = train_language_model_kind();
  Keeper keeper;
  // 3.25 updates are rounded up.
  const RunResult result =
      run_with(with(kTiny, {{"train.keep_weights_at", points({2, 3.5})}}), keeper);
  EXPECT_THAT(keeper.kept, ::testing::ElementsAre(::testing::Key(2), ::testing::Key(4)));
  Metrics metrics;
  for (const Metric& metric : result.metrics) metrics[metric.name] = metric.value;
  EXPECT_EQ(metrics, run_kind(kind, kTiny));
  for (const std::int64_t updates : {2, 4}) {
    Keeper shorter;
    run_with(with(kTiny, {{"train.steps", count(updates)},
                          {"train.keep_weights_at", points({double(updates)})}}),
             shorter);
    EXPECT_EQ(all_values(shorter.kept.at(updates)), all_values(keeper.kept.at(updates)));
  }
  EXPECT_NE(all_values(keeper.kept.at(2)), all_values(keeper.kept.at(4)));
  const auto& metadata = keeper.kept.at(4).metadata;
  EXPECT_EQ(metadata.at("updates"), "4");
  EXPECT_EQ(metadata.at("tokens"), "64");
  EXPECT_DOUBLE_EQ(std::stod(metadata.at("tokens_per_parameter")), 64.0 / kParameters);
}

TEST(KeptWeights, IdentityIsTheTrainingWithoutItsEvaluation) {
  const ExperimentKind kind = train_language_model_kind();
  const auto identity = [&](const Settings& change, std::int64_t seed = 0) {
    return training_identity(config_of(kind, with(kTiny, change)), seed, "abc");
  };
  const std::string base = identity({});
  EXPECT_EQ(identity({{"evaluation.bytes", count(128)}}), base);
  EXPECT_EQ(identity({{"train.keep_weights_at", points({1})}}), base);
  EXPECT_EQ(identity({{"train.checkpoint_every", count(2)}}), base);
  EXPECT_NE(identity({}, 1), base);
  for (const Settings& change : {Settings{{"train.learning_rate", Value(1e-4)}},
                                 {{"train.steps", count(5)}},
                                 {{"precision.weight", text("int4")}},
                                 {{"train.optimizer", text("muon")}},
                                 {{"model.norm", text("layer_norm")}}}) {
    EXPECT_NE(identity(change), base) << change.begin()->first;
  }
  Keeper keeper;
  run_with(with(kTiny, {{"train.keep_weights_at", points({1})}}), keeper, 3);
  const auto& metadata = keeper.kept.at(1).metadata;
  const Config config = config_of(kind, kTiny);
  EXPECT_EQ(metadata.at("training"), training_identity(config, 3, metadata.at("corpus_checksum")));
}

TEST(KeptWeights, ResumedRunKeepsTheSameOrStartsAnew) {
  const Settings settings = with(
      kTiny, {{"train.keep_weights_at", points({1, 3, 6})}, {"train.checkpoint_every", count(4)}});
  Keeper whole;
  run_with(settings, whole);
  Keeper resumed;
  resumed.saved = whole.saved;
  resumed.resumes = true;
  for (const std::int64_t updates : {1, 3}) resumed.kept[updates] = whole.kept.at(updates);
  run_with(settings, resumed);
  EXPECT_THAT(resumed.remarks, ::testing::IsEmpty());
  ASSERT_EQ(resumed.kept.size(), 3U);
  EXPECT_EQ(all_values(resumed.kept.at(6)), all_values(whole.kept.at(6)));
  // A checkpoint beyond a point that was not stored (another key then) is of no use.
  Keeper without;
  without.saved = whole.saved;
  without.resumes = true;
  run_with(settings, without);
  ASSERT_EQ(without.remarks.size(), 1U);
  EXPECT_THAT(without.remarks[0], ::testing::HasSubstr("train.keep_weights_at"));
  ASSERT_EQ(without.kept.size(), 3U);
  EXPECT_EQ(all_values(without.kept.at(3)), all_values(whole.kept.at(3)));
}

TEST(KeptWeights, PointsBeyondTheEndAndWhatIsNoNumberAreRefused) {
  const ExperimentKind kind = train_language_model_kind();
  const auto messages = [&](const Value& list) {
    std::vector<std::string> texts;
    for (const ConfigIssue& issue :
         kind.check(config_of(kind, with(kTiny, {{"train.keep_weights_at", list}})))) {
      texts.push_back(issue.message);
    }
    return texts;
  };
  using ::testing::ElementsAre;
  using ::testing::HasSubstr;
  EXPECT_THAT(messages(points({6})), ::testing::IsEmpty());
  EXPECT_THAT(messages(points({6.5})), ElementsAre(HasSubstr("after the last of 6 updates")));
  EXPECT_THAT(messages(Value(std::vector<std::string>{"1e300"})), ElementsAre(HasSubstr("after")));
  EXPECT_THAT(messages(Value(std::vector<std::string>{"0", "-1", "two", "1x", ""})),
              ::testing::Each(HasSubstr("no number above 0")));
}

}  // namespace
}  // namespace halfulp::test
