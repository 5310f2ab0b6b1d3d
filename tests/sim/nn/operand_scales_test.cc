// Where scales come from, against definitions in binary64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/nn/operand_scales.h"
#include "tests/sim/nn/operand_samples.h"

namespace halfulp::nn {
namespace {

using testing::normals;
using testing::operand;
using testing::quantized;
using testing::relative_error;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

float rounded(const char* format, float x, float multiplier, float scale) {
  const float product = x * multiplier;
  return static_cast<float>(round(parse_format(format), {}, static_cast<double>(product), 0)) *
         scale;
}

void expect_rounded(const std::vector<float>& q, const std::vector<float>& x, const char* format,
                    float multiplier) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(q[i], rounded(format, x[i], multiplier, 1.0F / multiplier)) << i;
  }
}

// With an estimator the scales are made outside of the quantizer, by the same rules.
TEST(OperandScales, CurrentScalesEqualTheQuantizersOwn) {
  std::vector<float> x = normals(1, 24 * 40);
  for (std::size_t i = 0; i < 40; ++i) x[80 + i] = 0.0F;
  const std::vector<float> finite = x;
  x[300] = kNan;
  x[701] = kInfinity;
  for (const char* granularity : {"tensor", "row", "column", "group(16)", "group(16,columns)",
                                  "tile(4,8)", "row+scale_power_of_two", "row+stochastic(9)"}) {
    for (const std::vector<float>& input : {finite, x}) {
      const std::string text = std::string("e4m3fn+") + granularity;
      const RandomStream stream = {3, 4, 5, 6};
      std::vector<float> expected(x.size());
      Quantizer(parse_quantizer(text))
          .quantize({input.data(), 24, 40, 40}, {expected.data(), 24, 40, 40}, stream);
      OperandQuantizer own = operand(text + "+clipped");
      const std::vector<float> q = quantized(own, input, 40, {.rounding = stream});
      for (std::size_t i = 0; i < q.size(); ++i) {
        ASSERT_TRUE(q[i] == expected[i] || (std::isnan(q[i]) && std::isnan(expected[i])))
            << text << " " << i;
      }
    }
  }
}

// TransformerEngine's delayed scaling, step by step: what a step sees is the past alone.
TEST(OperandScales, DelayedScalesFollowEarlierSteps) {
  for (const bool is_max : {true, false}) {
    OperandQuantizer own = operand(is_max ? "e4m3fn+delayed(3)" : "e4m3fn+delayed(3,most_recent)");
    std::vector<float> history;
    float multiplier = 1.0F;
    const float sizes[] = {1, 1, 16, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2};
    for (std::size_t step = 0; step < std::size(sizes); ++step) {
      std::vector<float> x = normals(static_cast<std::uint32_t>(step), 64);
      float largest = 0.0F;
      for (const float value : x) largest = std::max(largest, std::abs(value));
      for (float& value : x) value = value / largest * sizes[step];
      float amax = 0.0F;
      for (const float value : x) amax = std::max(amax, std::abs(value));
      float past = 0.0F;
      const std::size_t first = history.size() > 3 ? history.size() - 3 : 0;
      for (std::size_t i = first; i < history.size(); ++i) past = std::max(past, history[i]);
      if (!is_max && !history.empty()) past = history.back();
      if (past > 0.0F) multiplier = 448.0F / past;
      expect_rounded(quantized(own, x, 8), x, "e4m3fn", multiplier);
      history.push_back(amax);
      // Evaluation draws on the new history and leaves it as it is.
      float next = multiplier;
      const std::size_t begin = history.size() > 3 ? history.size() - 3 : 0;
      past = is_max ? 0.0F : amax;
      for (std::size_t i = begin; is_max && i < history.size(); ++i) {
        past = std::max(past, history[i]);
      }
      if (past > 0.0F) next = 448.0F / past;
      for (int repeat = 0; repeat < 2; ++repeat) {
        const std::vector<float> big(8, 100.0F);
        expect_rounded(quantized(own, big, 8, {.is_training = false}), big, "e4m3fn", next);
      }
    }
  }
}

// A jump by 16 clips for one refresh of the history; current scaling does not.
TEST(OperandScales, DelayedScalesClipAfterAJump) {
  OperandQuantizer delayed = operand("e4m3fn+delayed(1024)"), current = operand("e4m3fn+clipped");
  const std::vector<float> x = normals(7, 4096);
  std::vector<float> jump = x;
  for (float& value : jump) value *= 16.0F;
  for (int step = 0; step < 3; ++step) quantized(delayed, x, 64);
  EXPECT_LT(relative_error(x, quantized(delayed, x, 64)), 1e-3);
  EXPECT_GT(relative_error(jump, quantized(delayed, jump, 64)), 0.3);
  EXPECT_LT(relative_error(jump, quantized(delayed, jump, 64)), 1e-3);
  EXPECT_LT(relative_error(jump, quantized(current, jump, 64)), 1e-3);
}

TEST(OperandScales, TensorsThatAreNotFiniteStayVisibleAndDoNotEnterTheHistory) {
  OperandQuantizer own = operand("e4m3fn+delayed(8)");
  std::vector<float> x(16, 2.0F);
  quantized(own, x, 4);
  std::vector<float> bad = x;
  bad[3] = kInfinity;
  for (const float value : quantized(own, bad, 4)) EXPECT_TRUE(std::isnan(value));
  expect_rounded(quantized(own, x, 4), x, "e4m3fn", 224.0F);
}

TEST(OperandScales, MarginsAndRangesShrinkTheMultiplier) {
  const std::vector<float> x = {1.0F, -0.3F, 0.25F, 0.01F};
  expect_rounded(quantized("e4m3fn+margin(3)", x, 4), x, "e4m3fn", 56.0F);
  expect_rounded(quantized("e4m3fn+range(0.75)", x, 4), x, "e4m3fn", 336.0F);
  expect_rounded(quantized("e4m3fn+scale_power_of_two+margin(1)", x, 4), x, "e4m3fn", 128.0F);
  expect_rounded(quantized("e4m3fn+fixed(0.5)", x, 4), x, "e4m3fn", 2.0F);
  const std::vector<float> large = {1000.0F, -600.0F, 1.0F, 0.0F};
  expect_rounded(quantized("e4m3fn+fixed(1)", large, 4), large, "e4m3fn", 1.0F);
}

double error_at(const std::vector<float>& x, const char* format, float multiplier) {
  double sum = 0.0;
  for (const float value : x) {
    const double q = static_cast<double>(rounded(format, value, multiplier, 1.0F / multiplier));
    sum += (static_cast<double>(value) - q) * (static_cast<double>(value) - q);
  }
  return sum;
}

TEST(OperandScales, MseClipsWhereTheErrorIsLeast) {
  for (std::size_t row = 0; row < 4; ++row) {
    std::vector<float> x = normals(static_cast<std::uint32_t>(row + 20), 256);
    float amax = 0.0F;
    for (const float value : x) amax = std::max(amax, std::abs(value));
    double least = 1e300;
    float best = 1.0F;
    for (int i = 16; i > 0; --i) {
      const float clip = amax * (static_cast<float>(i) / 16.0F);
      const double error = error_at(x, "int4sym", 7.0F / clip);
      if (error < least) {
        least = error;
        best = 7.0F / clip;
      }
    }
    EXPECT_LT(best * amax, 7.0F * 16.0F);
    expect_rounded(quantized("int4sym+row+mse(16)", x, 256), x, "int4sym", best);
  }
}

TEST(OperandScales, PercentilesClipAQuantileOfTheMagnitudes) {
  const std::vector<float> x = normals(9, 1000);
  std::vector<float> sorted;
  for (const float value : x) sorted.push_back(std::abs(value));
  std::sort(sorted.begin(), sorted.end());
  expect_rounded(quantized("int8sym+percentile(0.99)", x, 50), x, "int8sym", 127.0F / sorted[989]);
  expect_rounded(quantized("int8sym+percentile(1)", x, 50), x, "int8sym", 127.0F / sorted[999]);
}

TEST(OperandScales, NormalStepsAreTheKnownConstants) {
  EXPECT_NEAR(normal_step(parse_format("e2m1fn")), 0.487079, 1e-6);
  EXPECT_NEAR(normal_step(parse_format("int4sym")) * 7.0F, 2.4739, 2e-4);
}

/// Relative squared error of E2M1 in blocks of 32 under scales 2^f(log2(0.487080 rms)), by search
/// among the numbers of the format.
double by_definition(const std::vector<float>& x, bool floors) {
  constexpr double kNumbers[] = {0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0};
  double error = 0.0, signal = 0.0;
  for (std::size_t i = 0; i < x.size(); i += 32) {
    double squares = 0.0;
    for (std::size_t j = i; j < i + 32; ++j) squares += std::pow(static_cast<double>(x[j]), 2);
    const double log = std::log2(0.487080 * std::sqrt(squares / 32.0));
    const double scale = std::exp2(floors ? std::floor(log) : std::round(log));
    for (std::size_t j = i; j < i + 32; ++j) {
      double least = 1e300;
      for (const double number : kNumbers) {
        least = std::min(least, std::abs(std::abs(static_cast<double>(x[j])) - number * scale));
      }
      error += least * least;
    }
    signal += squares;
  }
  return error / signal;
}

// Flooring costs about 2 dB against the nearest power of two. An independent computation's
// averages over phases are 0.01337 and 0.02223.
TEST(OperandScales, FlooredAndRoundedPowersOfTwoAfterTheRootMeanSquare) {
  std::map<std::string, double> sums;
  for (int phase = 0; phase < 16; ++phase) {
    const std::vector<float> x = normals(40, 1 << 16, std::exp2(phase / 16.0));
    for (const char* text : {"mxfp4+rms(nearest)", "mxfp4+rms(floor)", "e2m1fn+group(32)+rms",
                             "e2m1fn+group(32)+scale_power_of_two+rms"}) {
      sums[text] += relative_error(x, quantized(text, x, 256)) / 16.0;
    }
    sums["nearest"] += by_definition(x, false) / 16.0;
    sums["floor"] += by_definition(x, true) / 16.0;
  }
  EXPECT_NEAR(sums["mxfp4+rms(nearest)"], sums["nearest"], 1e-7);
  EXPECT_NEAR(sums["mxfp4+rms(floor)"], sums["floor"], 1e-7);
  EXPECT_NEAR(sums["nearest"], 0.01337, 0.01337 * 0.02);
  EXPECT_NEAR(sums["floor"], 0.02223, 0.02223 * 0.05);
  EXPECT_EQ(sums["e2m1fn+group(32)+scale_power_of_two+rms"], sums["mxfp4+rms(nearest)"]);
  EXPECT_NEAR(sums["e2m1fn+group(32)+rms"], 0.0126849, 0.0126849 * 0.04);
}

// TriLM (arXiv 2407.12327, 3.1): clip(round(w / mean|w|)) mean|w|; BiLM: sign(w) mean|w|.
TEST(OperandScales, TernaryAndBinaryWeightsHaveTheMeanMagnitude) {
  const std::vector<float> x = normals(41, 1000, 3.0);
  double sum = 0.0;
  for (const float value : x) sum += std::fabs(static_cast<double>(value));
  const auto scale = static_cast<float>(sum / 1000.0);
  const std::vector<float> ternary = quantized("ternary+absmean", x, 50);
  const std::vector<float> binary = quantized("binary+absmean", x, 50);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float steps = std::fabs(x[i]) < 0.5F * scale ? 0.0F : 1.0F;
    ASSERT_EQ(std::fabs(ternary[i]), steps * scale) << x[i];
    ASSERT_EQ(binary[i], std::copysign(scale, x[i])) << x[i];
  }
}

// The range's 3/4 leaves room for stochastic rounding: the mean over all draws is the number.
TEST(OperandScales, ThreeQuartersOfTheRangeMakeStochasticRoundingUnbiased) {
  const Format e2m1 = parse_format("e2m1fn");
  const RoundSpec stochastic = {.rounding = Rounding::stochastic, .random_bits = 8};
  std::vector<float> x;
  for (int i = -64; i <= 64; ++i) x.push_back(static_cast<float>(i) / 64.0F);
  OperandQuantizer own = operand("e2m1fn+stochastic(8)+range(0.75)");
  for (std::uint32_t step = 0; step < 4; ++step) {
    const RandomStream stream = {1, 3, 0, step};
    const std::vector<float> q = quantized(own, x, x.size(), {.rounding = stream});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = static_cast<double>(x[i] * 4.5F);
      const float expected =
          static_cast<float>(round(e2m1, stochastic, v, random_bits(stream, i, 8)));
      ASSERT_EQ(q[i], expected * (1.0F / 4.5F));
    }
  }
  for (const float value : x) {
    const double v = static_cast<double>(value) * 4.5;
    double mean = 0.0;
    for (std::uint64_t r = 0; r < 256; ++r) mean += round(e2m1, stochastic, v, r) / 256.0;
    EXPECT_EQ(mean, v);
  }
}

TEST(OperandScales, LearnedScalesStartFromTheFirstTrainingTensor) {
  const std::vector<float> x = normals(11, 4 * 32);
  for (const char* text : {"int4sym+row+learned", "int4sym+row+learned_clip"}) {
    OperandQuantizer own = operand(text);
    EXPECT_EQ(own.learned_count(4, 32), 4U);
    std::vector<float> scales(4, 0.0F);
    const bool is_clip = std::string(text).find("clip") != std::string::npos;
    quantized(own, x, 32, {.is_training = false, .given = scales.data()});
    EXPECT_EQ(scales, std::vector<float>(4, 0.0F));
    quantized(own, x, 32, {.given = scales.data()});
    for (std::size_t r = 0; r < 4; ++r) {
      double sum = 0.0, amax = 0.0;
      for (std::size_t c = 0; c < 32; ++c) {
        const double magnitude = std::abs(static_cast<double>(x[r * 32 + c]));
        sum += magnitude;
        amax = std::max(amax, magnitude);
      }
      EXPECT_NEAR(scales[r], is_clip ? amax : 2.0 * sum / 32.0 / std::sqrt(7.0), 1e-6);
    }
    const std::vector<float> kept = scales;
    quantized(own, x, 32, {.given = scales.data()});
    EXPECT_EQ(scales, kept);
  }
}

}  // namespace
}  // namespace halfulp::nn
