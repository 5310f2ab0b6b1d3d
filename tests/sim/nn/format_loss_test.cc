// Cross entropy in a format, against the same steps with the scalar rounding.
#include "sim/nn/format_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/nn/layer_functions.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kRows = 5, kCols = 40;
const std::vector<unsigned char> kTargets = {0, 39, 17, 3, 20};

std::vector<float> logits() {
  std::vector<float> x(kRows * kCols);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(3.0 * random_normal({5, 6, 0, 0}, i));
  }
  return x;
}

TEST(FormatLoss, EveryStepIsRounded) {
  for (const char* name : {"bfloat16", "binary16", "e5m2", "e8m3"}) {
    const Destination to = {parse_format(name), {Rounding::nearest_even, Overflow::infinity}};
    const auto stored = [&](double x) { return round(to.format, to.rounding, x); };
    std::vector<float> x = logits(), losses(kRows);
    const std::vector<float> given = x;
    FormatLoss(to).cross_entropy(x.data(), kTargets.data(), losses.data(), kRows, kCols, true, 0.3,
                                 {});
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::vector<double> row(given.begin() + static_cast<std::ptrdiff_t>(r * kCols),
                                    given.begin() + static_cast<std::ptrdiff_t>((r + 1) * kCols));
      const double largest = *std::max_element(row.begin(), row.end());
      double sum = 0.0;
      for (const double v : row) sum = stored(sum + stored(std::exp(stored(v - largest))));
      const double log_sum = stored(std::log(sum));
      for (std::size_t i = 0; i < kCols; ++i) {
        const double l = stored(stored(row[i] - largest) - log_sum);
        const double hit = i == kTargets[r] ? 1.0 : 0.0;
        const double d = stored(stored(stored(std::exp(l)) - hit) * stored(0.3));
        EXPECT_EQ(static_cast<double>(x[r * kCols + i]), d) << name << " " << r << " " << i;
        if (hit != 0.0) {
          EXPECT_EQ(static_cast<double>(losses[r]), -l) << name << " " << r;
        }
      }
    }
  }
}

TEST(FormatLoss, InBinary32IsNearTheKernel) {
  const Destination to = {parse_format("binary32"), {Rounding::nearest_even, Overflow::infinity}};
  std::vector<float> x = logits(), y = x, losses(kRows), expected(kRows);
  FormatLoss(to).cross_entropy(x.data(), kTargets.data(), losses.data(), kRows, kCols, true, 0.25,
                               {});
  LayerFunctions<float>({}).cross_entropy(y.data(), kTargets.data(), expected.data(), kRows, kCols,
                                          true, 0.25, {});
  for (std::size_t r = 0; r < kRows; ++r) EXPECT_NEAR(losses[r], expected[r], 1e-5F);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-6F);
}

TEST(FormatLoss, StochasticStepsDrawFromTheirElementAndStream) {
  const Destination to = {
      parse_format("e8m3"),
      {.rounding = Rounding::stochastic, .overflow = Overflow::infinity, .random_bits = 16}};
  const auto run = [&](const RandomStream& stream) {
    std::vector<float> x(kRows * kCols, 1.0F), losses(kRows);
    const std::vector<unsigned char> same(kRows, 0);
    FormatLoss(to).cross_entropy(x.data(), same.data(), losses.data(), kRows, kCols, true, 0.3,
                                 stream);
    return std::pair(x, losses);
  };
  const auto [x, losses] = run({1, 24, 0, 1});
  EXPECT_NE(losses[0], losses[1]);
  EXPECT_GT(std::set<float>(x.begin(), x.begin() + kCols).size(), 2U);  // target, others' two
  EXPECT_EQ(run({1, 24, 0, 1}).first, x);
  EXPECT_NE(run({1, 24, 0, 2}).first, x);
}

TEST(FormatLoss, KeepsNumbersThatAreNot) {
  const Destination to = {parse_format("bfloat16"), {Rounding::nearest_even, Overflow::infinity}};
  std::vector<float> x = logits(), losses(kRows);
  x[3] = std::numeric_limits<float>::infinity();
  x[kCols + 3] = std::numeric_limits<float>::quiet_NaN();
  FormatLoss(to).cross_entropy(x.data(), kTargets.data(), losses.data(), kRows, kCols, true, 1.0,
                               {});
  EXPECT_TRUE(std::isnan(losses[0]));
  EXPECT_TRUE(std::isnan(losses[1]));
  EXPECT_TRUE(std::isfinite(losses[2]));
}

}  // namespace
}  // namespace halfulp::nn
