#include "formats/functions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Destination destination(const char* format, Overflow overflow = Overflow::infinity) {
  return {parse_format(format), {Rounding::nearest_even, overflow}};
}

FunctionArithmetic arithmetic(const char* format) {
  return uniform_arithmetic(destination(format));
}

// Rounds to bfloat16 by hand.
double bf(double x) { return round(parse_format("bfloat16"), destination("bfloat16").rounding, x); }

const std::vector<double> kArguments = {-9.0, -3.25, -1.0, -0.5, -1e-3, 0.0,
                                        1e-4, 0.3,   1.0,  2.5,  7.0};

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected,
                 double relative, double absolute) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], relative * std::abs(expected[i]) + absolute) << i;
  }
}

TEST(Functions, MatchRealArithmeticInBinary32) {
  const FunctionArithmetic binary32 = arithmetic("binary32");
  const auto n = static_cast<double>(kArguments.size());
  const std::vector<double>& x = kArguments;
  std::vector<double> ones(x.size(), 1.0), gain(x.size(), 1.5), bias(x.size(), 0.25);
  std::vector<double> soft, rms, layer, gelus, silus;
  double powers = 0.0, squares = 0.0, variance = 0.0;
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  for (const double v : x) {
    powers += std::exp(2.0 * v);
    squares += v * v / n;
    variance += (v - mean) * (v - mean) / n;
  }
  for (const double v : x) {
    soft.push_back(std::exp(2.0 * v) / powers);
    rms.push_back(1.5 * v / std::sqrt(squares + 1e-5));
    layer.push_back(1.5 * (v - mean) / std::sqrt(variance + 1e-5) + 0.25);
    gelus.push_back(0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))));
    silus.push_back(v / (1 + std::exp(-v)));
  }
  expect_near(softmax(binary32, x, 2.0), soft, 2e-6, 1e-9);
  expect_near(rms_norm(binary32, x, gain), rms, 1e-6, 0.0);
  expect_near(layer_norm(binary32, x, gain, bias), layer, 1e-6, 1e-6);
  expect_near(gelu(binary32, x), gelus, 1e-6, 1e-6);
  expect_near(silu(binary32, x), silus, 1e-6, 0.0);
  std::vector<double> products;
  for (std::size_t i = 0; i < x.size(); ++i) products.push_back(silus[i] * gain[i]);
  expect_near(swiglu(binary32, x, gain), products, 1e-6, 0.0);
}

// Every step of a small row in bfloat16, written out.
TEST(Functions, RoundEachStepInBfloat16) {
  const FunctionArithmetic bfloat16 = arithmetic("bfloat16");
  const std::vector<double> x = {0.71, -1.37};
  const double a = bf(0.71), b = bf(-1.37);
  const double e = bf(std::exp(bf(bf(b - a) * bf(0.3))));
  const double s = bf(bf(1.0) + e);
  EXPECT_EQ(softmax(bfloat16, x, 0.3), (std::vector{bf(1.0 / s), bf(e / s)}));

  const double sum = bf(bf(a * a) + bf(b * b));
  const double inverse = bf(1.0 / bf(std::sqrt(bf(bf(sum / 2.0) + bf(1e-5)))));
  const double g = bf(1.1);
  EXPECT_EQ(rms_norm(bfloat16, x, std::vector{1.1, 1.1}),
            (std::vector{bf(bf(a * inverse) * g), bf(bf(b * inverse) * g)}));

  const double silu_a = bf(a * bf(1.0 / bf(1.0 + bf(std::exp(-a)))));
  EXPECT_EQ(silu(bfloat16, std::vector{0.71})[0], silu_a);
  EXPECT_EQ(swiglu(bfloat16, std::vector{0.71}, std::vector{-1.37})[0], bf(silu_a * b));

  const double cube = bf(bf(a * a) * a);
  const double z = bf(bf(std::sqrt(2 / M_PI)) * bf(a + bf(bf(0.044715) * cube)));
  EXPECT_EQ(gelu(bfloat16, std::vector{0.71})[0], bf(bf(a / 2.0) * bf(1.0 + bf(std::tanh(z)))));
}

// A sum in binary32 of values in a narrow format differs from a narrow sum.
TEST(Functions, SumsFollowTheirAccumulator) {
  FunctionArithmetic mixed = arithmetic("e4m3fn");
  mixed.operation.rounding.overflow = Overflow::saturate;
  const FunctionArithmetic narrow = uniform_arithmetic(mixed.operation);
  mixed.sum = uniform_arithmetic(destination("binary32")).sum;
  const std::vector<double> x(64, 0.0);
  EXPECT_EQ(softmax(narrow, x)[0], 1.0 / 16.0);
  EXPECT_EQ(softmax(mixed, x)[0], 1.0 / 64.0);
}

TEST(Functions, SpecialArguments) {
  const FunctionArithmetic binary16 = arithmetic("binary16");
  EXPECT_EQ(softmax(binary16, std::vector{0.0, -kInfinity}), (std::vector{1.0, 0.0}));
  for (const double y : softmax(binary16, std::vector{0.0, std::nan("")})) {
    EXPECT_TRUE(std::isnan(y));
  }
  // exp(20) is beyond binary16: the gate is 1 / infinity.
  EXPECT_EQ(silu(binary16, std::vector{-20.0})[0], 0.0);
  EXPECT_EQ(gelu(binary16, std::vector{-20.0})[0], 0.0);
  // 300^2 is beyond binary16 too.
  EXPECT_EQ(rms_norm(binary16, std::vector{300.0}, std::vector{1.0})[0], 0.0);
}

TEST(Functions, StochasticRoundingNumbersItsSteps) {
  FunctionArithmetic a = arithmetic("bfloat16");
  a.operation.rounding = {Rounding::stochastic, Overflow::infinity, 8};
  a = uniform_arithmetic(a.operation);
  EXPECT_THROW(silu(a, std::vector{0.7}), std::invalid_argument);
  std::vector<int> steps;
  silu(a, std::vector{0.7, 0.8}, [&](int step, std::size_t element) {
    steps.push_back(10 * step + static_cast<int>(element));
    return std::uint64_t{0};
  });
  EXPECT_EQ(steps, (std::vector{0, 1, 10, 11, 20, 21, 30, 31, 40, 41}));
}

TEST(Functions, RejectRowsThatDoNotFit) {
  const FunctionArithmetic a = arithmetic("bfloat16");
  EXPECT_THROW(softmax(a, {}), std::invalid_argument);
  EXPECT_THROW(rms_norm(a, kArguments, std::vector{1.0}), std::invalid_argument);
  EXPECT_THROW(swiglu(a, kArguments, std::vector{1.0}), std::invalid_argument);
}

}  // namespace
}  // namespace halfulp
