// Attention's six products, each under its own accumulator.
#include "sim/nn/attention.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/accumulate.h"
#include "formats/accumulator_spec.h"
#include "sim/random.h"

namespace halfulp::nn {
namespace {

const LayerFunctions<float> kBinary32Functions{FunctionNumerics{}};

/// All that one pass computes: the gradients of queries, keys and values apart.
struct Pass {
  std::vector<float> probabilities, out, dq, dk, dv;
};

struct Case {
  AttentionShape shape = {2, 9, 2, 6};
  bool repeat = false;  ///< all sequences and heads hold the same numbers

  std::size_t rows() const { return shape.sequences * shape.positions; }

  std::vector<float> tensor(std::uint32_t stream, std::size_t parts) const {
    const std::size_t cols = parts * shape.width();
    std::vector<float> x(rows() * cols);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t row = i / cols, col = i % cols;
      const std::size_t same =
          row % shape.positions * 1000 + col / shape.width() * 100 + col % shape.head_width;
      x[i] = static_cast<float>(random_normal({2, stream, 0, 0}, repeat ? same : i));
    }
    return x;
  }

  Pass run(const AttentionNumerics& numerics, std::uint32_t index = 0,
           const StepKey& key = {1, 1}) const {
    const std::size_t width = shape.width();
    auto qkv = tensor(0, 3), dout = tensor(1, 1);
    std::vector<float> dqkv(qkv.size());
    Pass pass;
    pass.out.resize(rows() * width);
    pass.probabilities.resize(shape.sequences * shape.heads * shape.positions * shape.positions);
    Attention<float> attention(numerics, index);
    attention.forward(shape, kBinary32Functions, qkv.data(), pass.out.data(),
                      pass.probabilities.data(), key);
    attention.backward(shape, qkv.data(), pass.probabilities.data(), dout.data(), dqkv.data(), key);
    for (std::size_t i = 0; i < dqkv.size(); ++i) {
      const std::size_t part = i % (3 * width) / width;
      (part == 0 ? pass.dq : part == 1 ? pass.dk : pass.dv).push_back(dqkv[i]);
    }
    return pass;
  }
};

/// Which of probabilities, out, dq, dk, dv differ, as letters.
std::string changes(const Pass& a, const Pass& b) {
  std::string out;
  if (a.probabilities != b.probabilities) out += "p";
  if (a.out != b.out) out += "o";
  if (a.dq != b.dq) out += "q";
  if (a.dk != b.dk) out += "k";
  if (a.dv != b.dv) out += "v";
  return out;
}

TEST(AttentionAccumulators, EachChangesExactlyWhatDependsOnItsProduct) {
  const Case one;
  const AccumulatorSpec narrow = parse_accumulator("e8m5");
  const Pass plain = one.run({});
  EXPECT_EQ(changes(one.run({.scores = narrow}), plain), "poqkv");
  EXPECT_EQ(changes(one.run({.context = narrow}), plain), "o");
  EXPECT_EQ(changes(one.run({.grad_probabilities = narrow}), plain), "qk");
  EXPECT_EQ(changes(one.run({.grad_value = narrow}), plain), "v");
  EXPECT_EQ(changes(one.run({.grad_query = narrow}), plain), "q");
  EXPECT_EQ(changes(one.run({.grad_key = narrow}), plain), "k");
}

// Context and value gradient are products of what the test can see: probabilities, values, dout.
TEST(AttentionAccumulators, SumsAreThoseOfTheDefinition) {
  const Case one;
  const AccumulatorSpec spec = parse_accumulator("e8m6+blocked(4)");
  const auto [sequences, n, heads, head_width] = one.shape;
  const std::size_t width = one.shape.width();
  const Pass pass = one.run({.context = spec, .grad_value = spec});
  const auto qkv = one.tensor(0, 3), dout = one.tensor(1, 1);
  for (std::size_t i = 0; i < pass.out.size(); ++i) {
    const std::size_t row = i / width, s = row / n, h = i % width / head_width;
    const float* p = pass.probabilities.data() + (s * heads + h) * n * n;
    std::vector<double> own, value, column, grad;
    for (std::size_t k = 0; k < n; ++k) {
      own.push_back(static_cast<double>(p[row % n * n + k]));
      value.push_back(static_cast<double>(qkv[(s * n + k) * 3 * width + 2 * width + i % width]));
      column.push_back(static_cast<double>(p[k * n + row % n]));
      grad.push_back(static_cast<double>(dout[(s * n + k) * width + i % width]));
    }
    EXPECT_EQ(static_cast<double>(pass.out[i]), accumulate(spec, own, value)) << i;
    EXPECT_EQ(static_cast<double>(pass.dv[i]), accumulate(spec, column, grad)) << i;
  }
}

TEST(AttentionAccumulators, DrawsDependOnSequenceHeadLayerSeedAndStep) {
  const Case same = {{2, 9, 2, 6}, true};
  const AccumulatorSpec sum = parse_accumulator("e8m3+stochastic(16)");
  const AttentionNumerics numerics = {sum, sum, sum, sum, sum, sum};
  const Pass pass = same.run(numerics);
  const std::size_t width = same.shape.width(), half = width / 2, n = 9;
  for (const auto* tensor : {&pass.out, &pass.dq, &pass.dk, &pass.dv}) {
    const auto part = [&](std::size_t row, std::size_t col) {
      std::vector<float> out;
      for (std::size_t r = row; r < row + n; ++r) {
        for (std::size_t c = col; c < col + half; ++c) out.push_back((*tensor)[r * width + c]);
      }
      return out;
    };
    EXPECT_NE(part(0, 0), part(0, half));
    EXPECT_NE(part(0, 0), part(n, 0));
    EXPECT_NE(part(0, half), part(n, 0));
  }
  EXPECT_EQ(changes(pass, same.run(numerics)), "");
  EXPECT_EQ(changes(pass, same.run(numerics, 1)), "poqkv");
  EXPECT_EQ(changes(pass, same.run(numerics, 0, {2, 1})), "poqkv");
  EXPECT_EQ(changes(pass, same.run(numerics, 0, {1, 2})), "poqkv");
}

TEST(AttentionAccumulators, RowBlocksHaveTheirOwnDraws) {
  // All rows attend to position 0 alone: row r and row 64 + r, row r of the next block, round the
  // same numbers.
  constexpr std::size_t kRows = 128, kWidth = 8;
  const AttentionShape shape = {1, kRows, 1, kWidth};
  std::vector<float> qkv(kRows * 3 * kWidth), out(kRows * kWidth), probabilities(kRows * kRows);
  for (std::size_t i = 0; i < qkv.size(); ++i) {
    const std::size_t row = i / (3 * kWidth), part = i / kWidth % 3;
    const auto value = static_cast<float>(random_normal({2, 0, 0, 0}, i % kWidth));
    qkv[i] = part == 0 ? 100.0F : part == 1 ? (row == 0 ? 100.0F : 0.0F) : value;
  }
  Attention<float> attention({.context = parse_accumulator("e8m3+stochastic(16)")}, 0);
  attention.forward(shape, kBinary32Functions, qkv.data(), out.data(), probabilities.data(),
                    {1, 1});
  ASSERT_EQ(probabilities[100 * kRows], 1.0F);
  const auto middle = out.begin() + kRows / 2 * kWidth;
  EXPECT_NE(std::vector<float>(out.begin(), middle), std::vector<float>(middle, out.end()));
}

TEST(AttentionAccumulators, ProductsShareNoDraws) {
  // One position: the context is the rounded value, its gradient the rounded gradient.
  constexpr std::size_t kWidth = 32;
  const AttentionShape shape = {1, 1, 1, kWidth};
  std::vector<float> qkv(3 * kWidth), dqkv(3 * kWidth), out(kWidth), probability(1);
  for (std::size_t i = 0; i < qkv.size(); ++i) {
    qkv[i] = static_cast<float>(random_normal({2, 0, 0, 0}, i));
  }
  std::vector<float> value(qkv.begin() + 2 * kWidth, qkv.end());
  const AccumulatorSpec sum = parse_accumulator("e8m3+stochastic(16)");
  Attention<float> attention({.context = sum, .grad_value = sum}, 0);
  attention.forward(shape, kBinary32Functions, qkv.data(), out.data(), probability.data(), {1, 1});
  attention.backward(shape, qkv.data(), probability.data(), value.data(), dqkv.data(), {1, 1});
  ASSERT_EQ(probability[0], 1.0F);
  EXPECT_NE(out, std::vector<float>(dqkv.begin() + 2 * kWidth, dqkv.end()));
}

TEST(AttentionAccumulators, BinarySixtyFourRefusesThem) {
  EXPECT_THROW(Attention<double>({.grad_key = parse_accumulator("e8m7")}, 0),
               std::invalid_argument);
}

}  // namespace
}  // namespace halfulp::nn
