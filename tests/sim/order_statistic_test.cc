#include "sim/order_statistic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sim/random.h"

namespace halfulp {
namespace {

TEST(OrderStatistic, EqualsSorting) {
  for (const std::size_t n : {1U, 2U, 5U, 1000U}) {
    std::vector<std::uint32_t> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = random_word({2, 3, 0, 0}, i) >> (i % 30);
    std::vector<std::uint32_t> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t rank = 0; rank < n; ++rank) {
      ASSERT_EQ(order_statistic(values, rank), sorted[rank]) << n << " " << rank;
    }
  }
}

TEST(OrderStatistic, RanksOfQuantiles) {
  EXPECT_EQ(quantile_rank(1.0, 10), 9U);
  EXPECT_EQ(quantile_rank(0.5, 10), 4U);
  EXPECT_EQ(quantile_rank(0.51, 10), 5U);
  EXPECT_EQ(quantile_rank(1e-9, 10), 0U);
  EXPECT_EQ(quantile_rank(0.7, 1), 0U);
}

TEST(OrderStatistic, KeysAreInTheOrderOfNumbers) {
  const std::vector<float> numbers = {-1e30F, -1.0F, -1e-40F, -0.0F, 0.0F, 1e-40F, 2.0F, 3e38F};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_EQ(from_ordered_key(ordered_key(numbers[i])), numbers[i]);
    if (i == 0) continue;
    EXPECT_LT(ordered_key(numbers[i - 1]), ordered_key(numbers[i]));
  }
}

}  // namespace
}  // namespace halfulp
