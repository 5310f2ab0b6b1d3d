#include "sim/quantile_fit.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <vector>

namespace halfulp {
namespace {

std::vector<double> fit(const std::vector<float>& x, std::size_t count) {
  return fitted_quantiles({x.data(), 1, x.size(), x.size()}, count).book->values;
}

TEST(FittedQuantiles, AreMediansOfCellsOverTheLargest) {
  // Of 0 to 8 the quantiles 1/4 and 3/4 are 2 and 6; of -3 to 1, 1/8 is -2.5 and 7/8 is 0.5.
  EXPECT_EQ(fit({8, 0, 1, 7, 2, 6, 3, 5, 4}, 2),
            (std::vector<double>{static_cast<double>(2 / 6.0F), 1}));
  EXPECT_EQ(fit({1, -3, 0, -1, -2}, 4), (std::vector<double>{-1, static_cast<double>(-1.5F / 2.5F),
                                                             static_cast<double>(-0.5F / 2.5F),
                                                             static_cast<double>(0.5F / 2.5F)}));
}

TEST(FittedQuantiles, EqualOnesStandOnceAndZerosAreRefused) {
  EXPECT_EQ(fit({0, 0, 0, 0, 0, 0, 0, 0, 1}, 8).size(), 2U);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(fit({0, 0, 0}, 2), std::invalid_argument);
  EXPECT_THROW(fit({}, 2), std::invalid_argument);
  EXPECT_THROW(fit({nan, nan}, 2), std::invalid_argument);
}

}  // namespace
}  // namespace halfulp
