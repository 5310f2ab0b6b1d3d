// Metrics against closed forms and values worked out by hand.
#include "sim/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sim/distribution.h"

namespace halfulp {
namespace {

TEST(Metrics, SumsByHand) {
  const std::vector<float> x = {1.0F, -2.0F, 0.0F, 0.25F};
  const std::vector<float> q = {1.5F, -2.0F, 0.0F, 0.0F};
  const ErrorSums sums = error_sums(x.data(), q.data(), x.size());
  EXPECT_EQ(sums.count, 4U);
  EXPECT_EQ(sums.error, 0.25 + 0.0625);
  EXPECT_EQ(sums.signal, 5.0625);
  EXPECT_EQ(sums.product, 5.5);
  EXPECT_EQ(sums.bias, 0.25);
  EXPECT_EQ(sums.max_error, 0.5);
  EXPECT_EQ(sums.mse(), 0.078125);
  EXPECT_EQ(sums.relative_mse(), 0.3125 / 5.0625);
  EXPECT_EQ(sums.alignment(), 5.5 / 5.0625);
  EXPECT_EQ(sums.flushed_share(), 1.0 / 3.0);
}

TEST(Metrics, SumsOverPartsAddUp) {
  const std::vector<float> x = {1.0F, -2.0F, 0.5F, 0.25F, 3.0F};
  const std::vector<float> q = {1.5F, -2.0F, 0.0F, 0.0F, 2.0F};
  ErrorSums parts = error_sums(x.data(), q.data(), 2);
  parts += error_sums(x.data() + 2, q.data() + 2, 3);
  const ErrorSums whole = error_sums(x.data(), q.data(), 5);
  EXPECT_EQ(parts.error, whole.error);
  EXPECT_EQ(parts.flushed, whole.flushed);
  EXPECT_EQ(parts.nonzero, whole.nonzero);
  EXPECT_EQ(parts.product, whole.product);
  EXPECT_EQ(parts.max_error, whole.max_error);
}

TEST(Metrics, NanShows) {
  const std::vector<float> x = {1.0F, 2.0F}, q = {NAN, 2.0F};
  EXPECT_TRUE(std::isnan(error_sums(x.data(), q.data(), 2).mse()));
}

TEST(Metrics, Decibels) {
  EXPECT_NEAR(to_db(0.01), 20.0, 1e-13);
  EXPECT_NEAR(to_db(0.25), 6.020599913279624, 1e-13);
  EXPECT_EQ(to_db(0.0), INFINITY);
}

// A uniform grid of step D on U(-1,1): D^2/12 over 1/3, that is D^2/4.
TEST(Metrics, UniformGridHasItsClosedForm) {
  constexpr std::size_t kCount = 1 << 20;
  std::vector<float> x(kCount), q(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    x[i] = static_cast<float>((static_cast<double>(i) + 0.5) * 0x1p-19 - 1.0);
    q[i] = std::nearbyint(x[i] * 8.0F) / 8.0F;
  }
  const ErrorSums sums = error_sums(x.data(), q.data(), kCount);
  EXPECT_NEAR(sums.relative_mse() / (0.125 * 0.125 / 4.0), 1.0, 1e-6);
}

// Of independent normal errors and a constant denominator: the textbook s / sqrt(n).
TEST(Metrics, StandardErrorOfARatio) {
  const std::vector<double> top = {1.0, 3.0, 2.0, 6.0}, bottom = {2.0, 2.0, 2.0, 2.0};
  const RatioEstimate estimate = ratio_estimate(top, bottom);
  EXPECT_EQ(estimate.value, 1.5);
  // Ratios 0.5, 1.5, 1, 3: variance 1.1666..., over 4, root.
  EXPECT_NEAR(estimate.standard_error, std::sqrt(3.5 / 3.0 / 4.0), 1e-15);
  EXPECT_NEAR(standard_error_db(estimate), 10.0 / std::log(10.0) * 0.54006172 / 1.5, 1e-7);
  EXPECT_TRUE(std::isnan(ratio_estimate({top.data(), 1}, {bottom.data(), 1}).standard_error));
}

// Over 400 repetitions the estimate's own spread is what it claims, within 4 sigma (3.5 % each).
TEST(Metrics, StandardErrorCoversTheSpread) {
  constexpr std::size_t kRepeats = 400, kBatches = 32;
  double squares = 0.0, claimed = 0.0;
  for (std::uint64_t repeat = 0; repeat < kRepeats; ++repeat) {
    std::vector<double> top(kBatches), bottom(kBatches);
    for (std::size_t b = 0; b < kBatches; ++b) {
      const double z = sample({}, {repeat, 6, 0, 0}, 2 * b),
                   y = sample({}, {repeat, 6, 0, 0}, 2 * b + 1);
      bottom[b] = 10.0 + y;
      top[b] = 0.5 * bottom[b] + z;
    }
    const RatioEstimate estimate = ratio_estimate(top, bottom);
    squares += (estimate.value - 0.5) * (estimate.value - 0.5);
    claimed += estimate.standard_error * estimate.standard_error;
  }
  EXPECT_NEAR(squares / claimed, 1.0, 4.0 * std::sqrt(2.0 / kRepeats));
}

TEST(Metrics, ShapeOfANormalAndOfTwoPoints) {
  std::vector<float> x(100000);
  sample({}, {2, 6, 0, 0}, 0, x.data(), x.size());
  const Shape normal = shape(x.data(), x.size());
  // The kurtosis of n normal numbers has the variance 24 / n.
  EXPECT_NEAR(normal.kurtosis, 3.0, 4.0 * std::sqrt(24.0 / 100000.0));
  const std::vector<float> two = {3.0F, -3.0F};
  EXPECT_EQ(shape(two.data(), 2).kurtosis, 1.0);
  EXPECT_EQ(shape(two.data(), 2).amax, 3.0);
  EXPECT_EQ(shape(two.data(), 2).rms, 3.0);
}

}  // namespace
}  // namespace halfulp
