#include "sim/two_pass_softmax.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/random.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::on_every_simd_target;

void compare(const std::vector<float>& x, std::size_t cols) {
  const std::size_t rows = x.size() / cols;
  std::vector<float> expected;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::vector<double> row(x.begin() + static_cast<std::ptrdiff_t>(r * cols),
                                  x.begin() + static_cast<std::ptrdiff_t>((r + 1) * cols));
    for (const double y : two_pass_softmax(binary32_two_pass_softmax(), row)) {
      expected.push_back(static_cast<float>(y));
    }
  }
  on_every_simd_target([&] {
    std::vector<float> y(x.size());
    two_pass_softmax(x.data(), y.data(), rows, cols);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const bool same =
          std::bit_cast<std::uint32_t>(y[i]) == std::bit_cast<std::uint32_t>(expected[i]);
      ASSERT_TRUE(same || (std::isnan(y[i]) && std::isnan(expected[i])))
          << cols << " columns, element " << i << ": " << y[i] << " is not " << expected[i];
    }
  });
}

TEST(TwoPassSoftmaxArrays, EqualTheDefinition) {
  const RandomStream stream = {5, 6, 0, 0};
  for (const std::size_t cols : {1U, 3U, 15U, 16U, 17U, 45U, 64U}) {
    std::vector<float> x(cols * 4);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double spread = i < cols ? 1.0 : i < 2 * cols ? 30.0 : 1000.0;
      x[i] = static_cast<float>(spread * random_normal(stream, i));
    }
    compare(x, cols);
  }
}

TEST(TwoPassSoftmaxArrays, SpecialArguments) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  compare({1.0F, -kInfinity, 2.0F, -3e38F}, 4);
  compare({-kInfinity, -kInfinity}, 2);
  compare({kInfinity, 1.0F, 0.0F}, 3);
  compare({nan, 1.0F, 0.0F}, 3);
  compare({1e30F, 1.0F, -1e30F}, 3);
  compare({0.0F, -87.5F, -88.0F, -87.7F, -100.0F}, 5);
  compare({2907269.0F, 2907270.0F, 2907271.0F}, 3);
}

}  // namespace
}  // namespace halfulp
