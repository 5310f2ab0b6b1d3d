// The experiment kind accumulation_error: against laws of rounding errors and known numbers.
#include "experiments/kinds/accumulation_error.h"

#include <gmock/gmock.h>

#include <cmath>

#include "formats/accumulator_spec.h"
#include "tests/experiments/support/kind_run.h"

namespace halfulp::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ExperimentKind& kind() { return *find_experiment_kind("accumulation_error"); }

Metrics run(const Settings& settings, std::int64_t seed = 0) {
  return run_kind(
      kind(), with({{"samples", count(256)}, {"rows", count(8)}, {"columns", count(8)}}, settings),
      seed);
}

TEST(AccumulationError, IsRegisteredAndItsDefaultsPass) {
  ASSERT_NE(find_experiment_kind("accumulation_error"), nullptr);
  EXPECT_THAT(kind().check(config_of(kind(), {})), IsEmpty());
}

TEST(AccumulationError, ExactSumsHaveTheErrorOfOneRounding) {
  const Metrics m = run({{"accumulator", text("exact(bfloat16)")}, {"source", text("normal")}});
  // Of a number uniform within a binade, u / sqrt(3) of its unit; between 1/2 and 1 of that here.
  const double u = std::ldexp(1.0, -8);
  EXPECT_LT(m.at("relative_rms_error"), u / std::sqrt(3.0));
  EXPECT_GT(m.at("relative_rms_error"), u / std::sqrt(3.0) / 2.0);
  EXPECT_NEAR(m.at("bias"), 0.0, 4.0 * m.at("bias_standard_error") + 1e-4);
}

// 1 + 1 + ... stops at 2^p: 256 in bfloat16, whatever the length.
TEST(AccumulationError, OnesStagnateAtTwoToThePrecision) {
  const Metrics m = run({{"accumulator", text("bfloat16")},
                         {"source", text("constant")},
                         {"length", count(1024)},
                         {"trace", true}});
  EXPECT_EQ(m.at("mean_result"), 256.0);
  EXPECT_EQ(m.at("stagnation_length"), 256.0);
  EXPECT_EQ(m.at("idle_share"), 0.75);
  EXPECT_EQ(m.at("relative_rms_error"), 0.75);
  EXPECT_EQ(m.at("gain"), -0.75);
}

// Weight 1, 2000 updates of -1e-4: below half of the step 2^-8 below 1.
TEST(AccumulationError, UpdatesOfABfloat16Weight) {
  const auto updated = [](const char* accumulator) {
    return run({{"accumulator", text(accumulator)},
                {"source", text("constant")},
                {"scale.a", -1e-4},
                {"start", 1.0},
                {"length", count(2000)}});
  };
  EXPECT_EQ(updated("bfloat16").at("mean_result"), 1.0);
  EXPECT_NEAR(updated("bfloat16").at("relative_rms_error"), 0.25, 1e-6);  // 1 instead of 0.8
  EXPECT_EQ(updated("kahan(bfloat16)").at("mean_result"), 0.80078125);    // bfloat16(0.8)
  const Metrics m = updated("bfloat16+stochastic(16)");
  const double p = 1e-4 * 256, sigma = std::sqrt(2000 * p * (1 - p)) / 256;  // 0.0276
  EXPECT_NEAR(m.at("mean_result"), 0.8, 4.0 * sigma / 16);
  EXPECT_NEAR(m.at("result_standard_deviation"), sigma, 4.0 * sigma / std::sqrt(2.0 * 256));
}

TEST(AccumulationError, StochasticRoundingFollowsItsLaw) {
  for (const char* source : {"uniform", "normal"}) {
    const Metrics m = run({{"accumulator", text("e8m9+stochastic(16)")},
                           {"operands", text("bfloat16+unscaled")},
                           {"source", text(source)},
                           {"length", count(512)}});
    EXPECT_NEAR(m.at("relative_rms_error"), m.at("expected_relative_rms_error"),
                0.25 * m.at("expected_relative_rms_error"))
        << source;
    EXPECT_NEAR(m.at("bias"), 0.0, 4.0 * m.at("bias_standard_error")) << source;
  }
}

// A 14-bit accumulator of FP8 products, against an independent numpy simulation of 400 dot products
// at the same scale: 1.51 % and 6.99 %, promoted every 128 terms 0.062 %.
TEST(AccumulationError, FourteenBitsLoseAsMuchAsKnown) {
  const auto error = [](const char* options, std::int64_t length) {
    return run({{"accumulator", to_spec(parse_accumulator(
                                    std::string("aligned(e8m13,32,13)+toward_zero") + options))},
                {"operands", text("e4m3fn+unscaled")},
                {"source", text("half_normal")},
                {"length", count(length)}})
        .at("relative_rms_error");
  };
  EXPECT_NEAR(error("", 1024), 0.0151, 0.0004);
  EXPECT_NEAR(error("", 4096), 0.0699, 0.0012);
  EXPECT_NEAR(error("+promote(128,binary32)", 1024), 0.000625, 0.00003);
}

TEST(AccumulationError, IsAFunctionOfTheSeed) {
  const Settings settings = {{"accumulator", text("bfloat16+stochastic(8)")},
                             {"length", count(64)}};
  EXPECT_EQ(run(settings, 1).at("relative_rms_error"), run(settings, 1).at("relative_rms_error"));
  EXPECT_NE(run(settings, 1).at("relative_rms_error"), run(settings, 2).at("relative_rms_error"));
}

// Results beyond the range are counted, not averaged.
TEST(AccumulationError, CountsResultsThatAreNotFinite) {
  const Metrics m = run({{"accumulator", text("e4m3fn+nan")}, {"length", count(4096)}});
  EXPECT_EQ(m.at("not_finite_share"), 0.0);  // stagnates far below 448
  const Metrics large = run({{"accumulator", text("binary16")},
                             {"source", text("constant")},
                             {"scale.a", 256.0},
                             {"length", count(512)}});
  EXPECT_EQ(large.at("not_finite_share"), 1.0);
}

TEST(AccumulationError, ComplainsAboutKeysThatDoNotFit) {
  const auto issues = [](const Settings& settings) {
    return kind().check(config_of(kind(), settings));
  };
  EXPECT_THAT(issues({{"samples", count(1000)}}), SizeIs(1));
  EXPECT_THAT(issues({{"samples", count(512)}}), SizeIs(1));  // two batches
  EXPECT_THAT(issues({{"accumulator", text("h100(e4m3fn)")}, {"operands", text("e4m3fn")}}),
              SizeIs(1));
  EXPECT_THAT(issues({{"trace", true}, {"accumulator", text("bfloat16+pairwise")}}), SizeIs(1));
  const auto wide = issues({{"accumulator", text("int32")}});
  ASSERT_THAT(wide, SizeIs(1));
  EXPECT_THAT(wide[0].message, HasSubstr("result(binary32)"));
}

}  // namespace
}  // namespace halfulp::test
