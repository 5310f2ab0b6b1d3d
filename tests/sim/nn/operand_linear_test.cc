// Operands with transforms in a linear layer: products that must stay what they are, and running
// state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "formats/accumulator_spec.h"
#include "sim/nn/linear.h"
#include "tests/sim/nn/operand_samples.h"

namespace halfulp::nn {
namespace {

using testing::normals;
using testing::relative_error;

constexpr std::size_t kRows = 64, kIn = 96, kOut = 32;

LinearNumerics numerics_of(const std::string& input, const std::string& weight,
                           const std::string& gradient) {
  const OperandSpec x = parse_operand(input), w = parse_operand(weight),
                    g = parse_operand(gradient);
  return {x, w, g, w, g, x};
}

struct Tensors {
  std::vector<float> x, w, dy, y, dx, dw;
};

Tensors example() {
  return {normals(2, kRows * kIn), normals(1, kOut * kIn), normals(3, kRows * kOut), {}, {}, {}};
}

Tensors whole_numbers() {
  Tensors t = example();
  for (auto* tensor : {&t.x, &t.w, &t.dy}) {
    for (float& value : *tensor) value = std::round(4.0F * value);
  }
  return t;
}

/// A layer that outlives its calls.
struct Layer {
  Layer(const Tensors& t, const LinearNumerics& numerics, const std::string& name = "layer")
      : weight(t.w.begin(), t.w.end()),
        gradient(t.w.size()),
        linear(name, kIn, kOut, weight.data(), gradient.data(), numerics, 1) {}

  Tensors run(const Tensors& t, const StepKey& key = {}) {
    Tensors out = t;
    out.y.resize(kRows * kOut);
    out.dx.resize(kRows * kIn);
    linear.forward(out.x.data(), out.y.data(), kRows, key);
    if (key.is_evaluation()) return out;
    linear.backward(out.x.data(), out.dy.data(), out.dx.data(), kRows, true, key);
    out.dw.assign(gradient.begin(), gradient.end());
    return out;
  }

  AlignedVector<float> weight, gradient;
  Linear<float> linear;
};

Tensors run(const Tensors& t, const LinearNumerics& numerics, const std::string& name = "layer",
            const StepKey& key = {}) {
  return Layer(t, numerics, name).run(t, key);
}

TEST(OperandLinear, RotatedProductsOfWholeNumbersAreExact) {
  const Tensors t = whole_numbers();
  const Tensors plain = run(t, binary32_numerics());
  for (const char* rotation :
       {"binary32+hadamard(16)", "binary32+hadamard(16,random)",
        "binary32+hadamard(16,transformer_engine)", "binary32+hadamard(4)"}) {
    const Tensors rotated = run(t, numerics_of(rotation, rotation, rotation));
    EXPECT_EQ(rotated.y, plain.y) << rotation;
    EXPECT_EQ(rotated.dx, plain.dx) << rotation;
    EXPECT_EQ(rotated.dw, plain.dw) << rotation;
  }
}

/// |a b| summed over the terms of element (i, j) of y.
double magnitude_of(const Tensors& t, std::size_t i, std::size_t j) {
  double sum = 0.0;
  for (std::size_t k = 0; k < kIn; ++k) {
    sum += std::abs(static_cast<double>(t.x[i * kIn + k]) * static_cast<double>(t.w[j * kIn + k]));
  }
  return sum;
}

// Each rotation rounds log2 n sums and a product, relative to the largest in its run: by Cauchy and
// Schwarz the products differ by no more than (2 (log2 n + 2) + terms) 2^-24 sqrt(n) sum |a b|.
TEST(OperandLinear, RotatedProductsOfOtherNumbersDifferByRoundingOnly) {
  const Tensors t = example();
  const Tensors plain = run(t, binary32_numerics());
  const char* rotation = "binary32+hadamard(32,random)";
  const Tensors rotated = run(t, numerics_of(rotation, rotation, rotation), "layer", {.step = 3});
  const double bound = (2.0 * 7.0 + kIn) * 0x1p-24 * std::sqrt(32.0);
  for (std::size_t i = 0; i < kRows * kOut; ++i) {
    const double difference = static_cast<double>(rotated.y[i]) - static_cast<double>(plain.y[i]);
    ASSERT_LE(std::abs(difference), bound * magnitude_of(t, i / kOut, i % kOut));
  }
  EXPECT_LT(relative_error(plain.dx, rotated.dx), 1e-12);
  EXPECT_LT(relative_error(plain.dw, rotated.dw), 1e-12);
  EXPECT_NE(rotated.y, plain.y);
}

TEST(OperandLinear, RandomSignsAreRedrawnEachStep) {
  const Tensors t = example();
  const LinearNumerics numerics = numerics_of("mxfp4+hadamard(32,random)",
                                              "mxfp4+hadamard(32,random)", "binary32+hadamard(32)");
  LinearNumerics own = numerics;
  own.dgrad_weight = own.wgrad_input = parse_operand("mxfp4+hadamard(32)");
  Layer layer(t, own);
  const Tensors first = layer.run(t, {.step = 1}), second = layer.run(t, {.step = 2});
  EXPECT_NE(first.y, second.y);
  EXPECT_EQ(first.dx, second.dx);
  EXPECT_EQ(first.y, layer.run(t, {.step = 1}).y);
}

TEST(OperandLinear, OperandsOfOneProductMustBeRotatedAlike) {
  const LinearNumerics numerics = numerics_of("mxfp4+hadamard(32)", "mxfp4", "mxfp4+hadamard(32)");
  const std::vector<OperandFault> faults = operand_faults(numerics);
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0].operand, fprop_input);
  EXPECT_THAT(faults[0].message, ::testing::HasSubstr("fprop_weight has no rotation"));
  EXPECT_EQ(faults[1].operand, dgrad_grad_output);
  EXPECT_THROW(run(example(), numerics), std::invalid_argument);
  const char* uneven = "mxfp4+hadamard(64)";
  EXPECT_EQ(rotation_faults(numerics_of(uneven, uneven, uneven), kIn, kOut, kRows).size(), 4U);
  EXPECT_THROW(run(example(), numerics_of(uneven, uneven, uneven)), std::invalid_argument);
}

TEST(OperandLinear, OptionsThatMeanNothingWhereTheyStand) {
  const auto faults = [](const char* x, const char* w, const char* g) {
    return operand_faults(numerics_of(x, w, g)).size();
  };
  EXPECT_EQ(faults("int8+learned", "int8+row+learned", "int8"), 0U);
  EXPECT_EQ(faults("int8+row+learned", "int8", "int8"), 2U);
  EXPECT_EQ(faults("int8", "int8", "int8+learned"), 4U);
  EXPECT_EQ(faults("int8", "int8", "int8+clipped"), 2U);
  EXPECT_EQ(faults("int8+smooth(0.5)", "int8", "int8"), 1U);
  EXPECT_EQ(faults("int8", "int8+smooth(0.5)", "int8"), 2U);
  EXPECT_EQ(faults("int8+smooth(0.5)", "int8+smooth(0.5)", "int8"), 0U);
  EXPECT_EQ(faults("int8", "int8+smooth_swiglu", "int8"), 2U);
}

TEST(OperandLinear, SmoothingMovesScalesExactly) {
  Tensors t = whole_numbers();
  for (std::size_t r = 0; r < kRows; ++r) t.x[r * kIn + 5] *= 64.0F;
  const Tensors plain = run(t, binary32_numerics());
  const char* smooth = "binary32+smooth(0.5,power_of_two)";
  const Tensors same = run(t, numerics_of(smooth, smooth, "binary32"));
  EXPECT_EQ(same.y, plain.y);
  EXPECT_EQ(same.dx, plain.dx);
  EXPECT_EQ(same.dw, plain.dw);
  const Tensors rough = run(t, numerics_of("int8", "int8", "binary32"));
  const Tensors better = run(t, numerics_of("int8+smooth(0.5)", "int8+smooth(0.5)", "binary32"));
  EXPECT_LT(relative_error(plain.y, better.y), 0.5 * relative_error(plain.y, rough.y));
  // All of the range in the weight: each column of the input reaches the maximum.
  const Tensors all = run(t, numerics_of("int8+smooth(1)", "binary32+smooth(1)", "binary32"));
  EXPECT_LT(relative_error(plain.y, all.y), 1e-4);
}

TEST(OperandLinear, SmoothSwigluPreservesTheFunctionAndServesTheDownProjectionAlone) {
  Tensors t = example();
  for (std::size_t r = 0; r < kRows; ++r) t.x[r * kIn + 7] *= 3000.0F;
  const std::string down = "blocks.0.mlp.down";
  const Tensors plain = run(t, binary32_numerics());
  const Tensors exact = run(t, numerics_of("binary32+smooth_swiglu", "binary32", "binary32"), down);
  EXPECT_EQ(exact.y, plain.y);
  EXPECT_EQ(exact.dw, plain.dw);
  const Tensors real =
      run(t, numerics_of("binary32+smooth_swiglu(real)", "binary32", "binary32"), down);
  EXPECT_LT(relative_error(plain.y, real.y), 1e-12);
  // One large channel takes the others' bits from a tensor's scale.
  const LinearNumerics rough = numerics_of("int8", "binary32", "binary32");
  const LinearNumerics smooth = numerics_of("int8+smooth_swiglu", "binary32", "binary32");
  const Tensors lost = run(t, rough, down), kept = run(t, smooth, down);
  EXPECT_EQ(run(t, smooth, "blocks.0.mlp.up").y, lost.y);
  double lost_error = 0.0, kept_error = 0.0;
  for (std::size_t i = 0; i < kRows * kIn; ++i) {
    if (i % kIn == 7) continue;
    lost_error += std::abs(static_cast<double>(t.x[i]) - static_cast<double>(lost.x[i]));
    kept_error += std::abs(static_cast<double>(t.x[i]) - static_cast<double>(kept.x[i]));
  }
  EXPECT_LT(kept_error, 0.05 * lost_error);
}

// Y = Q(Xc) W + (X - Xc) W: without rounding it is X W.
TEST(OperandLinear, ClampsGiveBackWhatTheyCutOff) {
  const Tensors t = whole_numbers();
  const Tensors plain = run(t, binary32_numerics());
  const LinearNumerics clamped =
      numerics_of("binary32+clamp(0.9,compensate)", "binary32", "binary32");
  EXPECT_EQ(run(t, clamped).y, plain.y);
  EXPECT_NE(run(t, numerics_of("binary32+clamp(0.9)", "binary32", "binary32")).y, plain.y);
}

// arXiv 2501.17116, 3.2: on heavy tails the lower the quantile, the better, once the rest is given
// back.
TEST(OperandLinear, CompensatedClampsImproveHeavyTailsAsTheLevelFalls) {
  std::vector<float> x = normals(12, 1 << 15);
  const std::vector<float> tails = normals(13, 1 << 15);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= std::exp(1.5F * tails[i]);
  double last = 1e300;
  for (const char* level :
       {"", "+clamp(0.999,compensate)", "+clamp(0.99,compensate)", "+clamp(0.97,compensate)"}) {
    const double error =
        relative_error(x, testing::quantized(std::string("e2m1fn") + level, x, 128));
    EXPECT_LT(error, last) << level;
    last = error;
  }
}

// W and W^T have the same codes under square tiles, so that one quantization serves both.
TEST(OperandLinear, SquareTilesGiveTheWeightAndItsTransposeTheSameCodes) {
  const Tensors t = example();
  const Quantizer tiles(with_reduction(parse_quantizer("e2m1fn+tile(16,16)"), true));
  std::vector<float> transposed(t.w.size()), q(t.w.size()), qt(t.w.size());
  for (std::size_t i = 0; i < t.w.size(); ++i) {
    transposed[i % kIn * kOut + i / kIn] = t.w[i];
  }
  tiles.quantize({t.w.data(), kOut, kIn, kIn}, {q.data(), kOut, kIn, kIn});
  tiles.quantize({transposed.data(), kIn, kOut, kOut}, {qt.data(), kIn, kOut, kOut});
  for (std::size_t i = 0; i < q.size(); ++i) EXPECT_EQ(q[i], qt[i % kIn * kOut + i / kIn]);
}

// DeepSeek-V3's tiles: the scales of both operands enter at the promotion.
TEST(OperandLinear, TilesMeetThePromotionInterval) {
  const AccumulatorSpec promoted = parse_accumulator("e8m13+promote(16,binary32)");
  for (const char* text : {"e4m3fn+tile(1,16)", "e4m3fn+tile(16,16)", "e4m3fn+tile(4,32)"}) {
    for (const bool reduces_rows : {false, true}) {
      EXPECT_EQ(scale_use(promoted, parse_quantizer(text), reduces_rows), ScaleUse::at_promotion);
    }
  }
  const Tensors t = example();
  LinearNumerics numerics =
      numerics_of("e4m3fn+tile(1,16)", "e4m3fn+tile(16,16)", "e5m2+tile(1,16)");
  const Tensors wide = run(t, numerics);
  numerics.fprop = numerics.dgrad = numerics.wgrad =
      parse_accumulator("binary64+promote(16,binary64)+result(binary32)");
  const Tensors apart = run(t, numerics);
  EXPECT_LT(relative_error(wide.y, apart.y), 1e-12);
  EXPECT_LT(relative_error(wide.dx, apart.dx), 1e-12);
  EXPECT_LT(relative_error(wide.dw, apart.dw), 1e-12);
}

struct Copier final : StateVisitor {
  template <class T>
  void copy(std::string_view name, std::span<T> values) {
    std::vector<double>& own = state[std::string(name)];
    if (reads) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(own.at(i));
    } else {
      own.assign(values.begin(), values.end());
    }
  }

  void visit(std::string_view name, std::span<float> values) override { copy(name, values); }

  void visit(std::string_view name, std::span<double> values) override { copy(name, values); }

  void visit(std::string_view name, std::span<std::int64_t> values) override { copy(name, values); }

  std::map<std::string, std::vector<double>> state;
  bool reads = false;
};

TEST(OperandLinear, HistoriesAreStateAndEvaluationLeavesThemAlone) {
  const Tensors t = example();
  Tensors large = t;
  for (float& value : large.x) value *= 32.0F;
  const LinearNumerics numerics =
      numerics_of("e4m3fn+delayed(4)", "e4m3fn+delayed(4)", "e5m2+delayed(4)");
  Layer layer(t, numerics), copy(t, numerics);
  for (std::uint32_t step = 0; step < 3; ++step) layer.run(t, {.step = step});
  Copier copier;
  layer.linear.visit_state("operands.", copier);
  EXPECT_EQ(copier.state.count("operands.layer.fprop_input.amax_history"), 1U);
  layer.run(large, {.step = StepKey::kEvaluation});
  copier.reads = true;
  copy.linear.visit_state("operands.", copier);
  const Tensors a = layer.run(large, {.step = 3}), b = copy.run(large, {.step = 3});
  EXPECT_EQ(a.y, b.y);
  EXPECT_EQ(a.dx, b.dx);
  EXPECT_EQ(a.dw, b.dw);
  EXPECT_NE(a.y, Layer(t, numerics).run(large, {.step = 3}).y);
}

}  // namespace
}  // namespace halfulp::nn
