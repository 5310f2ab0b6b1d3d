// Linear layers whose products run under accumulators: each product under its own, with the scales
// of its own operands, whatever tensors share their quantizers.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "formats/accumulator_spec.h"
#include "sim/nn/linear.h"
#include "sim/random.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kRows = 9, kIn = 24, kOut = 17;

struct Tensors {
  std::vector<float> y, dx, dw;
};

std::vector<float> normals(std::uint32_t stream, std::size_t n) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(random_normal({5, stream, 0, 0}, i));
  }
  return out;
}

Tensors run(const LinearNumerics& numerics, bool keep_dy = true, std::uint32_t index = 0,
            const StepKey& key = {}) {
  const auto weight = normals(1, kOut * kIn);
  auto x = normals(2, kRows * kIn), dy = normals(3, kRows * kOut);
  AlignedVector<float> w(weight.begin(), weight.end()), dw(kOut * kIn);
  Linear<float> layer("layer", kIn, kOut, w.data(), dw.data(), numerics, index);
  Tensors out = {std::vector<float>(kRows * kOut), std::vector<float>(kRows * kIn), {}};
  layer.forward(x.data(), out.y.data(), kRows, key);
  layer.backward(x.data(), dy.data(), out.dx.data(), kRows, keep_dy, key);
  out.dw.assign(dw.begin(), dw.end());
  return out;
}

LinearNumerics numerics_of(const std::array<const char*, 6>& operands,
                           const std::array<const char*, 3>& accumulators) {
  return {.fprop_input = parse_quantizer(operands[0]),
          .fprop_weight = parse_quantizer(operands[1]),
          .dgrad_grad_output = parse_quantizer(operands[2]),
          .dgrad_weight = parse_quantizer(operands[3]),
          .wgrad_grad_output = parse_quantizer(operands[4]),
          .wgrad_input = parse_quantizer(operands[5]),
          .fprop = parse_accumulator(accumulators[0]),
          .dgrad = parse_accumulator(accumulators[1]),
          .wgrad = parse_accumulator(accumulators[2])};
}

/// The three products on their own, each operand quantized apart.
Tensors expected(const LinearNumerics& numerics) {
  const auto w = normals(1, kOut * kIn), x = normals(2, kRows * kIn), dy = normals(3, kRows * kOut);

  struct Side {
    const std::vector<float>& tensor;
    std::size_t rows, cols;
    const OperandSpec& operand;
  };

  const auto product = [](EmulatedProduct::Form form, const AccumulatorSpec& accumulator,
                          const Side& a, const Side& b, std::size_t rows, std::size_t cols) {
    const EmulatedProduct emulated(form, accumulator, a.operand.quantizer, b.operand.quantizer);
    std::vector<std::vector<float>> memory;
    memory.reserve(4);
    const auto operand = [&](const Side& side, ScaleUse use) -> ScaledOperand {
      const Quantizer quantizer(side.operand.quantizer);
      const ConstMatrix from = {side.tensor.data(), side.rows, side.cols, side.cols};
      auto& out = memory.emplace_back(side.tensor.size());
      const Matrix to = {out.data(), side.rows, side.cols, side.cols};
      if (use == ScaleUse::in_operand) {
        quantizer.quantize(from, to);
        return {to, {}};
      }
      const auto [r, c] = quantizer.scale_shape(side.rows, side.cols);
      auto& scales = memory.emplace_back(r * c);
      quantizer.quantize_to_grid(from, to, {scales.data(), r, c, c});
      return {to, {scales.data(), r, c, c}};
    };
    std::vector<float> out(rows * cols);
    const ScaledOperand left = operand(a, emulated.a_use()), right = operand(b, emulated.b_use());
    emulated.run(left, right, {out.data(), rows, cols, cols}, {});
    return out;
  };
  using Form = EmulatedProduct::Form;
  const LinearNumerics& n = numerics;
  return {product(Form::nt, n.fprop, {x, kRows, kIn, n.fprop_input}, {w, kOut, kIn, n.fprop_weight},
                  kRows, kOut),
          product(Form::nn, n.dgrad, {dy, kRows, kOut, n.dgrad_grad_output},
                  {w, kOut, kIn, n.dgrad_weight}, kRows, kIn),
          product(Form::tn, n.wgrad, {dy, kRows, kOut, n.wgrad_grad_output},
                  {x, kRows, kIn, n.wgrad_input}, kOut, kIn)};
}

void expect_equal(const Tensors& a, const Tensors& b) {
  EXPECT_EQ(a.y, b.y);
  EXPECT_EQ(a.dx, b.dx);
  EXPECT_EQ(a.dw, b.dw);
}

constexpr std::array<const char*, 6> kShared = {"e4m3fn",   "int4+row", "e5m2+row",
                                                "int4+row", "e5m2+row", "e4m3fn"};

TEST(LinearAccumulators, EachChangesExactlyItsOwnProduct) {
  const Tensors plain = run(numerics_of(kShared, {"binary32", "binary32", "binary32"}));
  const Tensors y = run(numerics_of(kShared, {"e8m5", "binary32", "binary32"}));
  EXPECT_NE(y.y, plain.y);
  EXPECT_EQ(y.dx, plain.dx);
  EXPECT_EQ(y.dw, plain.dw);
  const Tensors dx = run(numerics_of(kShared, {"binary32", "e8m5", "binary32"}));
  EXPECT_EQ(dx.y, plain.y);
  EXPECT_NE(dx.dx, plain.dx);
  EXPECT_EQ(dx.dw, plain.dw);
  const Tensors dw = run(numerics_of(kShared, {"binary32", "binary32", "e8m5"}));
  EXPECT_EQ(dw.y, plain.y);
  EXPECT_EQ(dw.dx, plain.dx);
  EXPECT_NE(dw.dw, plain.dw);
}

// Every mixture of tensors kept as grids and as values: shared or not, wanted by the first product,
// the second, both or none.
TEST(LinearAccumulators, ProductsGetTheirOperandsInTheirForm) {
  const std::vector<std::array<const char*, 6>> operands = {
      kShared,
      {"e4m3fn+row", "e4m3fn+column", "e5m2+column", "e4m3fn+column", "e5m2+column", "e4m3fn+row"},
      {"e4m3fn+row", "e4m3fn+row", "e5m2+row", "e4m3fn+column", "e5m2+column", "e4m3fn+column"},
      {"e4m3fn+group(8)", "e4m3fn+group(8)", "e5m2+group(8)", "e4m3fn+group(8,columns)",
       "e5m2+group(8,columns)", "e4m3fn+group(8,columns)"},
      {"e4m3fn", "e4m3fn", "binary32", "binary32", "binary32", "binary32"},
      {"binary32", "mxfp4(block=8)", "e5m2", "e4m3fn", "binary32", "e4m3fn"}};
  const std::vector<std::array<const char*, 3>> accumulators = {
      {"e8m7", "e8m7", "e8m7"},
      {"e8m7", "binary32", "binary32"},
      {"binary32", "e8m7", "e8m9+promote(8,binary32)"},
      {"e8m9+promote(8,binary32)", "e8m9+promote(4,binary32)", "binary32"}};
  for (std::size_t i = 0; i < operands.size(); ++i) {
    for (std::size_t j = 0; j < accumulators.size(); ++j) {
      for (const bool keep_dy : {true, false}) {
        SCOPED_TRACE(std::to_string(i) + " " + std::to_string(j));
        LinearNumerics numerics = numerics_of(operands[i], accumulators[j]);
        const Tensors tensors = run(numerics, keep_dy);
        numerics.fprop_weight = with_reduction(numerics.fprop_weight, false);
        expect_equal(tensors, expected(numerics));
      }
    }
  }
}

TEST(LinearAccumulators, DrawsDependOnProductSeedStepAndLayer) {
  const char* sum = "e8m3+stochastic(16)";
  const std::array<const char*, 6> exact = {"binary32", "binary32", "binary32",
                                            "binary32", "binary32", "binary32"};
  const LinearNumerics numerics = numerics_of(exact, {sum, sum, sum});
  const Tensors first = run(numerics, true, 0, {1, 1});
  expect_equal(first, run(numerics, true, 0, {1, 1}));
  for (const Tensors& other : {run(numerics, true, 1, {1, 1}), run(numerics, true, 0, {2, 1}),
                               run(numerics, true, 0, {1, 2})}) {
    EXPECT_NE(other.y, first.y);
    EXPECT_NE(other.dx, first.dx);
    EXPECT_NE(other.dw, first.dw);
  }
}

// dx = dy w and dw = dy^T x are the same sums when dy and x hold the same columns as w.
TEST(LinearAccumulators, ProductsOfALayerShareNoDraws) {
  constexpr std::size_t kSide = 16;
  const char* sum = "e8m3+stochastic(16)";
  const std::array<const char*, 6> exact = {"binary32", "binary32", "binary32",
                                            "binary32", "binary32", "binary32"};
  AlignedVector<float> w(kSide * kSide), dw(kSide * kSide);
  std::vector<float> x(kSide * kSide), dy(kSide * kSide), y(kSide * kSide), dx(kSide * kSide);
  for (std::size_t i = 0; i < kSide; ++i) {
    for (std::size_t j = 0; j < kSide; ++j) {
      // Symmetric, so that transposes do not matter.
      const float value = static_cast<float>(random_normal({1, 1, 0, 0}, i * j + i + j));
      w[i * kSide + j] = x[i * kSide + j] = dy[i * kSide + j] = value;
    }
  }
  Linear<float> layer("layer", kSide, kSide, w.data(), dw.data(),
                      numerics_of(exact, {sum, sum, sum}), 0);
  layer.forward(x.data(), y.data(), kSide, {});
  layer.backward(x.data(), dy.data(), dx.data(), kSide, true, {});
  EXPECT_NE(y, dx);
  EXPECT_NE(dx, std::vector<float>(dw.begin(), dw.end()));
  EXPECT_NE(y, std::vector<float>(dw.begin(), dw.end()));
}

TEST(LinearAccumulators, BinarySixtyFourRefusesThem) {
  std::vector<double> w(4), dw(4);
  LinearNumerics numerics = binary32_numerics();
  numerics.wgrad = parse_accumulator("e8m7");
  EXPECT_THROW(Linear<double>("layer", 2, 2, w.data(), dw.data(), numerics, 0),
               std::invalid_argument);
}

}  // namespace
}  // namespace halfulp::nn
