// Expected values: SciPy 1.10 (binomtest(...).proportion_ci("exact"), t.interval, spearmanr).
#include "experiments/claims/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace halfulp::claims {
namespace {

TEST(ClaimStatistics, ShareIntervalIsClopperAndPearsons) {
  EXPECT_EQ(share_interval(0, 10).low, 0.0);
  EXPECT_NEAR(share_interval(0, 10).high, 0.30849710781876294, 1e-12);
  EXPECT_NEAR(share_interval(7, 10).low, 0.3475471499399921, 1e-12);
  EXPECT_NEAR(share_interval(7, 10).high, 0.9332604888222655, 1e-12);
  EXPECT_NEAR(share_interval(10, 10).low, 0.6915028921812371, 1e-12);
  EXPECT_EQ(share_interval(10, 10).high, 1.0);
  EXPECT_NEAR(share_interval(3, 40).low, 0.015742179851041527, 1e-12);
  EXPECT_NEAR(share_interval(3, 40).high, 0.20386474873289898, 1e-12);
}

TEST(ClaimStatistics, MeanIntervalIsStudents) {
  const double values[] = {.1, .4, .35, .2, .9};
  EXPECT_NEAR(mean(values), .39, 1e-15);
  EXPECT_NEAR(mean_interval(values).low, 0.006287652318071546, 1e-9);
  EXPECT_NEAR(mean_interval(values).high, 0.7737123476819285, 1e-9);
}

TEST(ClaimStatistics, RankCorrelationHasMeanRanksForTies) {
  const double x[] = {1, 2, 2, 4, 5, 6}, y[] = {2, 1, 3, 3, 6, 5}, same[] = {1, 1, 1, 1, 1, 1};
  EXPECT_NEAR(rank_correlation(x, y), 0.8088235294117647, 1e-12);
  EXPECT_NEAR(rank_correlation(x, x), 1.0, 1e-12);
  EXPECT_TRUE(std::isnan(rank_correlation(x, same)));
}

TEST(ClaimStatistics, BootstrapIsOfTheMeanAsTheNormalLawSaysAndTheSameForAnyJobs) {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(std::sin(i));  // variance 1/2
  const auto statistic = [&](std::span<const double> count) {
    double sum = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += count[i] * values[i];
    return sum / 400.0;
  };
  const laws::Interval one = bootstrap_interval(400, 4000, 7, 1, statistic);
  const laws::Interval many = bootstrap_interval(400, 4000, 7, 3, statistic);
  EXPECT_EQ(one.low, many.low);
  EXPECT_EQ(one.high, many.high);
  const double half = 1.959964 * std::sqrt(0.5 / 400.0);
  EXPECT_NEAR(one.low, mean(values) - half, 0.06 * half);
  EXPECT_NEAR(one.high, mean(values) + half, 0.06 * half);
  EXPECT_NE(bootstrap_interval(400, 4000, 8, 1, statistic).low, one.low) << "another seed";
}

}  // namespace
}  // namespace halfulp::claims
