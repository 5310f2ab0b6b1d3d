// The experiment kind quantization_error: measured against closed form and against known numbers.
#include "experiments/kinds/quantization_error.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <string>
#include <tuple>

#include "experiments/harness/schema.h"

namespace halfulp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ExperimentKind& kind() { return *find_experiment_kind("quantization_error"); }

class Silent : public RunObserver {
 public:
  void progress(std::int64_t, std::int64_t, double) override {}
};

using Settings = std::map<std::string, Value>;
using Metrics = std::map<std::string, double>;

Config config_of(const Settings& settings) {
  Config config = harness::Schema(kind().fields).defaults();
  config.set("samples", std::int64_t{1} << 16);
  for (const auto& [key, value] : settings) config.set(key, value);
  return config;
}

Metrics run(const Settings& settings, std::int64_t seed = 0) {
  Silent observer;
  Metrics metrics;
  for (const Metric& metric : kind().run(config_of(settings), seed, {}, observer).metrics) {
    metrics[metric.name] = metric.value;
  }
  return metrics;
}

Value text(const char* value) { return std::string(value); }

Value count(std::int64_t value) { return value; }

const Settings kSmallModel = {{"data.corpus", text("markov")}, {"data.bytes", count(20000)},
                              {"model.layers", count(1)},      {"model.width", count(16)},
                              {"model.context", count(16)},    {"train.batch", count(4)},
                              {"train.steps", count(3)}};

Settings with(Settings settings, const Settings& more) {
  for (const auto& [key, value] : more) settings[key] = value;
  return settings;
}

TEST(QuantizationError, IsRegisteredAndItsDefaultsPass) {
  ASSERT_NE(find_experiment_kind("quantization_error"), nullptr);
  EXPECT_THAT(kind().check(config_of({})), IsEmpty());
  EXPECT_GT(kind().estimate_seconds(config_of({})), 0.0);
}

// Light tails only: under heavy ones the largest samples decide, and a standard error from samples
// says little.
TEST(QuantizationError, MeasuredIsExpectedWithinFourStandardErrors) {
  for (const char* source : {"uniform", "normal", "laplace"}) {
    for (const char* quantizer :
         {"int4sym+group(64)", "e2m1fn+group(32)+scale_power_of_two", "int6sym+row", "e3m2fn",
          "e4m3fn+unscaled", "int4sym+column", "e2m1fn+unscaled+toward_zero"}) {
      const Metrics m =
          run({{"source", text(source)}, {"quantizer", text(quantizer)}, {"phases", count(4)}});
      EXPECT_NEAR(m.at("sqnr_db"), m.at("expected_sqnr_db"), 4.0 * m.at("sqnr_standard_error_db"))
          << source << " " << quantizer;
      EXPECT_LT(m.at("sqnr_standard_error_db"), 0.2) << source << " " << quantizer;
    }
  }
}

struct GroupRow {
  const char* quantizer;
  double normal, laplace, student_t5, uniform;
};

// From an independent numpy simulation with 2^20 samples, stated to 0.02 dB (0.05 for t).
TEST(QuantizationError, GroupScalesHaveTheirKnownSqnr) {
  const std::vector<GroupRow> rows = {{"int4sym+group(64)", 19.36, 17.03, 16.69, 23.12},
                                      {"e2m1fn+group(64)", 19.52, 18.99, 18.99, 19.36},
                                      {"bnb_fp4+group(64)", 18.27, 16.44, 16.22, 19.09},
                                      {"nf4+group(64)", 20.73, 19.69, 19.59, 20.79},
                                      {"nf4+group(32)", 21.18, 20.60, 20.64, 20.99},
                                      {"int4sym+group(32)", 20.27, 18.33, 18.24, 23.33},
                                      {"int8sym+group(32)", 45.44, 43.44, 43.38, 48.50}};
  for (const GroupRow& row : rows) {
    const auto expected = [&](const char* source) {
      return run({{"quantizer", text(row.quantizer)},
                  {"source", text(source)},
                  {"phases", count(1)}})
          .at("expected_sqnr_db");
    };
    EXPECT_NEAR(expected("normal"), row.normal, 0.02) << row.quantizer;
    EXPECT_NEAR(expected("laplace"), row.laplace, 0.02) << row.quantizer;
    EXPECT_NEAR(expected("student_t5"), row.student_t5, 0.05) << row.quantizer;
    EXPECT_NEAR(expected("uniform"), row.uniform, 0.02) << row.quantizer;
  }
}

// The same for MX formats, means over 16 phases, closed form; to 0.02 dB.
TEST(QuantizationError, MxFormatsHaveTheirKnownSqnr) {
  const std::vector<std::tuple<const char*, double, double>> rows = {
      {"mxfp4", 18.75, 17.97},
      {"mx(e2m1fn,scale=e8m0fnu:even)", 19.00, 18.16},
      {"mx(e2m1fn,scale=e8m0fnu:rceil)", 18.65, 17.58},
      {"mxfp6_e2m3", 30.98, 30.30},
      {"mxfp6_e3m2", 25.34, 25.23}};
  for (const auto& [quantizer, normal, laplace] : rows) {
    const auto expected = [quantizer = quantizer](const char* source) {
      return run({{"quantizer", text(quantizer)},
                  {"source", text(source)},
                  {"samples", count(4096)}})
          .at("expected_sqnr_db");
    };
    EXPECT_NEAR(expected("normal"), normal, 0.02) << quantizer;
    EXPECT_NEAR(expected("laplace"), laplace, 0.02) << quantizer;
  }
}

// Measured on 2^18 samples; standard errors are below 0.04 dB.
TEST(QuantizationError, Nvfp4AndRotations) {
  const auto measured = [](const char* quantizer, const char* source, std::int64_t rotation) {
    return run({{"quantizer", text(quantizer)},
                {"source", text(source)},
                {"rotation", count(rotation)},
                {"samples", count(1 << 18)},
                {"phases", count(4)}})
        .at("sqnr_db");
  };
  EXPECT_NEAR(measured("nvfp4", "normal", 0), 20.43, 0.1);
  EXPECT_NEAR(measured("nvfp4", "laplace", 0), 20.66, 0.1);
  EXPECT_NEAR(measured("nvfp4", "laplace", 16), 20.35, 0.1);
  EXPECT_NEAR(measured("int4sym+group(32)", "laplace", 16), 20.38, 0.1);
  EXPECT_NEAR(measured("mxfp4", "laplace", 16) - measured("mxfp4", "laplace", 0), 0.80, 0.1);
}

// Of the blocks whose largest magnitude has a uniform logarithm, OCP's rule clips
// log2(2^(emax + 1) / max): E2M1 0.415, E4M3 0.193. Here blocks of one number, so that every
// clipped block is a clipped element, over 256 phases.
TEST(QuantizationError, FloorScalesClipTheirKnownShare) {
  const auto clipped = [](const char* quantizer) {
    return run({{"quantizer", text(quantizer)},
                {"source", text("uniform")},
                {"samples", count(4096)},
                {"phases", count(256)}})
        .at("saturated_share");
  };
  EXPECT_NEAR(clipped("mx(e2m1fn,block=1)"), 0.4150, 0.002);
  EXPECT_NEAR(clipped("mx(e4m3fn,block=1)"), 0.1926, 0.002);
  EXPECT_EQ(clipped("mx(e2m1fn,block=1,scale=e8m0fnu:rceil)"), 0.0);
}

TEST(QuantizationError, OptimalClipAndItsError) {
  const Metrics m = run({{"quantizer", text("e2m1fn")}, {"scale.policy", text("optimal")}});
  EXPECT_NEAR(m.at("expected_relative_mse"), 0.0126849, 5e-8);
  EXPECT_NEAR(m.at("clip"), 2.92247, 1e-5);
  // Beyond the clip lies erfc(2.92247 / sqrt 2) = 0.003473 of a normal; 16 phases of 65536 samples.
  EXPECT_NEAR(m.at("saturated_share"), 0.003473, 4.0 * std::sqrt(0.003473 / 65536));
  const Metrics fixed = run(
      {{"quantizer", text("e2m1fn")}, {"scale.policy", text("fixed")}, {"scale.clip", 2.92247}});
  EXPECT_NEAR(fixed.at("expected_relative_mse"), 0.0126849, 5e-8);
}

TEST(QuantizationError, PhasesMatterToPowersOfTwoOnly) {
  const Metrics real = run({{"quantizer", text("e2m1fn+group(32)")}});
  EXPECT_NEAR(real.at("best_sqnr_db"), real.at("worst_sqnr_db"), 1e-5);
  const Metrics power = run(
      {{"quantizer", text("e2m1fn+group(32)+scale_power_of_two")}, {"source", text("uniform")}});
  EXPECT_GT(power.at("best_sqnr_db"), power.at("worst_sqnr_db") + 2.0);
  EXPECT_EQ(power.at("bits_per_element"), 4.25);
}

TEST(QuantizationError, StochasticRoundingIsUnbiasedAtTwiceTheError) {
  const Settings nearest = {{"quantizer", text("int8sym+group(64)")}, {"phases", count(1)}};
  const Settings stochastic = {{"quantizer", text("int8sym+group(64)+stochastic(16)")},
                               {"phases", count(1)}};
  const Metrics a = run(nearest), b = run(stochastic);
  EXPECT_NEAR(a.at("sqnr_db") - b.at("sqnr_db"), 3.01, 0.05);
  EXPECT_NEAR(b.at("alignment"), 1.0, 1e-4);
  const Metrics fixed = run({{"quantizer", text("int8sym+stochastic(16)")},
                             {"scale.policy", text("fixed")},
                             {"scale.clip", 6.0},
                             {"phases", count(1)}});
  EXPECT_NEAR(fixed.at("sqnr_db"), fixed.at("expected_sqnr_db"),
              4.0 * fixed.at("sqnr_standard_error_db"));
}

TEST(QuantizationError, IsAFunctionOfTheSeed) {
  const Settings settings = {{"quantizer", text("int4sym+row+stochastic(8)")}};
  EXPECT_EQ(run(settings, 1).at("sqnr_db"), run(settings, 1).at("sqnr_db"));
  EXPECT_NE(run(settings, 1).at("sqnr_db"), run(settings, 2).at("sqnr_db"));
}

TEST(QuantizationError, TakesTensorsOfATrainedModel) {
  const Settings base = with(kSmallModel, {{"quantizer", text("int8sym+row")},
                                           {"tensor.layer", text("blocks.0.mlp.down")}});
  const std::map<std::string, double> elements = {
      {"weight", 16.0 * 48}, {"activation", 64.0 * 48}, {"gradient", 64.0 * 16}};
  for (const auto& [role, number] : elements) {
    const Metrics m = run(with(base, {{"source", role}}));
    EXPECT_EQ(m.at("elements"), number) << role;
    EXPECT_GT(m.at("sqnr_db"), 30.0) << role;
    EXPECT_TRUE(std::isnan(m.at("expected_sqnr_db"))) << role;
    EXPECT_EQ(run(with(base, {{"source", role}}), 5).at("sqnr_db"), m.at("sqnr_db")) << role;
  }
  const double other =
      run(with(base, {{"source", text("weight")}, {"tensor.seed", count(1)}})).at("sqnr_db");
  EXPECT_NE(other, run(with(base, {{"source", text("weight")}})).at("sqnr_db"));
}

TEST(QuantizationError, OneScaleForATensorIsBestForItsOwnNumbers) {
  const Settings base = with(kSmallModel, {{"source", text("activation")}});
  const auto sqnr = [&](const char* quantizer, const char* policy) {
    return run(with(base, {{"quantizer", text(quantizer)}, {"scale.policy", text(policy)}}))
        .at("sqnr_db");
  };
  for (const char* quantizer : {"int4sym", "e2m1fn", "e3m2fn"}) {
    EXPECT_GE(sqnr(quantizer, "optimal"), sqnr(quantizer, "quantizer")) << quantizer;
  }
}

TEST(QuantizationError, ComplainsAboutKeysThatDoNotFit) {
  const auto issues = [](const Settings& settings) { return kind().check(config_of(settings)); };
  EXPECT_THAT(issues({{"columns", count(1000)}}), SizeIs(1));
  EXPECT_THAT(issues({{"scale.policy", text("optimal")}, {"quantizer", text("int4+row")}}),
              SizeIs(1));
  EXPECT_THAT(issues({{"scale.policy", text("optimal")}, {"quantizer", text("binary32")}}),
              SizeIs(1));
  const auto layer =
      issues({{"source", text("weight")}, {"tensor.layer", text("blocks.7.mlp.up")}});
  ASSERT_THAT(layer, SizeIs(1));
  EXPECT_THAT(layer[0].message, HasSubstr("blocks.0.mlp.up"));
}

TEST(QuantizationError, NumericsNameQuantizerAndScale) {
  const Settings settings = {{"quantizer", text("int4+stochastic(8)")},
                             {"scale.policy", text("fixed")},
                             {"scale.clip", 3.5}};
  const std::string numerics = kind().numerics(config_of(settings));
  EXPECT_THAT(numerics, HasSubstr("int4+tensor+scale_binary32+stochastic(8)+saturate"));
  EXPECT_THAT(numerics, HasSubstr("clip 3.5 rms"));
}

}  // namespace
}  // namespace halfulp
