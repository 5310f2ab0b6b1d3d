// Quantization after training: kept weights are found by what they are, and its losses are those
// that train_language_model has for the same numbers.
#include "experiments/kinds/post_training_quantization.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "experiments/kinds/kept_weights.h"
#include "experiments/kinds/model_spec.h"
#include "experiments/kinds/ptq_layers.h"
#include "experiments/kinds/stored_bits.h"
#include "experiments/kinds/train_language_model.h"
#include "experiments/store/safetensors.h"
#include "sim/data/corpus.h"
#include "tests/experiments/support/kind_run.h"

namespace halfulp::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using TextList = std::vector<std::string>;

constexpr double kParameters = 2 * (4 * 16 * 16 + 3 * 16 * 48);

/// Bytes per block parameter just before the end of an update of 32 bytes.
double point(double updates) { return (updates - 0.25) * 32.0 / kParameters; }

const Settings kTrunk = {{"data.corpus", text("markov")},      {"data.bytes", count(20000)},
                         {"model.width", count(16)},           {"model.layers", count(2)},
                         {"model.context", count(8)},          {"train.batch", count(4)},
                         {"train.steps", count(60)},           {"train.learning_rate", Value(1e-2)},
                         {"train.schedule", text("constant")}, {"evaluation.bytes", count(512)}};

/// Trains one model, once, and stores its weights after 20 and 60 updates in a folder.
class PostTraining : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / ("halfulp_ptq_" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "kept");

    class Keeper : public RunObserver {
     public:
      void progress(std::int64_t, std::int64_t, double) override {}

      void keep_weights(std::int64_t updates, const Safetensors& weights) override {
        Safetensors content = weights;
        content.metadata["run_id"] = "abc";
        write_safetensors(file(updates), content);
      }
    };

    Keeper keeper;
    const ExperimentKind kind = train_language_model_kind();
    const TextList points = {std::to_string(point(20)), std::to_string(point(60))};
    const RunResult result =
        kind.run(config_of(kind, with(kTrunk, {{"train.keep_weights_at", points}})), 0, {}, keeper);
    trained_loss_ = result.metrics.at(0).value;
  }

  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static std::string file(std::int64_t updates) {
    return (folder_ / "kept" / ("abc-" + std::to_string(updates) + ".safetensors")).string();
  }

  static Settings settings(const Settings& more = {}) {
    Settings all = with(kTrunk, {{"ptq.trunks", text(folder_.c_str())},
                                 {"ptq.tokens_per_parameter", Value(point(60))}});
    return with(all, more);
  }

  static Metrics run(const Settings& more = {}) {
    const ExperimentKind kind = post_training_quantization_kind();
    for (const ConfigIssue& issue : kind.check(config_of(kind, settings(more)))) {
      ADD_FAILURE() << issue.key << ": " << issue.message;
    }
    return run_kind(kind, settings(more));
  }

  static std::string refusal(const Settings& more) {
    const ExperimentKind kind = post_training_quantization_kind();
    const auto issues = kind.check(config_of(kind, settings(more)));
    return issues.size() == 1 ? issues[0].key + ": " + issues[0].message
                              : std::to_string(issues.size()) + " issues";
  }

  static inline fs::path folder_;
  static inline double trained_loss_ = 0.0;
};

TEST_F(PostTraining, ExactWeightsHaveTheLossOfTheTraining) {
  const Metrics metrics = run({{"ptq.weight", text("binary32")}});
  EXPECT_EQ(metrics.at("loss_gap"), 0.0);
  EXPECT_EQ(metrics.at("hidden_error"), 0.0);
  EXPECT_EQ(metrics.at("baseline_loss"), trained_loss_);
  EXPECT_EQ(metrics.at("weight_bits"), 32.0);
  EXPECT_EQ(metrics.at("parameters"), kParameters);
  EXPECT_EQ(metrics.at("tokens"), 60 * 32);
  EXPECT_TRUE(std::isnan(metrics.at("group_size")));
  // The other point is another model.
  const Metrics earlier = run({{"ptq.tokens_per_parameter", Value(point(20))}});
  EXPECT_GT(earlier.at("baseline_loss"), trained_loss_);
}

TEST_F(PostTraining, RoundedWeightsHaveTheLossOfAnEvaluationUnderTheirQuantizer) {
  const ExperimentKind training = train_language_model_kind();
  for (const char* weight : {"int3+row", "e2m1fn+group(8)+mse", "grouped(nf4,16)", "mxfp4"}) {
    const Settings evaluated = with(kTrunk, {{"train.initial_weights", text(file(60).c_str())},
                                             {"train.evaluate_only", Value(true)},
                                             {"precision.weight", text(weight)}});
    const Metrics metrics = run({{"ptq.weight", text(weight)}});
    EXPECT_EQ(metrics.at("validation_loss"), run_kind(training, evaluated).at("validation_loss"))
        << weight;
    EXPECT_GT(metrics.at("relative_mse"), 0.0);
  }
  // Activations too.
  const Settings both = with(kTrunk, {{"train.initial_weights", text(file(60).c_str())},
                                      {"train.evaluate_only", Value(true)},
                                      {"precision.weight", text("int4+row")},
                                      {"precision.activation", text("int4+row")}});
  EXPECT_EQ(run({{"ptq.activation", text("int4+row")}}).at("validation_loss"),
            run_kind(training, both).at("validation_loss"));
}

TEST_F(PostTraining, ErrorsReachTheLastHiddenState) {
  const Metrics fine = run({{"ptq.weight", text("int8+row")}});
  const Metrics coarse = run({{"ptq.weight", text("int3+row")}});
  const Metrics both =
      run({{"ptq.weight", text("int8+row")}, {"ptq.activation", text("int3+row")}});
  EXPECT_GT(fine.at("hidden_error"), 0.0);
  EXPECT_GT(coarse.at("hidden_error"), 100 * fine.at("hidden_error"));
  EXPECT_GT(both.at("hidden_error"), 100 * fine.at("hidden_error"));
  // Outliers are those of the model before.
  EXPECT_GT(fine.at("activation_kurtosis"), 1.0);
  EXPECT_EQ(fine.at("activation_kurtosis"), coarse.at("activation_kurtosis"));
  EXPECT_EQ(fine.at("activation_max_to_median"), both.at("activation_max_to_median"));
}

TEST_F(PostTraining, GptqMovesWeightsFurtherTheLessItIsDamped) {
  const Metrics plain = run({{"ptq.weight", text("int2+row")}});
  const Metrics fine = run({{"ptq.weight", text("int2+row")}, {"ptq.method", text("gptq")}});
  EXPECT_LT(fine.at("sqnr_db"), plain.at("sqnr_db"));
  EXPECT_EQ(run({{"ptq.weight", text("int2+row")}, {"ptq.method", text("gptq")}}), fine);
  // Damping without bound leaves nothing to move.
  const Metrics damped = run({{"ptq.weight", text("int2+row")},
                              {"ptq.method", text("gptq")},
                              {"ptq.damping", Value(1e3)}});
  EXPECT_LT(std::fabs(damped.at("sqnr_db") - plain.at("sqnr_db")),
            0.5 * (plain.at("sqnr_db") - fine.at("sqnr_db")));
  for (const Settings& change :
       {Settings{{"ptq.calibration_sequences", count(16)}}, {{"ptq.order", text("by_diagonal")}}}) {
    const Settings gptq = {{"ptq.weight", text("int2+row")}, {"ptq.method", text("gptq")}};
    EXPECT_NE(run(with(gptq, change)), fine) << change.begin()->first;
  }
}

TEST_F(PostTraining, ShareAndKeptLayersSayWhatIsQuantized) {
  const ExperimentKind kind = post_training_quantization_kind();
  const auto layers = [&](const Settings& more) {
    const Config config = config_of(kind, settings(more));
    return layers_to_quantize(config, model_config(config), 0);
  };
  EXPECT_EQ(layers({}).size(), 8U);
  EXPECT_TRUE(layers({{"ptq.share", Value(0.0)}}).empty());
  // 768, 256, 1536 and 768 parameters in a block, 6656 in all.
  EXPECT_THAT(layers({{"ptq.share", Value(0.16)}, {"ptq.share_order", text("first")}}),
              ::testing::ElementsAre("blocks.0.attention.qkv", "blocks.0.attention.output"));
  EXPECT_THAT(layers({{"ptq.keep_high", TextList{"blocks.0", "*.mlp.*"}}}),
              ::testing::ElementsAre("blocks.1.attention.qkv", "blocks.1.attention.output"));
  std::set<TextList> drawn;
  for (int draw = 0; draw < 8; ++draw) {
    drawn.insert(layers({{"ptq.share", Value(0.5)}, {"ptq.draw", count(draw)}}));
  }
  EXPECT_GT(drawn.size(), 4U);
  const Metrics half = run({{"ptq.share", Value(0.5)}, {"ptq.rest", text("bfloat16")}});
  EXPECT_NEAR(half.at("quantized_share"), 0.5, 0.12);
  const double share = half.at("quantized_share");
  EXPECT_NEAR(half.at("mean_bits"), share * half.at("weight_bits") + (1 - share) * 16, 1e-12);
  EXPECT_EQ(half.at("total_bits"), half.at("mean_bits") * kParameters);
}

TEST_F(PostTraining, BitsCountScalesZeroPointsAndCodebooks) {
  const auto bits = [](const char* spec, std::size_t rows, std::size_t cols) {
    return stored_bits(parse_quantizer(spec), rows, cols);
  };
  EXPECT_EQ(bits("int4+row", 3, 8), 3 * 8 * 4 + 3 * 32);
  EXPECT_EQ(bits("int4+group(5)", 3, 8), 3 * 8 * 4 + 6 * 32);  // a short group has its scale
  EXPECT_EQ(bits("int4", 3, 8), 3 * 8 * 4 + 32);
  EXPECT_EQ(bits("int4+tile(2,4)", 3, 8), 3 * 8 * 4 + 4 * 32);
  EXPECT_EQ(bits("bfloat16", 3, 8), 3 * 8 * 16);
  EXPECT_EQ(bits("mxfp4", 2, 64), 2 * 64 * 4 + 4 * 8);
  EXPECT_EQ(bits("grouped(int4,8,zero_point=min_max)", 2, 16), 2 * 16 * 4 + 4 * (16 + 4));
  EXPECT_EQ(bits("grouped(nf4,block=tensor)", 2, 16), 2 * 16 * 4 + 16);
  const Metrics fitted = run({{"ptq.weight", text("grouped(quantile(3,normal),block=tensor)")},
                              {"ptq.codebook", text("quantiles")}});
  EXPECT_NEAR(fitted.at("weight_bits"), 3 + 8 * (8 * 32 + 16) / kParameters, 1e-12);
  const Metrics normal = run({{"ptq.weight", text("grouped(quantile(3,normal),block=tensor)")}});
  EXPECT_NE(fitted.at("relative_mse"), normal.at("relative_mse"));
  // 256 numbers of a line share a scale where rows are one.
  EXPECT_EQ(run({{"ptq.weight", text("grouped(int4,256)")}, {"ptq.layout", text("flat")}})
                .at("group_size"),
            256.0);
}

TEST_F(PostTraining, MissingModelsAreSaidWithWhatMakesThem) {
  const ExperimentKind kind = post_training_quantization_kind();
  const auto message = [&](const Settings& more, std::int64_t seed) -> std::string {
    try {
      kind.prepare_run(config_of(kind, settings(more)), seed);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({}, 0), "");
  EXPECT_THAT(message({}, 1), HasSubstr("after 60 updates"));
  EXPECT_THAT(message({}, 1), HasSubstr("the nearest file has seed=0"));
  EXPECT_THAT(message({{"train.learning_rate", Value(1e-3)}}, 0),
              HasSubstr("the nearest file has train.learning_rate=0.01"));
  EXPECT_THAT(message({{"ptq.trunks", text("nowhere/some_trunks/")}}, 0),
              ::testing::AllOf(HasSubstr("nowhere/some_trunks/kept: no weights of this model"),
                               HasSubstr("./run_experiment experiments/sweeps/some_trunks.toml")));
  // How it is evaluated is no part of what it is.
  EXPECT_EQ(message({{"evaluation.bytes", count(64)}}, 0), "");
}

TEST_F(PostTraining, SettingsThatDoNotFitAreRefusedByTheirKey) {
  EXPECT_THAT(refusal({{"ptq.weight", text("int4+row+learned")}}), HasSubstr("ptq.weight: "));
  EXPECT_EQ(run({{"ptq.weight", text("int4+row+stochastic(16)")}}).at("code_bits"), 4.0);
  EXPECT_THAT(
      refusal({{"ptq.weight", text("int4+row+stochastic(16)")}, {"ptq.method", text("gptq")}}),
      HasSubstr("random"));
  EXPECT_THAT(refusal({{"ptq.activation", text("int4+hadamard(4)")}}), HasSubstr("ptq.activation"));
  EXPECT_THAT(refusal({{"ptq.activation", text("e4m3fn+delayed(4)")}}), HasSubstr("history"));
  EXPECT_THAT(refusal({{"ptq.codebook", text("quantiles")}}), HasSubstr("quantile(4,normal)"));
  EXPECT_THAT(refusal({{"ptq.keep_high", TextList{"blocks.7"}}}), HasSubstr("matches none of"));
  EXPECT_THAT(refusal({{"ptq.tokens_per_parameter", Value(point(61))}}), HasSubstr("60 updates"));
  EXPECT_THAT(refusal({{"train.keep_weights_at", TextList{std::to_string(point(30))}}}),
              HasSubstr("none of train.keep_weights_at"));
  EXPECT_THAT(refusal({{"ptq.method", text("gptq")}, {"ptq.layout", text("flat")}}),
              HasSubstr("ptq.layout"));
  const Settings groups = {{"ptq.weight", text("int4+group(8)")},
                           {"ptq.method", text("gptq")},
                           {"ptq.order", text("by_diagonal")}};
  EXPECT_THAT(refusal(groups), HasSubstr("static"));
  EXPECT_EQ(refusal(with(groups, {{"ptq.group_scales", text("static")}})), "0 issues");
}

}  // namespace
}  // namespace halfulp::test
