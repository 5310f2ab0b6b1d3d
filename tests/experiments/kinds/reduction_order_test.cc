// The experiment kind reduction_order on a model of some hundred weights.
#include "experiments/kinds/reduction_order.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <string>

#include "experiments/harness/schema.h"
#include "experiments/kinds/reduction_order_fields.h"

namespace halfulp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Settings = std::map<std::string, Value>;
using List = std::vector<std::string>;

const ExperimentKind& kind() { return *find_experiment_kind("reduction_order"); }

class Silent : public RunObserver {
 public:
  void progress(std::int64_t, std::int64_t, double) override {}
};

Value text(const char* value) { return std::string(value); }

Value count(std::int64_t value) { return value; }

Config config_of(const Settings& settings) {
  Config config = harness::Schema(kind().fields).defaults();
  config.set("model.context", std::int64_t{256});
  for (const auto& [key, value] : settings) config.set(key, value);
  return config;
}

const Settings kSmall = {{"data.corpus", text("markov")},     {"data.bytes", count(20000)},
                         {"model.layers", count(1)},          {"model.width", count(16)},
                         {"model.context", count(48)},        {"train.batch", count(4)},
                         {"train.steps", count(20)},          {"decode.prompts", count(24)},
                         {"decode.prompt_bytes", count(8)},   {"decode.tokens", count(40)},
                         {"reduction.batch", List{"8", "32"}}};

RunResult run(Settings settings, std::int64_t seed = 0) {
  for (const auto& [key, value] : kSmall) settings.emplace(key, value);
  Silent observer;
  return kind().run(config_of(settings), seed, {}, observer);
}

double metric(const RunResult& result, const std::string& name) {
  for (const Metric& m : result.metrics) {
    if (m.name == name) return m.value;
  }
  ADD_FAILURE() << "no metric " << name;
  return 0.0;
}

TEST(ReductionOrder, IsRegisteredAndItsDefaultsPass) {
  ASSERT_NE(find_experiment_kind("reduction_order"), nullptr);
  EXPECT_THAT(kind().check(config_of({})), IsEmpty());
  EXPECT_GT(kind().estimate_seconds(config_of({})), 0.0);
  EXPECT_THAT(kind().numerics(config_of({})),
              HasSubstr("weights=bfloat16; results=bfloat16 nearest_even infinity; sums=binary32"));
}

TEST(ReductionOrder, ListsMultiplyIntoConfigurations) {
  const std::vector<nn::Reduction> all = reductions_of(config_of({}));
  ASSERT_THAT(all, SizeIs(12));
  EXPECT_EQ(all[0], (nn::Reduction{{Order::interleaved, 4}, 1, 0}));
  EXPECT_EQ(all[2], nn::Reduction{});
  EXPECT_EQ(all[11], (nn::Reduction{{}, 8, 0}));
  const std::vector<nn::Reduction> orders =
      reductions_of(config_of({{"reduction.split_k", List{"2"}},
                               {"reduction.batch", List{"1"}},
                               {"reduction.order", List{"pairwise", "blocked(7)", "by_batch"}},
                               {"reduction.permutation", List{"5"}}}));
  EXPECT_THAT(orders, ElementsAre(nn::Reduction{{Order::pairwise, 0}, 2, 5},
                                  nn::Reduction{{Order::blocked, 7}, 2, 5},
                                  nn::Reduction{{Order::interleaved, 32}, 2, 5}));
}

TEST(ReductionOrder, RefusesListsThatSayNothing) {
  const auto message = [](const Settings& settings) {
    const auto issues = kind().check(config_of(settings));
    return issues.empty() ? std::string() : issues[0].key + ": " + issues[0].message;
  };
  EXPECT_THAT(message({{"reduction.split_k", List{"0", "1"}}}),
              HasSubstr("reduction.split_k: '0'"));
  for (const char* key :
       {"reduction.split_k", "reduction.batch", "reduction.order", "reduction.permutation"}) {
    EXPECT_THAT(message({{key, List{}}}), HasSubstr("the list is empty"));
  }
  EXPECT_THAT(message({{"reduction.batch", List{"many", "1"}}}), HasSubstr("'many'"));
  EXPECT_THAT(message({{"reduction.order", List{"blocked(0)", "pairwise"}}}),
              HasSubstr("no order 'blocked(0)'"));
  EXPECT_THAT(message({{"reduction.batch", List{"32", "64"}}}), HasSubstr("are 'sequential'"));
  EXPECT_THAT(message({{"reduction.split_k", List{"1"}}, {"reduction.batch", List{"8"}}}),
              HasSubstr("nothing to differ from"));
  EXPECT_THAT(message({{"decode.tokens", count(226)}}), HasSubstr("need 257 positions"));
  EXPECT_THAT(message({{"decode.tokens", count(225)}}), IsEmpty());
}

// With rounded partial sums every order rounds anew, so that differences follow the unit roundoff:
// 8 between bfloat16 and binary16, 8192 to binary32.
TEST(ReductionOrder, NarrowerArithmeticMovesLogitsAndProbabilitiesMore) {
  const auto rounded = [](const char* name) {
    return run({{"arithmetic", text(name)}, {"reduction.partial_sums", text("results")}});
  };
  const RunResult bf16 = rounded("bf16"), fp16 = rounded("fp16"), fp32 = rounded("fp32");
  const RunResult cast = rounded("layercast");
  for (const char* name : {"logit_difference_rms", "top1_probability_std"}) {
    EXPECT_GT(metric(bf16, name), 4.0 * metric(fp16, name)) << name;
    EXPECT_GT(metric(fp16, name), 2000.0 * metric(fp32, name)) << name;
    EXPECT_GT(metric(fp32, name), 0.0) << name;
    EXPECT_LT(metric(cast, name), 3.0 * metric(fp32, name)) << name;
  }
  EXPECT_EQ(metric(bf16, "validation_loss"), metric(fp32, "validation_loss"));
}

TEST(ReductionOrder, PartialSumsInBinary32MoveLogitsLess) {
  // Sums of a few terms seldom lie so near a midpoint of bfloat16 that their order matters.
  const Settings exact_sums = {{"arithmetic", text("bf16")}, {"model.width", count(64)}};
  Settings rounded = exact_sums;
  rounded.emplace("reduction.partial_sums", text("results"));
  const double exact = metric(run(exact_sums), "logit_difference_rms");
  EXPECT_LT(exact, 0.5 * metric(run(rounded), "logit_difference_rms"));
  EXPECT_GT(exact, 0.0);
}

TEST(ReductionOrder, CurvesEndAtTheSharesReported) {
  const RunResult result =
      run({{"arithmetic", text("bf16")}, {"reduction.partial_sums", text("results")}});
  ASSERT_THAT(result.curves, SizeIs(2));
  const Curve& by_token = result.curves[0];
  ASSERT_THAT(by_token.values, SizeIs(40));
  EXPECT_EQ(by_token.values.back(), metric(result, "diverged_share"));
  EXPECT_TRUE(std::is_sorted(by_token.values.begin(), by_token.values.end()));
  const Curve& by_configuration = result.curves[1];
  ASSERT_THAT(by_configuration.values, SizeIs(8));
  EXPECT_EQ(by_configuration.values[0], 0.0);
  for (const double share : by_configuration.values) {
    EXPECT_LE(share, metric(result, "diverged_share"));
  }
  EXPECT_GT(metric(result, "diverged_share"), 0.0);
}

TEST(ReductionOrder, IsAFunctionOfTheSeed) {
  const Settings settings = {{"arithmetic", text("fp32")}};
  EXPECT_EQ(metric(run(settings, 1), "logit_difference_rms"),
            metric(run(settings, 1), "logit_difference_rms"));
  EXPECT_NE(metric(run(settings, 1), "logit_difference_rms"),
            metric(run(settings, 2), "logit_difference_rms"));
}

TEST(ReductionOrder, ADivergedTrainingIsAResult) {
  const RunResult result =
      run({{"train.learning_rate", 900.0}, {"train.clip_norm", 0.0}, {"train.steps", count(60)}});
  if (result.status == RunStatus::diverged) {
    EXPECT_THAT(result.reason, HasSubstr("not finite"));
    EXPECT_THAT(result.metrics, IsEmpty());
  } else {
    GTEST_FAIL() << "a learning rate of 900 trained";
  }
}

}  // namespace
}  // namespace halfulp
