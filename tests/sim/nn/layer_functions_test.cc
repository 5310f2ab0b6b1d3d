#include "sim/nn/layer_functions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "formats/spec.h"
#include "sim/nn/transformer.h"
#include "sim/random.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kRows = 3, kCols = 18;

Destination bfloat16() {
  return {parse_format("bfloat16"), {Rounding::nearest_even, Overflow::infinity}};
}

FunctionNumerics all_in(const Destination& to) { return {to, to, to}; }

std::vector<float> numbers(std::size_t n, std::uint32_t tensor) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = static_cast<float>(2.0 * random_normal({5, 6, tensor, 0}, i));
  }
  return x;
}

std::vector<double> widened(const float* x, std::size_t n) { return {x, x + n}; }

std::vector<double> row_of(const std::vector<float>& x, std::size_t row, std::size_t cols) {
  return widened(x.data() + row * cols, cols);
}

TEST(LayerFunctions, WithoutFormatsAreTheKernels) {
  const LayerFunctions<float> functions({});
  const std::vector<float> x = numbers(kRows * kCols, 1);
  std::vector<float> y(x.size()), expected(x.size());
  functions.gelu(x.data(), y.data(), x.size(), 0, {});
  kernels<float>().gelu_forward(x.data(), expected.data(), x.size());
  EXPECT_EQ(y, expected);
  y = expected = numbers(kRows * kCols, 2);
  functions.causal_softmax(y.data(), kCols, kRows, kCols, 4, 0.5F, 0, 0, {});
  kernels<float>().causal_softmax_forward(expected.data(), kCols, kRows, kCols, 4, 0.5F);
  EXPECT_EQ(y, expected);
}

TEST(LayerFunctions, CausalSoftmaxIsTheDefinitionOnEachRow) {
  const LayerFunctions<float> functions(all_in(bfloat16()));
  const std::vector<float> x = numbers(kRows * kCols, 3);
  std::vector<float> y = x;
  functions.causal_softmax(y.data(), kCols, kRows, kCols, 4, 0.5F, 0, 0, {});
  for (std::size_t r = 0; r < kRows; ++r) {
    std::vector<double> expected =
        softmax(uniform_arithmetic(bfloat16()), widened(x.data() + r * kCols, 5 + r), 0.5);
    expected.resize(kCols, 0.0);
    EXPECT_EQ(row_of(y, r, kCols), expected) << r;
  }
}

TEST(LayerFunctions, NormsAndActivationsAreTheDefinition) {
  const LayerFunctions<float> functions(all_in(bfloat16()));
  const FunctionArithmetic arithmetic = uniform_arithmetic(bfloat16());
  const std::vector<float> x = numbers(kRows * kCols, 4), gain = numbers(kCols, 5),
                           bias = numbers(kCols, 6);
  const std::vector<double> g = row_of(gain, 0, kCols), b = row_of(bias, 0, kCols);
  std::vector<float> y(x.size()), plain(x.size()), mean(kRows), rstd(kRows), kept(kRows);
  functions.norm(Norm::rms_norm, x.data(), gain.data(), nullptr, y.data(), nullptr, rstd.data(),
                 kRows, kCols, 0, {});
  for (std::size_t r = 0; r < kRows; ++r) {
    EXPECT_EQ(row_of(y, r, kCols), rms_norm(arithmetic, row_of(x, r, kCols), g));
  }
  kernels<float>().norm_forward(Norm::rms_norm, x.data(), gain.data(), nullptr, plain.data(),
                                nullptr, kept.data(), kRows, kCols);
  EXPECT_EQ(rstd, kept);
  EXPECT_NE(y, plain);
  functions.norm(Norm::layer_norm, x.data(), gain.data(), bias.data(), y.data(), mean.data(),
                 rstd.data(), kRows, kCols, 0, {});
  for (std::size_t r = 0; r < kRows; ++r) {
    EXPECT_EQ(row_of(y, r, kCols), layer_norm(arithmetic, row_of(x, r, kCols), g, b));
  }
  std::vector<float> half(x.size() / 2);
  functions.swiglu(x.data(), half.data(), kRows, kCols / 2, 0, {});
  for (std::size_t r = 0; r < kRows; ++r) {
    EXPECT_EQ(row_of(half, r, kCols / 2),
              swiglu(arithmetic, widened(x.data() + r * kCols, kCols / 2),
                     widened(x.data() + r * kCols + kCols / 2, kCols / 2)));
  }
}

TEST(LayerFunctions, DrawsDependOnStepIndexAndRow) {
  Destination to = bfloat16();
  to.rounding = {Rounding::stochastic, Overflow::infinity, 16};
  const LayerFunctions<float> functions(all_in(to));
  const std::vector<float> row = numbers(2 * kCols, 7);
  std::vector<float> x = row;
  x.insert(x.end(), row.begin(), row.end());
  const auto result = [&](std::uint32_t index, std::uint32_t step) {
    std::vector<float> y(2 * kCols);
    functions.swiglu(x.data(), y.data(), 2, kCols, index, {1, step, nullptr});
    return y;
  };
  EXPECT_EQ(result(0, 0), result(0, 0));
  EXPECT_NE(result(0, 0), result(1, 0));
  EXPECT_NE(result(0, 0), result(0, 1));
  EXPECT_NE(row_of(result(0, 0), 0, kCols), row_of(result(0, 0), 1, kCols));
}

TEST(LayerFunctions, Binary64ModelsHaveNone) {
  EXPECT_THROW(LayerFunctions<double>(all_in(bfloat16())), std::invalid_argument);
  LayerFunctions<double>({});
}

// The loss of an untrained model moves a little under each function in bfloat16, and its gradients
// stay finite.
TEST(LayerFunctions, ReachTheModel) {
  ModelConfig config;
  config.blocks = 2;
  config.width = 16;
  config.heads = 2;
  config.context = 8;
  config.hidden = 32;
  config.vocabulary = 256;
  const std::vector<std::uint8_t> inputs(16, 65), targets(16, 66);
  const auto loss = [&](const FunctionNumerics& numerics) {
    ModelNumerics model_numerics;
    model_numerics.functions = numerics;
    Transformer<float> model(config, model_numerics, 2);
    model.initialize(1);
    for (std::size_t i = 0; i < model.weights().size(); ++i) {
      model.weights()[i] += static_cast<float>(0.3 * random_normal({11, 0, 0, 0}, i));
    }
    const double value = model.loss_and_gradient(inputs.data(), targets.data(), 2, {});
    for (const float g : model.gradients()) EXPECT_TRUE(std::isfinite(g));
    return value;
  };
  const double plain = loss({});
  FunctionNumerics one;
  one.softmax = Destination{parse_format("e4m3fn"), {}};
  const double softmax_only = loss(one);
  one = {};
  one.norm = bfloat16();
  const double norm_only = loss(one);
  one = {};
  one.activation = bfloat16();
  const double activation_only = loss(one);
  for (const double value : {softmax_only, norm_only, activation_only}) {
    EXPECT_NE(value, plain);
    EXPECT_NEAR(value, plain, 0.2);
  }
}

}  // namespace
}  // namespace halfulp::nn
