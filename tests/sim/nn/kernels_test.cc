// The training kernels: accuracy against the C library in binary64, equal bits on every SIMD
// target, and derivatives against central differences.
#include "sim/nn/kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "sim/random.h"
#include "sim/simd_target.h"

namespace halfulp::nn {
namespace {

template <class T>
std::vector<T> normals(std::uint32_t stream, std::size_t n, double spread = 1.0) {
  std::vector<T> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<T>(spread * random_normal({5, stream, 0, 0}, i));
  }
  return out;
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double gelu(double x) {
  return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
}

/// Softmax of two scores 0 and x through the causal kernel: exp(x) in disguise over its whole
/// range.
TEST(Kernels, ExponentialIsAccurateOverTheWholeRange) {
  for (double x = -87.0; x <= 0.0; x += 0.0137) {
    float row[2] = {0.0F, static_cast<float>(x)};
    kernels<float>().causal_softmax_forward(row, 2, 1, 2, 1, 1.0F);
    const double e = std::exp(static_cast<double>(static_cast<float>(x)));
    EXPECT_NEAR(static_cast<double>(row[1]) / (e / (1.0 + e)), 1.0, 4e-7)
        << x;  // exp, sum, division: 6 half-ulps
  }
}

TEST(Kernels, SoftmaxOfFarScoresIsExactlyZeroAndNanSpreads) {
  float row[3] = {0.0F, -200.0F, 5.0F};
  kernels<float>().causal_softmax_forward(row, 3, 1, 3, 1, 1.0F);
  EXPECT_EQ(row[0], 1.0F);
  EXPECT_EQ(row[1], 0.0F);
  EXPECT_EQ(row[2], 0.0F) << "masked";
  float bad[2] = {std::numeric_limits<float>::quiet_NaN(), 1.0F};
  kernels<float>().causal_softmax_forward(bad, 2, 1, 2, 1, 1.0F);
  EXPECT_TRUE(std::isnan(bad[0]));
  EXPECT_TRUE(std::isnan(bad[1]));
}

TEST(Kernels, GeluMatchesItsFormula) {
  const auto x = normals<float>(1, 1003, 3.0);
  std::vector<float> y(x.size());
  kernels<float>().gelu_forward(x.data(), y.data(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = gelu(static_cast<double>(x[i]));
    EXPECT_NEAR(y[i], exact, 1e-6 * std::fabs(static_cast<double>(x[i]))) << x[i];
  }
}

TEST(Kernels, GeluAndSwigluGradientsMatchCentralDifferences) {
  const std::size_t n = 37;
  const auto x = normals<double>(2, 2 * n, 2.0), dy = normals<double>(3, n);
  std::vector<double> dx(2 * n), y(n);
  const auto check = [&](std::size_t inputs, const std::function<double(std::size_t, double)>& f) {
    for (std::size_t i = 0; i < inputs; ++i) {
      const double h = 1e-6;
      EXPECT_NEAR(dx[i], (f(i, h) - f(i, -h)) / (2 * h), 1e-8);
    }
  };
  kernels<double>().gelu_backward(x.data(), dy.data(), dx.data(), n);
  check(n, [&](std::size_t i, double h) { return dy[i] * gelu(x[i] + h); });
  kernels<double>().swiglu_backward(x.data(), dy.data(), dx.data(), 1, n);
  check(2 * n, [&](std::size_t i, double h) {
    const std::size_t j = i % n;
    const double gate = x[j] + (i < n ? h : 0.0), up = x[n + j] + (i < n ? 0.0 : h);
    return dy[j] * gate * sigmoid(gate) * up;
  });
}

TEST(Kernels, LayerNormGivesMeanZeroAndVarianceOne) {
  const std::size_t cols = 77;
  const auto x = normals<float>(4, cols, 5.0);
  const std::vector<float> gain(cols, 1.0F), bias(cols, 0.0F);
  std::vector<float> y(cols);
  float mean = 0, rstd = 0;
  kernels<float>().norm_forward(Norm::layer_norm, x.data(), gain.data(), bias.data(), y.data(),
                                &mean, &rstd, 1, cols);
  double sum = 0, squares = 0;
  for (const float v : y) {
    sum += static_cast<double>(v);
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  EXPECT_NEAR(sum / cols, 0.0, 1e-6);
  EXPECT_NEAR(squares / cols, 1.0, 1e-5);
}

TEST(Kernels, CrossEntropyOfEqualLogitsIsLogN) {
  std::vector<float> logits(256, 3.0F);
  const unsigned char target = 17;
  float loss = 0;
  kernels<float>().cross_entropy(logits.data(), &target, &loss, 1, 256, true, 1.0F);
  EXPECT_NEAR(loss, std::log(256.0), 1e-6);
  EXPECT_FLOAT_EQ(logits[0], 1.0F / 256.0F);
  EXPECT_FLOAT_EQ(logits[17], 1.0F / 256.0F - 1.0F);
}

TEST(Kernels, RotationPreservesLengthAndInverts) {
  const std::size_t half = 6;
  std::vector<double> cosines(3 * half), sines(3 * half);
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    cosines[i] = std::cos(0.3 * static_cast<double>(i));
    sines[i] = std::sin(0.3 * static_cast<double>(i));
  }
  const auto original = normals<double>(5, 3 * 24);
  auto x = original;
  kernels<double>().rotate_positions(x.data(), 24, 3, 2, 12, 3, cosines.data(), sines.data(),
                                     false);
  EXPECT_NE(x, original);
  EXPECT_NEAR(kernels<double>().sum_of_squares(x.data(), x.size()),
              kernels<double>().sum_of_squares(original.data(), original.size()), 1e-12);
  kernels<double>().rotate_positions(x.data(), 24, 3, 2, 12, 3, cosines.data(), sines.data(), true);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], original[i], 1e-14);
}

TEST(Kernels, AdamWMatchesItsFormula) {
  const std::size_t n = 19;
  auto w = normals<double>(6, n), m = normals<double>(7, n, 0.1), v = normals<double>(8, n);
  for (double& value : v) value = value * value;
  const auto g = normals<double>(9, n);
  const auto w0 = w, m0 = m, v0 = v;
  const AdamWStep step = {0.01, 0.9, 0.95, 1e-8, 0.1, 0.271, 0.142625, 0.5};
  kernels<double>().adamw_update(step, w.data(), g.data(), m.data(), v.data(), n);
  for (std::size_t i = 0; i < n; ++i) {
    const double gi = 0.5 * g[i];
    EXPECT_NEAR(m[i], 0.9 * m0[i] + 0.1 * gi, 1e-15);
    EXPECT_NEAR(v[i], 0.95 * v0[i] + 0.05 * gi * gi, 1e-15);
    const double update = m[i] / 0.271 / (std::sqrt(v[i] / 0.142625) + 1e-8) + 0.1 * w0[i];
    EXPECT_NEAR(w[i], w0[i] - 0.01 * update, 1e-14);
  }
}

/// Runs every kernel on awkward sizes and collects all result bits.
std::vector<std::uint32_t> all_bits() {
  std::vector<std::uint32_t> bits;
  const auto keep = [&](const std::vector<float>& values) {
    for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  };
  const auto& k = kernels<float>();
  for (const std::size_t n : {1UL, 5UL, 16UL, 31UL, 100UL}) {
    const auto x = normals<float>(20, 3 * n, 4.0), gain = normals<float>(21, n),
               dy = normals<float>(22, 6 * n);
    std::vector<float> y(6 * n), mean(3), rstd(3), dgain(n), dbias(n);
    for (const Norm norm : {Norm::layer_norm, Norm::rms_norm}) {
      k.norm_forward(norm, x.data(), gain.data(), gain.data(), y.data(), mean.data(), rstd.data(),
                     3, n);
      keep(y);
      k.norm_backward(norm, x.data(), gain.data(), mean.data(), rstd.data(), dy.data(), y.data(),
                      dgain.data(), dbias.data(), 3, n);
      keep(y), keep(dgain), keep(dbias), keep(rstd);
    }
    k.gelu_forward(x.data(), y.data(), n), keep(y);
    k.gelu_backward(x.data(), dy.data(), y.data(), n), keep(y);
    k.swiglu_forward(dy.data(), y.data(), 3, n), keep(y);
    k.swiglu_backward(dy.data(), x.data(), y.data(), 3, n), keep(y);
    const std::size_t width = 2 * n + 2;
    auto p = normals<float>(25, 3 * width), dp = normals<float>(23, 3 * width);
    k.causal_softmax_forward(p.data(), width, 3, width, n - 1, 0.3F), keep(p);
    k.causal_softmax_backward(p.data(), dp.data(), width, 3, width, n - 1, 0.3F), keep(dp);
    auto logits = x;
    const unsigned char targets[3] = {0, 0, 0};
    k.cross_entropy(logits.data(), targets, rstd.data(), 3, n, true, 0.125F);
    keep(logits), keep(rstd);
    k.add(x.data(), dy.data(), y.data(), 3 * n), keep(y);
    y[0] = static_cast<float>(k.sum_of_squares(dy.data(), 6 * n)), keep(y);
    auto w = x, m = gain, v = normals<float>(24, n);
    for (float& value : v) value *= value;
    k.adamw_update({0.01, 0.9, 0.95, 1e-8, 0.1, 0.1, 0.05, 0.7}, w.data(), dy.data(), m.data(),
                   v.data(), n);
    keep(w), keep(m), keep(v);
  }
  return bits;
}

TEST(Kernels, EveryTargetGivesTheSameBits) {
  const auto expected = all_bits();
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    EXPECT_EQ(all_bits(), expected) << target;
  }
  force_simd_target("");
}

}  // namespace
}  // namespace halfulp::nn
