// The experiment kind overflow_length: guarantees, shares by counting and by the law.
#include "experiments/kinds/overflow_length.h"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

#include "experiments/kinds/expected_overflow.h"
#include "tests/experiments/support/kind_run.h"

namespace halfulp::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const ExperimentKind& kind() { return *find_experiment_kind("overflow_length"); }

const Settings kSmall = {{"samples", count(256)},
                         {"rows", count(8)},
                         {"columns", count(8)},
                         {"operands.a", text("int4sym+unscaled")},
                         {"operands.b", text("int4sym+unscaled")},
                         {"scale.a", 1.75},
                         {"scale.b", 1.75},
                         {"length", count(512)}};

Metrics run(const Settings& settings) { return run_kind(kind(), with(kSmall, settings)); }

TEST(OverflowLength, IsRegisteredAndItsDefaultsPass) {
  ASSERT_NE(find_experiment_kind("overflow_length"), nullptr);
  EXPECT_THAT(kind().check(config_of(kind(), {})), IsEmpty());
}

TEST(OverflowLength, GuaranteesAreRunAtTheirEdge) {
  for (const char* accumulator : {"int12", "int12+wrap", "int26", "int26+wrap", "binary16"}) {
    const Metrics m = run({{"accumulator", text(accumulator)}, {"length", count(8)}});
    EXPECT_EQ(m.at("overflows_at_safe_length"), 0.0) << accumulator;
    EXPECT_EQ(m.at("overflows_beyond_safe_length"), 1.0) << accumulator;
  }
  EXPECT_EQ(run({{"accumulator", text("int12")}, {"length", count(8)}}).at("safe_length"), 41.0);
}

TEST(OverflowLength, EqualOperandsOverflowJustBeyondTheGuarantee) {
  const Settings equal = {{"source", text("constant")},
                          {"scale.a", 7.0},
                          {"scale.b", 7.0},
                          {"accumulator", text("int12+wrap")}};
  const Metrics safe = run(with(equal, {{"length", count(41)}}));
  EXPECT_EQ(safe.at("overflow_share"), 0.0);
  EXPECT_EQ(safe.at("wrong_share"), 0.0);
  const Metrics beyond = run(with(equal, {{"length", count(42)}}));
  EXPECT_EQ(beyond.at("overflow_share"), 1.0);
  EXPECT_EQ(beyond.at("wrong_share"), 1.0);
  EXPECT_EQ(beyond.at("shortest_overflow_length"), 42.0);
}

// Wrapped sums that come back are right again; saturated ones stay wrong.
TEST(OverflowLength, WrappedSumsComeBack) {
  const Metrics wrap = run({{"accumulator", text("int9+wrap")}, {"length", count(4096)}});
  const Metrics saturate = run({{"accumulator", text("int9")}, {"length", count(4096)}});
  EXPECT_GT(wrap.at("overflow_share"), 0.1);
  EXPECT_LT(wrap.at("overflow_share"), 0.9);
  EXPECT_EQ(wrap.at("overflow_share"), saturate.at("overflow_share"));
  EXPECT_LT(wrap.at("wrong_share"), wrap.at("overflow_share"));
  EXPECT_GT(saturate.at("wrong_share"), wrap.at("wrong_share"));
}

TEST(OverflowLength, CentredSumsOverflowAsBrownianMotion) {
  const Metrics m =
      run({{"accumulator", text("int9")}, {"samples", count(1024)}, {"length", count(4096)}});
  // A walk of steps of finite size overflows a little later than the motion.
  EXPECT_NEAR(m.at("overflow_share"), m.at("expected_overflow_share"), 0.07);
}

TEST(OverflowLength, ExitProbabilityHasItsKnownValues) {
  // P(max |W| > 1) at time 1: 4 (1 - Phi(1)) - 4 (1 - Phi(3)) + ...
  EXPECT_NEAR(exit_probability(1.0, 1.0), 0.6292, 1e-4);
  EXPECT_NEAR(exit_probability(0.999999, 1.0), exit_probability(1.000001, 1.0), 1e-5);
  EXPECT_NEAR(exit_probability(100.0, 1.0), 1.0, 1e-12);
  EXPECT_EQ(exit_probability(0.0, 1.0), 0.0);
  EXPECT_NEAR(exit_probability(4.0, 20.0), 2.0 * std::erfc(10.0 / std::sqrt(2.0)), 1e-30);
}

TEST(OverflowLength, ComplainsAboutKeysThatDoNotFit) {
  const auto issues = [](const Settings& settings) {
    return kind().check(config_of(kind(), with(kSmall, settings)));
  };
  EXPECT_THAT(issues({{"accumulator", text("int16+pairwise")}}), SizeIs(1));
  EXPECT_THAT(issues({{"accumulator", text("exact(int16)")}}), SizeIs(1));
  EXPECT_THAT(issues({{"accumulator", text("int16+error")}}), SizeIs(1));
  EXPECT_THAT(issues({{"accumulator", text("posit(8,2)")}}), SizeIs(1));
  EXPECT_THAT(issues({{"operands.a", text("int8")}}), SizeIs(1));
  EXPECT_THAT(issues({{"operands.b", text("e4m3fn+unscaled")}}), SizeIs(1));
  EXPECT_THAT(issues({{"samples", count(100)}}), SizeIs(1));
}

}  // namespace
}  // namespace halfulp::test
