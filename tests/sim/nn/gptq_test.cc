// GPTQ against a direct solution: after each column the optimal brain surgeon's update with the
// inverse of what is left, computed anew in long double.
#include "sim/nn/gptq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>

#include "sim/nn/fixed_scales.h"
#include "sim/nn/operand_quantizer.h"
#include "sim/random.h"

namespace halfulp::nn {
namespace {

using Real = long double;
using Table = std::vector<std::vector<Real>>;

/// Of a symmetric positive definite matrix, by Gauss and Jordan.
Table inverse(Table a) {
  const std::size_t n = a.size();
  Table b(n, std::vector<Real>(n, 0));
  for (std::size_t i = 0; i < n; ++i) b[i][i] = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const Real pivot = a[i][i];
    for (std::size_t j = 0; j < n; ++j) a[i][j] /= pivot, b[i][j] /= pivot;
    for (std::size_t k = 0; k < n; ++k) {
      if (k == i) continue;
      const Real factor = a[k][i];
      for (std::size_t j = 0; j < n; ++j) a[k][j] -= factor * a[i][j], b[k][j] -= factor * b[i][j];
    }
  }
  return b;
}

struct Layer {
  std::size_t outputs, inputs;
  std::vector<float> weights, x;
  std::size_t samples;

  Matrix matrix() { return {weights.data(), outputs, inputs, inputs}; }

  ConstMatrix data() const { return {x.data(), samples, inputs, inputs}; }

  std::vector<double> hessian() const {
    LayerHessian sum(inputs);
    sum.add(data());
    return sum.value();
  }
};

/// Normal weights; inputs of an autoregression with coefficient rho along the features.
Layer make_layer(std::size_t outputs, std::size_t inputs, std::size_t samples, double rho,
                 std::uint64_t seed) {
  Layer layer{outputs, inputs, std::vector<float>(outputs * inputs),
              std::vector<float>(samples * inputs), samples};
  const RandomStream stream = {seed, 77, 0, 0};
  for (std::size_t i = 0; i < layer.weights.size(); ++i) {
    layer.weights[i] = static_cast<float>(0.1 * random_normal(stream, i));
  }
  const RandomStream inner = {seed, 78, 0, 0};
  for (std::size_t s = 0; s < samples; ++s) {
    double last = 0.0;
    for (std::size_t c = 0; c < inputs; ++c) {
      const double noise = random_normal(inner, s * inputs + c);
      last = c == 0 ? noise : rho * last + std::sqrt(1.0 - rho * rho) * noise;
      layer.x[s * inputs + c] = static_cast<float>(last);
    }
  }
  return layer;
}

std::vector<float> plainly_rounded(const char* spec, Layer layer) {
  OperandQuantizer quantizer(with_reduction(parse_operand(spec), false), false);
  quantizer.quantize(layer.matrix(), layer.matrix(), {.is_training = false});
  return layer.weights;
}

std::vector<float> rounded(const GptqSpec& spec, Layer layer, const std::vector<double>& hessian) {
  gptq(spec, layer.matrix(), hessian);
  return layer.weights;
}

/// Scales as groups of `width` columns find them; order: by descending diagonal or as it is.
std::vector<float> by_brain_surgeon(const GptqSpec& spec, const Layer& layer,
                                    const std::vector<double>& hessian, std::size_t width) {
  const std::size_t n = layer.inputs;
  Table h(n, std::vector<Real>(n));
  Real mean = 0;
  for (std::size_t i = 0; i < n; ++i) mean += static_cast<Real>(hessian[i * n + i]) / Real(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) h[i][j] = static_cast<Real>(hessian[i * n + j]);
    h[i][i] += static_cast<Real>(spec.damping) * mean;
  }
  Table w(layer.outputs, std::vector<Real>(n));
  for (std::size_t i = 0; i < layer.weights.size(); ++i) {
    w[i / n][i % n] = static_cast<Real>(layer.weights[i]);
  }
  std::vector<float> result(layer.weights.size());
  std::vector<std::size_t> open(n);
  std::iota(open.begin(), open.end(), std::size_t{0});
  FixedScales scales(spec.weight);
  scales.fix({layer.weights.data(), layer.outputs, n, n});
  while (!open.empty()) {
    std::size_t at = 0;
    for (std::size_t k = 1; k < open.size() && spec.by_diagonal; ++k) {
      if (hessian[open[k] * n + open[k]] > hessian[open[at] * n + open[at]]) at = k;
    }
    const std::size_t q = open[at];
    if (width != 0 && q % width == 0) {
      const std::size_t cols = std::min(width, n - q);
      std::vector<float> group;
      for (std::size_t r = 0; r < layer.outputs; ++r) {
        for (std::size_t c = 0; c < cols; ++c) group.push_back(static_cast<float>(w[r][q + c]));
      }
      scales.fix({group.data(), layer.outputs, cols, cols});
    }
    Table left(open.size(), std::vector<Real>(open.size()));
    for (std::size_t i = 0; i < open.size(); ++i) {
      for (std::size_t j = 0; j < open.size(); ++j) left[i][j] = h[open[i]][open[j]];
    }
    const Table inv = inverse(left);
    std::vector<float> column(layer.outputs), codes(layer.outputs);
    for (std::size_t r = 0; r < layer.outputs; ++r) column[r] = static_cast<float>(w[r][q]);
    scales.round_column(width == 0 ? q : q % width, column.data(), codes.data());
    for (std::size_t r = 0; r < layer.outputs; ++r) {
      result[r * n + q] = codes[r];
      const Real error = (w[r][q] - static_cast<Real>(codes[r])) / inv[at][at];
      for (std::size_t j = 0; j < open.size(); ++j) w[r][open[j]] -= error * inv[at][j];
    }
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return result;
}

constexpr const char* kSpecs[] = {
    "int4+row",           "int3+row+mse",   "int4+group(8)", "e2m1fn+group(4)",
    "nf4+group(8)",       "mxfp4(block=8)", "nvfp4",         "grouped(int4,8,zero_point=min_max)",
    "grouped(bnb_fp4,4)", "e4m3fn",         "int8",          "ternary+row+absmean",
    "bfloat16",           "int4+tile(4,8)"};

TEST(FixedScales, RoundWhatWasFixedAsTheOperandDoes) {
  Layer layer = make_layer(6, 20, 1, 0.0, 3);
  layer.weights[5] = 0.0F;
  std::fill_n(layer.weights.begin() + 40, 8, 0.0F);
  for (const char* text : kSpecs) {
    FixedScales scales(parse_operand(text));
    scales.fix(layer.matrix());
    const std::vector<float> expected = plainly_rounded(text, layer);
    for (std::size_t c = 0; c < layer.inputs; ++c) {
      std::vector<float> column(layer.outputs);
      for (std::size_t r = 0; r < 6; ++r) column[r] = layer.weights[r * 20 + c];
      scales.round_column(c, column.data(), column.data());
      for (std::size_t r = 0; r < 6; ++r) EXPECT_EQ(column[r], expected[r * 20 + c]) << text;
    }
  }
}

TEST(FixedScales, OtherNumbersKeepTheScales) {
  // The largest magnitude 7 makes the scale 1 for int4; 9 saturates, 2.6 goes to a whole number.
  const std::vector<float> fixed = {7.0F, 1.0F, -3.0F, 2.0F};
  for (const char* text : {"int4+row", "block(int4,4,scale=binary32:exact)", "int4+group(4)"}) {
    FixedScales scales(parse_operand(text));
    scales.fix({fixed.data(), 1, 4, 4});
    const float in[] = {9.0F, 2.6F, -0.4F};
    float out[3];
    for (std::size_t i = 0; i < 3; ++i) scales.round_column(i, in + i, out + i);
    EXPECT_EQ(out[0], 7.0F) << text;
    EXPECT_EQ(out[1], 3.0F) << text;
    EXPECT_EQ(out[2], 0.0F) << text;
  }
}

TEST(FixedScales, GroupsAreToldFromRows) {
  const auto columns = [](const char* text) {
    return FixedScales(parse_operand(text)).group_columns();
  };
  EXPECT_EQ(columns("int4+row"), 0U);
  EXPECT_EQ(columns("int4"), 0U);
  EXPECT_EQ(columns("bfloat16"), 0U);
  EXPECT_EQ(columns("nvfp4"), 0U);  // the tensor's scale is for all
  EXPECT_EQ(columns("int4+group(16)"), 16U);
  EXPECT_EQ(columns("mxfp4"), 32U);
  EXPECT_EQ(columns("int4+column"), 1U);
}

TEST(FixedScales, WhatNeedsMoreThanWeightsIsRefused) {
  for (const char* text : {"int4+row+stochastic(8)", "mxfp4+hadamard(32)", "int4+row+learned",
                           "e4m3fn+delayed(4)", "int4+clamp(0.9)", "int8+smooth(0.5)"}) {
    EXPECT_THROW(FixedScales(parse_operand(text)), std::invalid_argument) << text;
  }
}

TEST(Gptq, EqualsTheBrainSurgeon) {
  for (const double rho : {0.0, 0.8}) {
    const Layer layer = make_layer(5, 16, 60, rho, 11);
    const std::vector<double> hessian = layer.hessian();
    for (const char* text : kSpecs) {
      GptqSpec spec{parse_operand(text)};
      for (const bool by_diagonal : {false, true}) {
        spec.by_diagonal = by_diagonal;
        spec.static_scales = true;
        EXPECT_EQ(rounded(spec, layer, hessian), by_brain_surgeon(spec, layer, hessian, 0)) << text;
      }
      spec.by_diagonal = spec.static_scales = false;
      const std::size_t width = FixedScales(spec.weight).group_columns();
      EXPECT_EQ(rounded(spec, layer, hessian), by_brain_surgeon(spec, layer, hessian, width))
          << text;
    }
  }
}

TEST(Gptq, IdentityHessianIsPlainRounding) {
  const Layer layer = make_layer(7, 24, 1, 0.0, 5);
  std::vector<double> identity(24 * 24, 0.0);
  for (std::size_t i = 0; i < 24; ++i) identity[i * 25] = 1.0;
  for (const char* text : kSpecs) {
    for (const bool by_diagonal : {false, true}) {
      const GptqSpec spec{parse_operand(text), 0.01, by_diagonal, false};
      EXPECT_EQ(rounded(spec, layer, identity), plainly_rounded(text, layer)) << text;
    }
  }
}

/// Mean error of GPTQ over that of plain rounding, on the inputs that it was calibrated on.
double error_ratio(const char* text, double rho) {
  double ratios = 0.0;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Layer layer = make_layer(64, 128, 512, rho, seed);
    const std::vector<double> hessian = layer.hessian();
    std::vector<float> fine = rounded({parse_operand(text)}, layer, hessian);
    std::vector<float> plain = plainly_rounded(text, layer);
    const auto view = [](std::vector<float>& w) { return ConstMatrix{w.data(), 64, 128, 128}; };
    ratios += output_error(layer.matrix(), view(fine), hessian) /
              output_error(layer.matrix(), view(plain), hessian);
  }
  return ratios / 3.0;
}

// The measured shares are of independent code on such data (128 inputs, absmax by row).
TEST(Gptq, GainsWhereInputsAreCorrelated) {
  const double none = error_ratio("int4+row", 0.0), some = error_ratio("int4+row", 0.5);
  const double strong = error_ratio("int4+row", 0.9);
  EXPECT_LT(none, 1.0);
  EXPECT_GT(none, 0.8);
  EXPECT_LT(some, none - 0.1);
  EXPECT_NEAR(strong, 0.19, 0.04);
}

TEST(Gptq, OutputErrorIsTheMeanSquareOfOutputs) {
  Layer layer = make_layer(3, 5, 40, 0.6, 9);
  std::vector<float> other = layer.weights;
  for (float& w : other) w *= 0.75F;
  double mean = 0.0;
  for (std::size_t s = 0; s < 40; ++s) {
    for (std::size_t r = 0; r < 3; ++r) {
      double y = 0.0;
      for (std::size_t c = 0; c < 5; ++c) {
        y += double(layer.x[s * 5 + c]) *
             (double(layer.weights[r * 5 + c]) - double(other[r * 5 + c]));
      }
      mean += y * y / 40.0;
    }
  }
  EXPECT_NEAR(output_error(layer.matrix(), {other.data(), 3, 5, 5}, layer.hessian()), mean,
              1e-12 * mean);
}

TEST(Gptq, DeadInputsBecomeZeroAndHaveNoInfluence) {
  Layer layer = make_layer(4, 8, 50, 0.5, 2);
  for (std::size_t s = 0; s < 50; ++s) layer.x[s * 8 + 3] = 0.0F;
  for (std::size_t r = 0; r < 4; ++r) layer.weights[r * 8 + 3] = 50.0F;
  const std::vector<float> result = rounded({parse_operand("int4+row")}, layer, layer.hessian());
  for (std::size_t r = 0; r < 4; ++r) EXPECT_EQ(result[r * 8 + 3], 0.0F);
  for (const float w : result) EXPECT_LT(std::abs(w), 1.0F);
}

TEST(Gptq, HessianDoesNotDependOnCallsAndSingularOnesAreRefused) {
  const Layer layer = make_layer(2, 6, 4, 0.3, 8);
  LayerHessian parts(6);
  parts.add({layer.x.data(), 1, 6, 6});
  parts.add({layer.x.data() + 6, 3, 6, 6});
  EXPECT_EQ(parts.value(), layer.hessian());
  const std::vector<double> hessian = layer.hessian();  // four samples, six inputs
  EXPECT_THROW(rounded({parse_operand("int4+row"), -1e-3}, layer, hessian), HessianError);
  EXPECT_NO_THROW(rounded({parse_operand("int4+row")}, layer, hessian));
  EXPECT_THROW(rounded({parse_operand("int4+row")}, layer, {1.0}), std::invalid_argument);
}

TEST(Gptq, InverseFactorIsOfTheInverse) {
  const Layer layer = make_layer(1, 9, 40, 0.7, 4);
  const std::vector<double> h = layer.hessian(), u = inverse_factor(h, 9);
  for (std::size_t i = 0; i < 9; ++i) {
    for (std::size_t j = 0; j < 9; ++j) {
      if (j < i) {
        EXPECT_EQ(u[i * 9 + j], 0.0);
      }
      double sum = 0.0;  // (U^T U H)_ij
      for (std::size_t k = 0; k < 9; ++k) {
        for (std::size_t l = 0; l < 9; ++l) sum += u[k * 9 + i] * u[k * 9 + l] * h[l * 9 + j];
      }
      EXPECT_NEAR(sum, i == j ? 1.0 : 0.0, 1e-12);
    }
  }
}

}  // namespace
}  // namespace halfulp::nn
