// Gradient estimators, against finite differences of their surrogates and counts by definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "sim/hadamard.h"
#include "tests/sim/nn/operand_samples.h"

namespace halfulp::nn {
namespace {

using testing::normals;
using testing::operand;
using testing::quantized;

/// d out / d in, as the gradient of the sum of all elements.
std::vector<float> slopes(const std::string& text, const std::vector<float>& x, std::size_t cols) {
  OperandQuantizer own = operand(text);
  quantized(own, x, cols, {.keeps_slopes = true});
  std::vector<float> gradient(x.size(), 1.0F);
  own.backward(gradient.data(), x.size() / cols, cols, nullptr, 1.0);
  return gradient;
}

constexpr double kE2m1[] = {-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6};

/// The surrogate of DGE on the interval that holds v.
double surrogate(double v, double k) {
  const double* upper = std::upper_bound(std::begin(kE2m1), std::end(kE2m1), v);
  upper = std::min(upper, std::end(kE2m1) - 1);
  const double low = upper[-1], width = *upper - low;
  const double u = 2.0 * (v - low) / width - 1.0;
  return low + width / 2.0 * (1.0 + std::copysign(std::pow(std::abs(u), 1.0 / k), u));
}

TEST(Dge, SlopesAreDerivativesOfTheSurrogateUpToTheCap) {
  std::vector<float> x;
  for (int i = -599; i < 600; i += 7) x.push_back(static_cast<float>(i) / 100.0F);
  const std::vector<float> slope = slopes("e2m1fn+fixed(1)+dge(5,3)", x, x.size());
  int capped = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]), h = 1e-7;
    const double expected = (surrogate(v + h, 5.0) - surrogate(v - h, 5.0)) / (2.0 * h);
    if (expected > 3.0) {
      ++capped;
      EXPECT_EQ(slope[i], 3.0F) << x[i];
    } else {
      EXPECT_NEAR(static_cast<double>(slope[i]), expected, 1e-4 * expected) << x[i];
    }
  }
  EXPECT_GT(capped, 3);
}

// arXiv 2501.17116, 3.1: with cap 3 the mean slope over an interval is 0.5935, 0.7778 for k = 3,
// 0.3832 for k = 10.
TEST(Dge, MeanSlopes) {
  constexpr int kPoints = 20000;
  std::vector<float> x(kPoints);
  for (int i = 0; i < kPoints; ++i) {
    x[static_cast<std::size_t>(i)] = static_cast<float>(4.0 + 2.0 * (i + 0.5) / kPoints);
  }
  const auto mean = [&](const std::string& text) {
    double sum = 0.0;
    for (const float slope : slopes(text, x, 100)) sum += static_cast<double>(slope);
    return sum / kPoints;
  };
  EXPECT_NEAR(mean("e2m1fn+fixed(1)+dge(5,3)"), 0.5935, 2e-4);
  EXPECT_NEAR(mean("e2m1fn+fixed(1)+dge(3,3)"), 0.7778, 2e-4);
  EXPECT_NEAR(mean("e2m1fn+fixed(1)+dge(10,3)"), 0.3832, 2e-4);
}

TEST(Dge, TheLargestElementHasTheSlopeOfTheEdge) {
  const std::vector<float> x = {0.3F, -0.7F, 0.1F, 0.7F};
  const std::vector<float> slope = slopes("e2m1fn+row+dge(5,3)", x, 4);
  EXPECT_NEAR(slope[3], 0.2, 1e-3);
  EXPECT_NEAR(slope[1], 0.2, 1e-3);
}

TEST(Clipped, StopsTheGradientWhereTheNumberSaturates) {
  const std::vector<float> x = {-449.0F, -448.0F, -1.0F, 0.0F, 448.0F, 448.5F, 1e9F, 3.0F};
  EXPECT_EQ(slopes("e4m3fn+fixed(1)+clipped", x, 8), (std::vector<float>{0, 1, 1, 1, 1, 0, 0, 1}));
  const std::vector<float> y = normals(1, 64);
  EXPECT_EQ(slopes("e4m3fn+row+clipped", y, 8), std::vector<float>(64, 1.0F));
  EXPECT_EQ(slopes("e4m3fn+row+straight_through", y, 8), std::vector<float>(64, 1.0F));
}

// QuEST: |x_q - x| <= T rms with half a step; Quartet: |x / s| < the largest number.
TEST(Trust, MasksByErrorAndByMagnitude) {
  const std::vector<float> x = normals(3, 32 * 64);
  const std::vector<float> q = quantized("int4sym+row+rms", x, 64);
  const std::vector<float> integer = slopes("int4sym+row+rms+trust", x, 64);
  const std::vector<float> wider = slopes("int4sym+row+rms+trust(0.4)", x, 64);
  const std::vector<float> floats = slopes("e2m1fn+row+rms+trust", x, 64);
  int stopped = 0, stopped_floats = 0;
  for (std::size_t r = 0; r < 32; ++r) {
    double squares = 0.0;
    for (std::size_t c = 0; c < 64; ++c) {
      squares += std::pow(static_cast<double>(x[r * 64 + c]), 2);
    }
    const double rms = std::sqrt(squares / 64.0);
    for (std::size_t i = r * 64; i < r * 64 + 64; ++i) {
      const double error = std::abs(static_cast<double>(q[i]) - static_cast<double>(x[i]));
      const double half_step = 2.4739 / 14.0;
      if (std::abs(error / rms - half_step) > 1e-4) {
        EXPECT_EQ(integer[i], error < half_step * rms ? 1.0F : 0.0F);
      }
      EXPECT_EQ(wider[i], error < 0.4 * rms ? 1.0F : 0.0F);
      const double v = std::abs(static_cast<double>(x[i])) / (0.487080 * rms);
      if (std::abs(v - 6.0) > 1e-3) {
        EXPECT_EQ(floats[i], v < 6.0 ? 1.0F : 0.0F);
      }
      stopped += integer[i] == 0.0F ? 1 : 0;
      stopped_floats += floats[i] == 0.0F ? 1 : 0;
    }
  }
  EXPECT_GT(stopped, 10);
  EXPECT_GT(stopped_floats, 2);
}

// (g . M) H^T with g already in the rotated basis: here g is given in the plain one.
TEST(Trust, GradientsOfRotatedOperandsAreMaskedInTheirBasis) {
  const std::size_t n = 32;
  const std::vector<float> x = normals(4, n), g = normals(5, n);
  const std::vector<float> signs = random_signs({.seed = 3}, n);
  OperandQuantizer own = operand("mxfp4(axis=rows)+rms(floor)+hadamard(32,random)+trust");
  quantized(own, x, n, {.signs = signs, .keeps_slopes = true});
  std::vector<float> gradient = g;
  own.backward(gradient.data(), 1, n, nullptr, 1.0);

  const auto basis = [&](std::size_t i, std::size_t j) {
    const bool is_odd = __builtin_popcountll(i & j) % 2 == 1;
    return static_cast<double>(signs[i]) * (is_odd ? -1.0 : 1.0) / std::sqrt(32.0);
  };
  std::vector<double> rotated(n, 0.0), masked(n, 0.0);
  double squares = 0.0;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i) {
      rotated[j] += static_cast<double>(x[i]) * basis(i, j);
      masked[j] += static_cast<double>(g[i]) * basis(i, j);
    }
    squares += rotated[j] * rotated[j];
  }
  const double scale = std::exp2(std::floor(std::log2(0.487080 * std::sqrt(squares / 32.0))));
  int stopped = 0;
  for (std::size_t j = 0; j < n; ++j) {
    if (std::abs(rotated[j] / scale) < 6.0) continue;
    masked[j] = 0.0;
    ++stopped;
  }
  EXPECT_GT(stopped, 0);
  for (std::size_t i = 0; i < n; ++i) {
    double expected = 0.0;
    for (std::size_t j = 0; j < n; ++j) expected += masked[j] * basis(i, j);
    EXPECT_NEAR(static_cast<double>(gradient[i]), expected, 1e-5);
  }
}

/// sum g q with every rounding error e = round(v) - v held: the surrogate of LSQ; PACT: the clamp.
double held(const std::vector<float>& x, const std::vector<float>& g, double at, double moved,
            bool is_clip) {
  const double step0 = is_clip ? at / 7.0 : at, step = is_clip ? moved / 7.0 : moved;
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]);
    const double code = std::nearbyint(std::clamp(v / step0, -7.0, 7.0));
    const bool is_inside = std::abs(v / step0) <= 7.0;
    double q = is_inside ? v + (code - v / step0) * step : code * step;
    if (is_clip && is_inside) q = v;
    sum += static_cast<double>(g[i]) * q;
  }
  return sum;
}

TEST(Learned, GradientsAreDerivativesOfTheSurrogates) {
  const std::vector<float> x = normals(6, 4 * 64), g = normals(7, 4 * 64);
  for (const bool is_clip : {false, true}) {
    OperandQuantizer own = operand(is_clip ? "int4sym+row+learned_clip" : "int4sym+row+learned");
    std::vector<float> scales = {0.2F, 0.21F, 0.3F, 0.15F}, gradients(4);
    for (float& scale : scales) scale *= is_clip ? 7.0F : 1.0F;
    quantized(own, x, 64, {.given = scales.data(), .keeps_slopes = true});
    std::vector<float> dx = g;
    own.backward(dx.data(), 4, 64, gradients.data(), 0.5);
    for (std::size_t r = 0; r < 4; ++r) {
      const auto begin = static_cast<std::ptrdiff_t>(r * 64);
      const std::vector<float> row(x.begin() + begin, x.begin() + begin + 64);
      const std::vector<float> own_g(g.begin() + begin, g.begin() + begin + 64);
      const double at = static_cast<double>(scales[r]), h = 1e-6;
      const double expected =
          (held(row, own_g, at, at + h, is_clip) - held(row, own_g, at, at - h, is_clip)) /
          (2.0 * h);
      EXPECT_NEAR(static_cast<double>(gradients[r]), 0.5 * expected, 1e-4) << is_clip;
      EXPECT_NE(gradients[r], 0.0F);
      for (std::size_t c = 0; c < 64; ++c) {
        const double step = is_clip ? at / 7.0 : at;
        const bool is_inside = std::abs(static_cast<double>(row[c])) <= 7.0 * step;
        EXPECT_EQ(dx[r * 64 + c], is_inside ? own_g[c] : 0.0F);
      }
    }
  }
}

// The clamp's rest is given back, and its gradient with it; what is dropped is saturated.
TEST(Clamp, SlopesOfWhatWasCutOff) {
  const std::vector<float> x = normals(8, 1000);
  const auto count = [&](const char* text) {
    const std::vector<float> slope = slopes(text, x, 100);
    return std::count(slope.begin(), slope.end(), 0.0F);
  };
  EXPECT_EQ(count("int8+clamp(0.99,compensate)+clipped"), 0);
  EXPECT_EQ(count("int8+clamp(0.99,drop)+clipped"), 20);
}

}  // namespace
}  // namespace halfulp::nn
