// The linear layer under quantizers: each of the six operands goes through its own, against plain
// loops.
#include "sim/nn/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "sim/random.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kRows = 9, kIn = 24, kOut = 17;

std::vector<float> normals(std::uint32_t stream, std::size_t n) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(random_normal({5, stream, 0, 0}, i));
  }
  return out;
}

/// Fake quantization without random bits, out of place.
std::vector<float> quantize(const OperandSpec& spec, const std::vector<float>& x,
                            std::size_t cols) {
  std::vector<float> out(x.size());
  const std::size_t rows = x.size() / cols;
  Quantizer(spec.quantizer).quantize({x.data(), rows, cols, cols}, {out.data(), rows, cols, cols});
  return out;
}

/// c[i, j] = fused chain over k of a(i, k) b(k, j).
template <class A, class B>
std::vector<float> product(std::size_t rows, std::size_t cols, std::size_t depth, const A& a,
                           const B& b) {
  std::vector<float> c(rows * cols);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) {
      float sum = 0.0F;
      for (std::size_t k = 0; k < depth; ++k) sum = std::fma(a(i, k), b(k, j), sum);
      c[i * cols + j] = sum;
    }
  }
  return c;
}

void check(const LinearNumerics& numerics, bool keep_dy) {
  const auto weight = normals(1, kOut * kIn), x = normals(2, kRows * kIn),
             dy = normals(3, kRows * kOut);
  AlignedVector<float> w(weight.begin(), weight.end()), dw(kOut * kIn);
  Linear<float> layer("layer", kIn, kOut, w.data(), dw.data(), numerics, 0);
  auto input = x, grad = dy;
  std::vector<float> y(kRows * kOut), dx(kRows * kIn);
  layer.forward(input.data(), y.data(), kRows, {});
  layer.backward(input.data(), grad.data(), dx.data(), kRows, keep_dy, {});

  const auto fx = quantize(numerics.fprop_input, x, kIn);
  const auto fw = quantize(numerics.fprop_weight, weight, kIn);
  const auto expected_y = product(
      kRows, kOut, kIn, [&](auto i, auto k) { return fx[i * kIn + k]; },
      [&](auto k, auto j) { return fw[j * kIn + k]; });
  EXPECT_EQ(y, expected_y);
  const auto dg = quantize(numerics.dgrad_grad_output, dy, kOut);
  const auto dweight = quantize(numerics.dgrad_weight, weight, kIn);
  const auto expected_dx = product(
      kRows, kIn, kOut, [&](auto i, auto k) { return dg[i * kOut + k]; },
      [&](auto k, auto j) { return dweight[k * kIn + j]; });
  EXPECT_EQ(dx, expected_dx);
  const auto wg = quantize(numerics.wgrad_grad_output, dy, kOut);
  const auto wx = quantize(numerics.wgrad_input, x, kIn);
  const auto expected_dw = product(
      kOut, kIn, kRows, [&](auto i, auto k) { return wg[k * kOut + i]; },
      [&](auto k, auto j) { return wx[k * kIn + j]; });
  EXPECT_EQ(std::vector<float>(dw.begin(), dw.end()), expected_dw);
  if (keep_dy) {
    EXPECT_EQ(grad, dy);
  }
}

LinearNumerics numerics_of(const std::array<const char*, 6>& specs) {
  return {.fprop_input = parse_quantizer(specs[0]),
          .fprop_weight = parse_quantizer(specs[1]),
          .dgrad_grad_output = parse_quantizer(specs[2]),
          .dgrad_weight = parse_quantizer(specs[3]),
          .wgrad_grad_output = parse_quantizer(specs[4]),
          .wgrad_input = parse_quantizer(specs[5])};
}

TEST(Linear, BinaryThirtyTwoIsThePlainProducts) {
  check(binary32_numerics(), true);
  check(binary32_numerics(), false);
}

TEST(Linear, SharedQuantizersQuantizeEachTensorOnce) {
  for (const bool keep_dy : {true, false}) {
    check(numerics_of({"e4m3fn", "int4+row", "e5m2", "int4+row", "e5m2", "e4m3fn"}), keep_dy);
  }
}

TEST(Linear, SixDifferentQuantizersEachReachTheirOperand) {
  for (const bool keep_dy : {true, false}) {
    check(numerics_of({"e4m3fn", "int4+row", "e5m2", "int8", "e2m1fn+group(8)", "int3+column"}),
          keep_dy);
  }
}

// k is 24 in fprop, 17 in dgrad and 9 in wgrad: blocks of 8 along each.
TEST(Linear, BlocksRunAlongTheReductionOfEachProduct) {
  const char* along = "mxfp4(block=8,rows)";
  const char* down = "mxfp4(block=8,columns)";
  for (const bool keep_dy : {true, false}) {
    const auto weight = normals(1, kOut * kIn), x = normals(2, kRows * kIn),
               dy = normals(3, kRows * kOut);
    const auto run = [&](const LinearNumerics& numerics) {
      AlignedVector<float> w(weight.begin(), weight.end()), dw(kOut * kIn);
      Linear<float> layer("layer", kIn, kOut, w.data(), dw.data(), numerics, 0);
      auto input = x, grad = dy;
      std::vector<float> y(kRows * kOut), dx(kRows * kIn);
      layer.forward(input.data(), y.data(), kRows, {});
      layer.backward(input.data(), grad.data(), dx.data(), kRows, keep_dy, {});
      y.insert(y.end(), dx.begin(), dx.end());
      y.insert(y.end(), dw.begin(), dw.end());
      return y;
    };
    const char* k = "mxfp4(block=8)";
    const auto by_reduction = run(numerics_of({k, k, k, k, k, k}));
    EXPECT_EQ(by_reduction, run(numerics_of({along, along, along, down, down, down})));
    EXPECT_NE(by_reduction, run(numerics_of({along, along, along, along, along, along})));
    check(numerics_of({along, along, along, down, down, down}), keep_dy);
  }
}

TEST(Linear, SquareBlocksServeBothOrientationsOfAWeight) {
  const QuantizerSpec spec = parse_quantizer("nvfp4(16x16)");
  EXPECT_EQ(with_reduction(spec, true), with_reduction(spec, false));
  EXPECT_NE(with_reduction(parse_quantizer("nvfp4"), true),
            with_reduction(parse_quantizer("nvfp4"), false));
  check(numerics_of(
            {"nvfp4", "nvfp4(16x16)", "nvfp4", "nvfp4(16x16)", "nvfp4(columns)", "nvfp4(columns)"}),
        true);
}

TEST(Linear, ForwardOnlyQuantizersLeaveBackwardOperandsExact) {
  for (const bool keep_dy : {true, false}) {
    check(numerics_of({"int4", "int4", "binary32", "binary32", "binary32", "binary32"}), keep_dy);
    check(numerics_of({"binary32", "binary32", "int4", "int4", "e2m1fn", "int4"}), keep_dy);
  }
}

TEST(Linear, StochasticDrawsDependOnSeedStepAndLayer) {
  const auto numerics = numerics_of(
      {"int4+stochastic(8)", "binary32", "binary32", "binary32", "binary32", "int4+stochastic(8)"});
  const auto weight = normals(1, kOut * kIn), x = normals(2, kRows * kIn);
  const auto output = [&](std::uint32_t index, const StepKey& key) {
    AlignedVector<float> w(weight.begin(), weight.end()), dw(kOut * kIn);
    Linear<float> layer("layer", kIn, kOut, w.data(), dw.data(), numerics, index);
    auto input = x;
    std::vector<float> y(kRows * kOut);
    layer.forward(input.data(), y.data(), kRows, key);
    return y;
  };
  const auto first = output(0, {1, 1});
  EXPECT_EQ(output(0, {1, 1}), first);
  EXPECT_NE(output(1, {1, 1}), first);
  EXPECT_NE(output(0, {2, 1}), first);
  EXPECT_NE(output(0, {1, 2}), first);
}

TEST(Linear, BinarySixtyFourRefusesQuantizers) {
  std::vector<double> w(4), dw(4);
  EXPECT_THROW(Linear<double>("layer", 2, 2, w.data(), dw.data(),
                              numerics_of({"int4", "int4", "int4", "int4", "int4", "int4"}), 0),
               std::invalid_argument);
}

}  // namespace
}  // namespace halfulp::nn
