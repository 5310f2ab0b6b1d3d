// Statistics of claims on small tables whose answers are plain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "experiments/claims/claim.h"

namespace halfulp::claims {
namespace {

using testing::HasSubstr;

std::string complaint(const Claim& claim, const laws::Table& table) {
  try {
    measure(claim, table, 1);
  } catch (const laws::TooFewRows& error) {
    return "too few: " + error.lines().front();
  } catch (const harness::ConfigError& error) {
    return error.lines().front();
  }
  return "no complaint";
}

Claim pairs_claim(StatisticKind kind) {
  Claim claim;
  claim.statistic.kind = kind;
  claim.statistic.y = "loss";
  claim.statistic.a = "format == int4";
  claim.statistic.b = "format == int8";
  claim.statistic.pair = {"width", "seed"};
  return claim;
}

laws::Table pairs_table() {
  return laws::parse_csv(
      "status,format,width,seed,loss\n"
      "done,int4,32,0,3\ndone,int8,32,0,2\n"
      "done,int4,32,1,4\ndone,int8,32,1,1\n"
      "done,int4,64,0,2\ndone,int8,64,0,2.5\n"
      "diverged,int4,64,1,9\ndone,int8,64,1,2\n"
      "done,int2,64,1,5\ndone,int4,96,0,7\n",
      "runs.csv");
}

TEST(ClaimMeasure, PairedDifferenceIsTheMeanOverPairs) {
  const Measurement m = measure(pairs_claim(StatisticKind::paired), pairs_table(), 1);
  EXPECT_NEAR(m.effect, (1.0 + 3.0 - 0.5) / 3.0, 1e-15);
  EXPECT_EQ(m.groups, 3U);
  EXPECT_EQ(m.rows, 6U);
  EXPECT_EQ(m.left_out, 3U) << "a diverged run, its partner, and a width without int8";
  const double spread =
      std::sqrt(((1 - m.effect) * (1 - m.effect) + (3 - m.effect) * (3 - m.effect) +
                 (-.5 - m.effect) * (-.5 - m.effect)) /
                2.0);
  EXPECT_NEAR(m.interval.high - m.effect, 4.302653 * spread / std::sqrt(3.0), 1e-5);
}

TEST(ClaimMeasure, PairsOfOneGroupAreOneUnit) {
  Claim claim = pairs_claim(StatisticKind::paired);
  claim.statistic.request.spec.group = "width";
  const Measurement m = measure(claim, pairs_table(), 1);
  EXPECT_EQ(m.groups, 2U);
  EXPECT_NEAR(m.effect, 0.5 * (2.0 - 0.5), 1e-15);
  claim.statistic.is_t_interval = false;
  EXPECT_NEAR(measure(claim, pairs_table(), 1).interval.low, -0.5, 1e-15);
  EXPECT_NEAR(measure(claim, pairs_table(), 2).interval.high, 2.0, 1e-15);
}

TEST(ClaimMeasure, PairedRatioIsOfTheMeans) {
  Claim claim = pairs_claim(StatisticKind::paired);
  claim.statistic.is_ratio = true;
  const Measurement m = measure(claim, pairs_table(), 1);
  EXPECT_NEAR(m.effect, (3.0 + 4.0 + 2.0) / (2.0 + 1.0 + 2.5), 1e-12);
  EXPECT_NEAR(m.interval.high, 4.0, 1e-12) << "three draws of the pair 4, 1";
  EXPECT_NEAR(m.interval.low, 0.8, 1e-12);
}

TEST(ClaimMeasure, RowsOfOnePairAreAnErrorUnlessAskedFor) {
  Claim claim = pairs_claim(StatisticKind::share);
  claim.statistic.pair = {"width"};
  EXPECT_THAT(complaint(claim, pairs_table()),
              HasSubstr("2 rows of 'format == int4' have width 32"));
  claim.statistic.repeated = Repeated::largest;  // 4 against 2, 2 against 2.5
  EXPECT_EQ(measure(claim, pairs_table(), 1).effect, 0.5);
  claim.statistic.a = "format == int2";  // 5 is above any int8
  EXPECT_EQ(measure(claim, pairs_table(), 1).effect, 0.0);
}

TEST(ClaimMeasure, ShareOfPairsAndOfRows) {
  Claim claim = pairs_claim(StatisticKind::share);
  Measurement m = measure(claim, pairs_table(), 1);
  EXPECT_NEAR(m.effect, 1.0 / 3.0, 1e-15);
  EXPECT_NEAR(m.interval.low, 0.0084037, 1e-6);
  claim.statistic.condition = "loss < 3";
  m = measure(claim, pairs_table(), 1);
  EXPECT_EQ(m.effect, 0.5);
  EXPECT_EQ(m.groups, 10U);
}

TEST(ClaimMeasure, TooFewRowsAreNoMistake) {
  Claim claim = pairs_claim(StatisticKind::paired);
  claim.statistic.request.where = "width == 96 || width == 32 && seed == 0";
  EXPECT_THAT(complaint(claim, pairs_table()), HasSubstr("too few: 1 pairs"));
  claim.statistic.pair = {"widht"};
  EXPECT_THAT(complaint(claim, pairs_table()),
              HasSubstr("option '--pair': unknown column 'widht'; did you mean 'width'?"));
}

/// gap = 3 * D^.4 / N^.2, and beside it another with D^.1; five per cent of noise.
laws::Table gaps_table() {
  std::string text = "N,D,side,gap,other\n";
  std::uint32_t state = 1;
  for (const double n : {1e4, 4e4, 1.6e5}) {
    for (const double d : {1e6, 4e6, 1.6e7, 6.4e7, 2.56e8}) {
      for (const char* const side : {"forward", "backward"}) {
        state = state * 1664525U + 1013904223U;
        const double noise = 0.05 * (static_cast<double>(state >> 8) / 16777216.0 - 0.5);
        const double power = side[0] == 'f' ? 0.4 : 0.1;
        const double gap = 3.0 * std::pow(d, power) / std::pow(n, 0.2) * (1.0 + noise);
        text += std::to_string(n) + "," + std::to_string(d) + "," + side + "," +
                std::to_string(gap) + "," + std::to_string(-gap) + "\n";
      }
    }
  }
  return laws::parse_csv(text, "gaps.csv");
}

Claim fit_claim(const std::string& value) {
  Claim claim;
  claim.statistic.value = value;
  claim.statistic.request.expression = "k*D^b/N^a";
  claim.statistic.request.spec.target = "gap";
  claim.statistic.request.where = "side == forward";
  claim.statistic.request.options = {.starts = 20, .bootstrap = 200};
  return claim;
}

TEST(ClaimMeasure, ParametersOfOneFitAndOfTwo) {
  const Claim claim = fit_claim("b/a");
  const Measurement one = measure(claim, gaps_table(), 1);
  EXPECT_NEAR(one.effect, 2.0, 0.1);
  EXPECT_LT(one.interval.low, one.effect);
  EXPECT_GT(one.interval.high, one.effect);
  const Measurement again = measure(claim, gaps_table(), 2);
  EXPECT_EQ(one.interval.low, again.interval.low);
  Claim two = fit_claim("f.b - g.b");
  two.statistic.fits = {{"f", claim.statistic.request, {}}, {"g", claim.statistic.request, {}}};
  two.statistic.fits[1].request.where = "side == backward";
  const Measurement difference = measure(two, gaps_table(), 1);
  EXPECT_NEAR(difference.effect, 0.3, 0.01);
  EXPECT_GT(difference.interval.low, 0.28);
  EXPECT_LT(difference.interval.high, 0.32);
  EXPECT_EQ(difference.rows, 30U);
}

TEST(ClaimMeasure, TheDrawsOfTwoFitsAreIndependent) {
  Claim same = fit_claim("f.b - g.b");
  same.statistic.fits = {{"f", same.statistic.request, {}}, {"g", same.statistic.request, {}}};
  const Measurement m = measure(same, gaps_table(), 1);
  EXPECT_NEAR(m.effect, 0.0, 1e-9);
  EXPECT_GT(m.interval.high - m.interval.low, 1e-4);
}

TEST(ClaimMeasure, UnknownParameterIsNamed) {
  EXPECT_THAT(complaint(fit_claim("c"), gaps_table()),
              HasSubstr("option '--value': there is no parameter 'c'"));
}

TEST(ClaimMeasure, BetterLawHasTheSmallerHeldOutError) {
  Claim claim = fit_claim("");
  claim.statistic.kind = StatisticKind::held_out;
  claim.statistic.request.compare = {"k*D^b", "k/N^a"};
  for (const char* const rows : {"folds", "D", "N > 100000 && D > 2e7"}) {
    claim.statistic.held_out = rows;
    const Measurement m = measure(claim, gaps_table(), 1);
    EXPECT_GT(m.interval.low, 0.0) << rows;
    EXPECT_GT(m.effect, 0.1) << rows;
  }
  EXPECT_EQ(measure(claim, gaps_table(), 1).rows, 2U) << "two values of D for one N";
  claim.statistic.held_out = "D";
  EXPECT_EQ(measure(claim, gaps_table(), 1).rows, 3U) << "the largest D of three sizes";
  claim.statistic.request.expression = "k*D^b";
  claim.statistic.request.compare = {"k*D^b/N^a"};
  EXPECT_LT(measure(claim, gaps_table(), 1).interval.high, 0.0);
  claim.statistic.request.spec.group = "side";
  EXPECT_THAT(complaint(claim, gaps_table()), HasSubstr("rows predicted are of 1 groups"));
}

TEST(ClaimMeasure, CorrelationOfRanks) {
  Claim claim;
  claim.statistic.kind = StatisticKind::correlation;
  claim.statistic.x = "D";
  claim.statistic.y = "-gap";
  claim.statistic.request.where = "side == forward && N < 20000";
  const Measurement m = measure(claim, gaps_table(), 1);
  EXPECT_EQ(m.effect, -1.0);
  EXPECT_EQ(m.rows, 5U);
  claim.statistic.request.spec.group = "side";
  EXPECT_THAT(complaint(claim, gaps_table()), HasSubstr("too few: 1 groups"));
}

TEST(ClaimVerdict, NeedsTheWholeInterval) {
  Claim claim;
  claim.threshold = 1.0;
  claim.opposite = 0.5;
  const auto verdict = [&](double low, double high) {
    Measurement m;
    m.interval = {low, high};
    return judge(claim, m);
  };
  EXPECT_EQ(verdict(1.1, 2.0), Verdict::reproduced);
  EXPECT_EQ(verdict(0.9, 2.0), Verdict::not_reproduced);
  EXPECT_EQ(verdict(0.1, 0.9), Verdict::not_reproduced) << "above opposite";
  EXPECT_EQ(verdict(0.1, 0.4), Verdict::contradicted);
  claim.expected = Expected::below;
  claim.opposite = 1.5;
  EXPECT_EQ(verdict(0.1, 0.4), Verdict::reproduced);
  EXPECT_EQ(verdict(0.1, 1.1), Verdict::not_reproduced);
  EXPECT_EQ(verdict(1.2, 1.4), Verdict::not_reproduced);
  EXPECT_EQ(verdict(1.6, 1.7), Verdict::contradicted);
  claim.expected = Expected::between;
  claim.upper = 2.0;
  EXPECT_EQ(verdict(1.0, 2.0), Verdict::reproduced);
  EXPECT_EQ(verdict(0.9, 1.9), Verdict::not_reproduced);
  EXPECT_EQ(verdict(0.5, 2.5), Verdict::not_reproduced);
  EXPECT_EQ(verdict(2.1, 2.5), Verdict::contradicted);
  EXPECT_EQ(verdict(0.1, 0.9), Verdict::contradicted);
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(verdict(nothing, nothing), Verdict::not_reproduced);
}

}  // namespace
}  // namespace halfulp::claims
