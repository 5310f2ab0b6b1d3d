#include "formats/two_pass_softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "formats/functions.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Destination destination(const char* format, Overflow overflow = Overflow::infinity) {
  return {parse_format(format), {Rounding::nearest_even, overflow}};
}

const Destination kBinary32 = destination("binary32");
const TwoPassSoftmax kPlain = {kBinary32, kBinary32, 1};

std::vector<double> reference(const std::vector<double>& x) {
  double largest = -kInfinity, sum = 0.0;
  for (const double v : x) largest = std::max(largest, v);
  std::vector<double> y;
  for (const double v : x) sum += y.emplace_back(std::exp(v - largest));
  for (double& v : y) v /= sum;
  return y;
}

struct Errors {
  double most = 0.0, sum = 0.0;
  int count = 0;

  double mean() const { return sum / count; }
};

// Adds differences in ulp of binary32, of numbers that no factor flushes.
void add_errors(const std::vector<double>& y, const std::vector<double>& expected, Errors& errors) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (expected[i] < 0x1p-120) continue;
    const double ulp = std::ldexp(1.0, std::ilogb(expected[i]) - 23);
    const double error = std::abs(y[i] - expected[i]) / ulp;
    errors.most = std::max(errors.most, error);
    errors.sum += error;
    ++errors.count;
  }
}

TEST(TwoPassSoftmax, LargeArguments) {
  const std::vector<double> y = two_pass_softmax(kPlain, std::vector{1000.0, 1000.5, -1e4, 999.0});
  const std::vector known = {.331499, .546550, 0.0, .121951};
  for (std::size_t i = 0; i < known.size(); ++i) EXPECT_NEAR(y[i], known[i], 1.01e-6) << i;
  EXPECT_EQ(y[2], 0.0);
}

// Rows of 64 normal numbers that are multiples of `step`.
std::vector<std::vector<double>> random_rows(double spread, double step) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal(0.0F, static_cast<float>(spread));
  std::vector<std::vector<double>> rows(30, std::vector<double>(64));
  for (auto& row : rows) {
    for (double& v : row) v = std::nearbyint(static_cast<double>(normal(generator)) / step) * step;
  }
  return rows;
}

TEST(TwoPassSoftmax, IsWithinAFewUlpOfTheExactResult) {
  for (const double spread : {0.5, 4.0, 20.0}) {
    Errors errors;
    for (const auto& x : random_rows(spread, 0x1p-40)) {
      add_errors(two_pass_softmax({kBinary32, kBinary32, 16}, x), reference(x), errors);
    }
    EXPECT_LE(errors.most, 6.0);
    EXPECT_LE(errors.mean(), 1.5);
    EXPECT_GE(errors.mean(), 0.3);
  }
}

// Where x - max x is exact; else its rounding alone moves the classical result by many ulp.
TEST(TwoPassSoftmax, AgreesWithThreePassesWhereTheMaximumIsSubtractedExactly) {
  for (const double spread : {0.5, 4.0, 20.0}) {
    Errors errors;
    for (const auto& x : random_rows(spread, 0x1p-10)) {
      add_errors(two_pass_softmax({kBinary32, kBinary32, 16}, x),
                 softmax(uniform_arithmetic(kBinary32), x), errors);
    }
    EXPECT_LE(errors.most, 8.0);
    EXPECT_LE(errors.mean(), 2.0);
  }
}

// Sums of ones in a float of four significant bits: 16 + 1 is 16.
TEST(TwoPassSoftmax, NarrowSumsStopGrowing) {
  const std::vector<double> x(64, 0.0);
  const TwoPassSoftmax narrow = {kBinary32, destination("e4m3fn", Overflow::saturate), 1};
  EXPECT_NEAR(two_pass_softmax(narrow, x)[0], 1.0 / 16.0, 1e-9);
  const TwoPassSoftmax lanes = {kBinary32, destination("e4m3fn", Overflow::saturate), 16};
  EXPECT_NEAR(two_pass_softmax(lanes, x)[0], 1.0 / 64.0, 1e-9);
}

TEST(TwoPassSoftmax, FactorsEndAtTwoToTheMinus127) {
  const double ln2 = std::log(2.0);
  EXPECT_GT(two_pass_softmax(kPlain, std::vector{0.0, -126.0 * ln2})[1], 0.0);
  EXPECT_EQ(two_pass_softmax(kPlain, std::vector{0.0, -127.0 * ln2})[1], 0.0);
}

TEST(TwoPassSoftmax, SpecialArguments) {
  const std::vector<double> masked =
      two_pass_softmax(kPlain, std::vector{-kInfinity, 0.0, -3e38, -1e30});
  EXPECT_EQ(masked, (std::vector{0.0, 1.0, 0.0, 0.0}));
  for (const double x : {kInfinity, 1e30, std::nan("")}) {
    for (const double y : two_pass_softmax(kPlain, std::vector{1.0, x})) {
      EXPECT_TRUE(std::isnan(y)) << x;
    }
  }
  EXPECT_TRUE(std::isnan(two_pass_softmax(kPlain, std::vector{-kInfinity})[0]));
}

TEST(TwoPassSoftmax, RejectsWhatItCannotDo) {
  EXPECT_THROW(two_pass_softmax({kBinary32, kBinary32, 3}, std::vector{1.0}),
               std::invalid_argument);
  Destination stochastic = kBinary32;
  stochastic.rounding.rounding = Rounding::stochastic;
  stochastic.rounding.random_bits = 8;
  EXPECT_THROW(two_pass_softmax({stochastic, kBinary32, 1}, std::vector{1.0}),
               std::invalid_argument);
}

}  // namespace
}  // namespace halfulp
