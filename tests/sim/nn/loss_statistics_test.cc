// Statistics of a loss curve, against curves whose answers are known.
#include "sim/nn/loss_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace halfulp::nn {
namespace {

std::vector<LossPoint> curve(const std::vector<double>& losses) {
  std::vector<LossPoint> points;
  for (const double loss : losses)
    points.push_back({static_cast<std::int64_t>(points.size()), loss});
  return points;
}

TEST(LossStatistics, MeanOfTheLastTenth) {
  EXPECT_EQ(mean_of_last_tenth(curve({9.0, 5.0})), 5.0);
  std::vector<double> losses(20, 7.0);
  losses[18] = 1.0;
  losses[19] = 2.0;
  EXPECT_EQ(mean_of_last_tenth(curve(losses)), 1.5);
}

TEST(LossStatistics, SpikesAreCountedAgainstTheWindowBeforeThem) {
  std::vector<double> losses;
  for (int i = 0; i < 30; ++i) losses.push_back(i % 2 == 0 ? 1.0 : 3.0);  // mean 2, deviation 1
  EXPECT_EQ(spike_share(curve(losses), 10, 7.0), 0.0);
  losses[20] = 9.0;  // 7 deviations
  EXPECT_EQ(spike_share(curve(losses), 10, 7.0), 1.0 / 20.0);
  losses[20] = 8.9;
  EXPECT_EQ(spike_share(curve(losses), 10, 7.0), 0.0);
  losses[20] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(spike_share(curve(losses), 10, 7.0), 1.0 / 20.0);
  EXPECT_EQ(spike_share(curve({1.0, 100.0}), 10, 7.0), 0.0);
}

TEST(LossStatistics, TheLargestRiseIsFromAnEarlierWindow) {
  EXPECT_EQ(largest_rise(curve({5.0, 5.0, 3.0, 3.0, 2.0, 2.0}), 2), 0.0);
  EXPECT_EQ(largest_rise(curve({9.0, 9.0, 2.0, 2.0, 6.0, 6.0, 1.0, 1.0, 3.0, 3.0}), 2), 4.0);
  EXPECT_EQ(largest_rise(curve({2.0, std::numeric_limits<double>::quiet_NaN()}), 2),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(largest_rise(curve({2.0}), 2), 0.0);
}

}  // namespace
}  // namespace halfulp::nn
