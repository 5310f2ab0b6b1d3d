// Distributions: partial moments against numerical integration, samples against the theory.
#include "sim/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "formats/spec.h"
#include "sim/random_purpose.h"

namespace halfulp {
namespace {

const std::vector<std::string> kNames = {"uniform",    "normal",     "laplace",   "student_t3",
                                         "student_t4", "student_t5", "student_t8"};

/// Integral of t^power p(t) from `low` to `high` by Simpson's rule.
double integral(const Distribution& d, int power, double low, double high) {
  constexpr int kIntervals = 20000;
  const double h = (high - low) / kIntervals;
  double sum = 0.0;
  for (int i = 0; i <= kIntervals; ++i) {
    const double x = low + h * i;
    const double weight = i == 0 || i == kIntervals ? 1.0 : i % 2 == 1 ? 4.0 : 2.0;
    sum += weight * std::pow(x, power) * density(d, x);
  }
  return sum * h / 3.0;
}

TEST(Distribution, NamesRoundTrip) {
  for (const std::string& name : kNames) EXPECT_EQ(to_string(parse_distribution(name)), name);
  EXPECT_THROW(parse_distribution("student_t2"), SpecError);
  EXPECT_THROW(parse_distribution("gauss"), SpecError);
}

TEST(Distribution, VarianceIsOne) {
  for (const std::string& name : kNames) {
    const TailMoments half = tail_moments(parse_distribution(name), 0.0);
    EXPECT_NEAR(half.probability, 0.5, 1e-15) << name;
    EXPECT_NEAR(half.second, 0.5, 1e-14) << name;
  }
}

TEST(Distribution, PartialMomentsAreIntegralsOfTheDensity) {
  for (const std::string& name : kNames) {
    const Distribution d = parse_distribution(name);
    for (const auto& [low, high] : {std::pair{0.0, 0.7}, {0.3, 1.5}, {1.0, 1.7}, {2.0, 7.0}}) {
      if (high > support(d)) continue;
      const TailMoments a = tail_moments(d, low), b = tail_moments(d, high);
      EXPECT_NEAR(a.probability - b.probability, integral(d, 0, low, high), 1e-13) << name;
      EXPECT_NEAR(a.first - b.first, integral(d, 1, low, high), 1e-13) << name;
      EXPECT_NEAR(a.second - b.second, integral(d, 2, low, high), 1e-12) << name;
    }
  }
}

TEST(Distribution, NothingBeyondTheSupport) {
  const TailMoments beyond = tail_moments({Distribution::Kind::uniform}, 1.75);
  EXPECT_EQ(beyond.probability, 0.0);
  EXPECT_EQ(beyond.second, 0.0);
  EXPECT_EQ(tail_moments({}, std::numeric_limits<double>::infinity()).second, 0.0);
}

std::vector<float> samples(const Distribution& d, std::uint64_t seed, std::size_t n) {
  std::vector<float> values(n);
  sample(d, {seed, static_cast<std::uint32_t>(RandomPurpose::samples)}, 0, values.data(), n);
  return values;
}

// Kolmogorov and Smirnov: sqrt(n) D is above 1.95 with probability 0.001.
TEST(Distribution, SamplesFollowTheDistributionFunction) {
  constexpr std::size_t kCount = 100000;
  for (const std::string& name : kNames) {
    const Distribution d = parse_distribution(name);
    std::vector<float> values = samples(d, 7, kCount);
    std::sort(values.begin(), values.end());
    double largest = 0.0;
    for (std::size_t i = 0; i < kCount; ++i) {
      const double x = static_cast<double>(values[i]);
      const double tail = tail_moments(d, std::fabs(x)).probability;
      const double cdf = x < 0 ? tail : 1.0 - tail;
      const double at = static_cast<double>(i) / kCount;
      largest = std::max({largest, std::fabs(cdf - at), std::fabs(cdf - at - 1.0 / kCount)});
    }
    EXPECT_LT(largest * std::sqrt(static_cast<double>(kCount)), 1.95) << name;
  }
}

// The mean has standard deviation 1/sqrt(n), the mean square sqrt((kurtosis - 1)/n).
TEST(Distribution, SamplesHaveTheMoments) {
  constexpr std::size_t kCount = 200000;
  const double unit = 1.0 / std::sqrt(static_cast<double>(kCount));
  const std::vector<std::pair<std::string, double>> kurtosis = {{"uniform", 1.8},
                                                                {"normal", 3.0},
                                                                {"laplace", 6.0},
                                                                {"student_t5", 9.0},
                                                                {"student_t8", 4.5}};
  for (const auto& [name, fourth] : kurtosis) {
    double sum = 0.0, squares = 0.0;
    for (const float value : samples(parse_distribution(name), 11, kCount)) {
      sum += static_cast<double>(value);
      squares += static_cast<double>(value) * static_cast<double>(value);
    }
    EXPECT_NEAR(sum / kCount, 0.0, 4.0 * unit) << name;
    EXPECT_NEAR(squares / kCount, 1.0, 4.0 * unit * std::sqrt(fourth - 1.0)) << name;
  }
}

TEST(Distribution, ASampleDependsOnItsIndexAlone) {
  const RandomStream stream = {3, 6, 0, 0};
  for (const std::string& name : kNames) {
    const Distribution d = parse_distribution(name);
    std::vector<float> whole(3000), part(17);
    sample(d, stream, 0, whole.data(), whole.size());
    sample(d, stream, 1015, part.data(), part.size());
    for (std::size_t i = 0; i < part.size(); ++i) {
      EXPECT_EQ(part[i], whole[1015 + i]) << name;
      EXPECT_EQ(part[i], static_cast<float>(sample(d, stream, 1015 + i))) << name;
    }
  }
}

// Pinned: these bits must be the same on every machine and with every compiler.
TEST(Distribution, SamplesHavePinnedBits) {
  const RandomStream stream = {1, 6, 0, 0};
  std::vector<double> first;
  for (const std::string& name : kNames)
    first.push_back(sample(parse_distribution(name), stream, 0));
  const std::vector<double> expected = {
      0x1.f7ab599d11be5p-1, 0x1.565696ceb3e47p-1, 0x1.6071819529196p-3, 0x1.9be34624c04p-2,
      0x1.f33f80174ebd5p-2, 0x1.0fc2b20e8f8a9p-1, 0x1.2d0a7a0bbaa4cp-1};
  EXPECT_EQ(first, expected);
}

}  // namespace
}  // namespace halfulp
