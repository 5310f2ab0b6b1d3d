// Scales around sums: each way of using them against dot products by the readable definition.
#include "sim/nn/emulated_product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "formats/accumulate.h"
#include "formats/accumulator_spec.h"
#include "sim/accumulator_draws.h"

namespace halfulp::nn {
namespace {

using Form = EmulatedProduct::Form;

constexpr std::size_t kM = 5, kN = 7, kK = 40;

std::vector<float> normals(std::uint32_t stream, std::size_t n) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] =
        static_cast<float>(random_normal({8, stream, 0, 0}, i) * static_cast<double>(1 + i % 5));
  }
  return out;
}

/// One operand as a product reads it, and element by element.
struct Stored {
  std::size_t rows, cols;
  bool reduces_rows;
  Quantizer quantizer;
  bool is_grid;
  std::vector<float> numbers, scales;
  std::size_t scale_rows = 0, scale_cols = 0;

  Stored(const char* text, std::uint32_t stream, std::size_t free, bool down, bool grid)
      : rows(down ? kK : free),
        cols(down ? free : kK),
        reduces_rows(down),
        quantizer(parse_quantizer(text)),
        is_grid(grid),
        numbers(rows * cols) {
    const auto x = normals(stream, rows * cols);
    const ConstMatrix from = {x.data(), rows, cols, cols};
    const Matrix to = {numbers.data(), rows, cols, cols};
    if (!grid) {
      quantizer.quantize(from, to);
      return;
    }
    std::tie(scale_rows, scale_cols) = quantizer.scale_shape(rows, cols);
    scales.resize(scale_rows * scale_cols);
    quantizer.quantize_to_grid(from, to, {scales.data(), scale_rows, scale_cols, scale_cols});
  }

  ScaledOperand operand() const {
    return {{numbers.data(), rows, cols, cols},
            {is_grid ? scales.data() : nullptr, scale_rows, scale_cols, scale_cols}};
  }

  std::size_t at(std::size_t free, std::size_t k) const {
    return reduces_rows ? k * cols + free : free * cols + k;
  }

  float scale(std::size_t free, std::size_t k) const {
    const std::size_t r = reduces_rows ? k : free, c = reduces_rows ? free : k;
    const auto group = static_cast<std::size_t>(std::max(quantizer.spec().group_size, 1));
    const bool down = quantizer.spec().along_columns;
    const std::size_t row = down ? r / group : r, col = down ? c : c / group;
    return scales[(scale_rows == 1 ? 0 : row) * scale_cols + (scale_cols == 1 ? 0 : col)];
  }
};

/// Terms from .. to - 1 by the definition.
float dot(const AccumulatorSpec& spec, const Stored& a, const Stored& b, std::size_t m,
          std::size_t n, std::size_t from, std::size_t to, const DrawFunction& draws = {}) {
  std::vector<double> x, y;
  for (std::size_t k = from; k < to; ++k) {
    x.push_back(static_cast<double>(a.numbers[a.at(m, k)]));
    y.push_back(static_cast<double>(b.numbers[b.at(n, k)]));
  }
  return static_cast<float>(accumulate(spec, x, y, 0.0, draws));
}

std::vector<float> run(Form form, const char* accumulator, const Stored& a, const Stored& b,
                       const RandomStream& stream = {}) {
  const EmulatedProduct product(form, parse_accumulator(accumulator), a.quantizer.spec(),
                                b.quantizer.spec());
  std::vector<float> c(kM * kN);
  product.run(a.operand(), b.operand(), {c.data(), kM, kN, kN}, stream);
  return c;
}

struct Geometry {
  Form form;
  bool a_down, b_down;
};

const std::vector<Geometry> kForms = {
    {Form::nn, false, true}, {Form::nt, false, false}, {Form::tn, true, true}};

TEST(EmulatedProduct, ScalesThatDoNotVaryMultiplyTheFinishedSum) {
  for (const auto& [form, a_down, b_down] : kForms) {
    const char* a_spec = a_down ? "e4m3fn+column" : "e4m3fn+row";
    const char* b_spec = b_down ? "e5m2+column" : "e5m2";
    const Stored a(a_spec, 1, kM, a_down, true), b(b_spec, 2, kN, b_down, true);
    for (const char* accumulator : {"e8m7", "e8m7+promote(8,e8m10)+result(e8m5)"}) {
      const auto c = run(form, accumulator, a, b);
      for (std::size_t i = 0; i < c.size(); ++i) {
        const std::size_t m = i / kN, n = i % kN;
        const float sum = dot(parse_accumulator(accumulator), a, b, m, n, 0, kK);
        const float once = sum * a.scale(m, 0);
        EXPECT_EQ(c[i], once * b.scale(n, 0)) << accumulator << " " << i;
      }
    }
  }
}

TEST(EmulatedProduct, GroupsMultiplyInnerSumsBeforeTheyArePromoted) {
  for (const auto& [form, a_down, b_down] : kForms) {
    const char* groups = a_down ? "e4m3fn+group(16,columns)" : "e4m3fn+group(16)";
    const char* other = b_down ? "e5m2+column" : "e5m2+row";
    const Stored a(groups, 1, kM, a_down, true), b(other, 2, kN, b_down, true);
    const AccumulatorSpec inner = parse_accumulator("e8m9");
    for (const std::string outer : {"binary32", "e8m6", "e8m12+toward_zero"}) {
      const auto c = run(form, ("e8m9+promote(8," + outer + ")+result(e8m4)").c_str(), a, b);
      for (std::size_t i = 0; i < c.size(); ++i) {
        const std::size_t m = i / kN, n = i % kN;
        double sum = 0.0;
        for (std::size_t k = 0; k < kK; k += 8) {
          const float part = dot(inner, a, b, m, n, k, std::min(k + 8, kK));
          const float once = part * a.scale(m, k);
          const double scaled[] = {static_cast<double>(once * b.scale(n, k))}, one[] = {1.0};
          sum = accumulate(parse_accumulator(outer), scaled, one, sum);
        }
        const double last[] = {sum}, one[] = {1.0};
        EXPECT_EQ(static_cast<double>(c[i]), accumulate(parse_accumulator("e8m4"), last, one))
            << outer << " " << i;
      }
    }
  }
}

TEST(EmulatedProduct, ScalesThatVaryFromTermToTermStayInTheOperand) {
  const Stored a("e4m3fn+column", 1, kM, false, false), b("e5m2+row", 2, kN, true, false);
  const auto c = run(Form::nn, "e8m7", a, b);
  for (std::size_t i = 0; i < c.size(); ++i) {
    EXPECT_EQ(c[i], dot(parse_accumulator("e8m7"), a, b, i / kN, i % kN, 0, kK));
  }
}

TEST(EmulatedProduct, StochasticSumsOfEachIntervalHaveTheirOwnStream) {
  const Stored a("e4m3fn+group(16)", 1, kM, false, true), b("e5m2", 2, kN, false, true);
  const RandomStream stream = {5, 7, 12, 3};
  const auto c = run(Form::nt, "e8m3+stochastic(16)+promote(16,binary32)", a, b, stream);
  const AccumulatorSpec inner = parse_accumulator("e8m3+stochastic(16)");
  for (std::size_t i = 0; i < c.size(); ++i) {
    const std::size_t m = i / kN, n = i % kN;
    float sum = 0.0F;
    for (std::size_t k = 0; k < kK; k += 16) {
      RandomStream own = stream;
      own.tensor += static_cast<std::uint32_t>(k / 16) << 16;
      const auto draw = [&](std::uint64_t j) { return accumulator_draw(own, m, n, kN, j, false); };
      const float part = dot(inner, a, b, m, n, k, std::min(k + 16, kK), draw);
      const float once = part * a.scale(m, k);
      sum += once * b.scale(n, k);
    }
    EXPECT_EQ(c[i], sum) << i;
  }
}

TEST(EmulatedProduct, UseOfScalesByGranularityAndAccumulator) {
  const auto use = [](const char* accumulator, const char* operand, bool down) {
    return scale_use(parse_accumulator(accumulator), parse_quantizer(operand), down);
  };
  using enum ScaleUse;
  EXPECT_EQ(use("binary32", "e4m3fn", false), in_operand);
  EXPECT_EQ(use("e8m7", "e4m3fn", false), after_sum);
  EXPECT_EQ(use("e8m7", "e4m3fn+unscaled", false), in_operand);
  EXPECT_EQ(use("e8m7", "e4m3fn+scale_power_of_two", false), in_operand);
  EXPECT_EQ(use("e8m7", "mxfp4", false), in_operand);
  EXPECT_EQ(use("e8m7", "bfloat16", false), in_operand);
  EXPECT_EQ(use("e8m7", "e4m3fn+row", false), after_sum);
  EXPECT_EQ(use("e8m7", "e4m3fn+row", true), in_operand);
  EXPECT_EQ(use("e8m7", "e4m3fn+column", false), in_operand);
  EXPECT_EQ(use("e8m7", "e4m3fn+column", true), after_sum);
  EXPECT_EQ(use("e8m7", "e4m3fn+group(32)", false), in_operand);
  EXPECT_EQ(use("e8m7+promote(32,binary32)", "e4m3fn+group(32)", false), at_promotion);
  EXPECT_EQ(use("e8m7+promote(16,binary32)", "e4m3fn+group(32)", false), at_promotion);
  EXPECT_EQ(use("e8m7+promote(64,binary32)", "e4m3fn+group(32)", false), in_operand);
  EXPECT_EQ(use("e8m7+promote(32,binary32)", "e4m3fn+group(32)", true), in_operand);
  EXPECT_EQ(use("e8m7+promote(32,binary32)", "e4m3fn+group(32,columns)", true), at_promotion);
}

TEST(EmulatedProduct, OuterSumsSeeTermsFarBelowBinarySixtyFour) {
  const QuantizerSpec groups = parse_quantizer("e4m3fn+group(1)");
  const EmulatedProduct product(Form::nt, parse_accumulator("e8m9+promote(1,e8m6+toward_positive)"),
                                groups, parse_quantizer("e4m3fn+unscaled"));
  const std::vector<float> a = {1.0F, 1.0F}, scales = {1.0F, 0x1p-60F}, b = {1.0F, 1.0F};
  float c = 0;
  product.run({{a.data(), 1, 2, 2}, {scales.data(), 1, 2, 2}}, {{b.data(), 1, 2, 2}, {}},
              {&c, 1, 1, 1}, {});
  EXPECT_EQ(c, 1.0F + 0x1p-6F);
}

TEST(EmulatedProduct, WideInnerSumsAreRoundedToBinary32BeforeTheirScales) {
  const Stored a("e4m3fn+group(8)", 1, kM, false, true), b("e4m3fn", 2, kN, false, true);
  EXPECT_EQ(run(Form::nt, "binary64+promote(8,binary32)", a, b),
            run(Form::nt, "exact(binary32)+promote(8,binary32)", a, b));
}

}  // namespace
}  // namespace halfulp::nn
