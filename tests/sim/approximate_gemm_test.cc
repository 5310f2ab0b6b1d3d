#include "sim/approximate_gemm.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "sim/random.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::on_every_simd_target;

const ApproximateProduct kRules[] = {{},
                                     {ProductRule::mitchell, 0},
                                     {ProductRule::l_mul, 3},
                                     {ProductRule::l_mul, 23},
                                     {ProductRule::l_mul_integer, 3},
                                     {ProductRule::l_mul_integer, 7}};

enum class Range { ordinary, wide, special };

std::vector<float> numbers(std::size_t n, std::uint32_t tensor, Range range) {
  const RandomStream stream = {11, 6, tensor, 0};
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t word = random_word(stream, i);
    const std::uint32_t exponent =
        range == Range::ordinary ? 110 + (word >> 8 & 31) : (word >> 4 & 255);
    x[i] = std::bit_cast<float>((word & 0x807F'FFFF) | exponent << 23);
    if (range != Range::special && !std::isfinite(x[i])) x[i] = 1.0F;
    if (word % 7 == 0) x[i] = std::copysign(0.0F, x[i]);
  }
  return x;
}

float rounded_product(const ApproximateProduct& rule, float a, float b) {
  if (rule.rule == ProductRule::exact) return a * b;
  return static_cast<float>(
      approximate_multiply(rule, static_cast<double>(a), static_cast<double>(b)));
}

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

struct Sizes {
  std::size_t rows, depth, cols;
};

void compare(const ApproximateProduct& rule, const Sizes& s, Range range) {
  const std::vector<float> a = numbers(s.rows * s.depth, 1, range);
  const std::vector<float> b = numbers(s.depth * s.cols, 2, range);
  std::vector<float> at(a.size()), bt(b.size()), expected(s.rows * s.cols);
  for (std::size_t i = 0; i < a.size(); ++i) at[i % s.depth * s.rows + i / s.depth] = a[i];
  for (std::size_t i = 0; i < b.size(); ++i) bt[i % s.cols * s.depth + i / s.cols] = b[i];
  for (std::size_t r = 0; r < s.rows; ++r) {
    for (std::size_t j = 0; j < s.cols; ++j) {
      float sum = 0.0F;
      for (std::size_t k = 0; k < s.depth; ++k) {
        sum += rounded_product(rule, a[r * s.depth + k], b[k * s.cols + j]);
      }
      expected[r * s.cols + j] = sum;
    }
  }
  const ConstMatrix an = {a.data(), s.rows, s.depth, s.depth};
  const ConstMatrix bn = {b.data(), s.depth, s.cols, s.cols};
  const ConstMatrix a_t = {at.data(), s.depth, s.rows, s.rows};
  const ConstMatrix b_t = {bt.data(), s.cols, s.depth, s.depth};
  on_every_simd_target([&] {
    for (int form = 0; form < 3; ++form) {
      std::vector<float> c(expected.size(), -1.0F);
      const Matrix out = {c.data(), s.rows, s.cols, s.cols};
      if (form == 0) approximate_gemm_nn(rule, an, bn, out);
      if (form == 1) approximate_gemm_nt(rule, an, b_t, out);
      if (form == 2) approximate_gemm_tn(rule, a_t, bn, out);
      for (std::size_t i = 0; i < c.size(); ++i) {
        ASSERT_TRUE(same(c[i], expected[i])) << to_spec(rule) << " form " << form << " element "
                                             << i << ": " << c[i] << " is not " << expected[i];
      }
    }
  });
}

TEST(ApproximateGemm, EqualsTheDefinitionInEveryForm) {
  for (const ApproximateProduct& rule : kRules) {
    for (const Sizes& sizes : {Sizes{1, 1, 1}, {4, 16, 32}, {7, 33, 45}, {9, 5, 70}, {2, 0, 3}}) {
      compare(rule, sizes, Range::ordinary);
    }
  }
}

TEST(ApproximateGemm, EqualsTheDefinitionWhereProductsLeaveTheRange) {
  for (const ApproximateProduct& rule : kRules) {
    compare(rule, {5, 6, 37}, Range::wide);
    compare(rule, {40, 1, 40}, Range::wide);
    compare(rule, {40, 1, 40}, Range::special);
  }
}

// The largest exponents that stay in range, and the least.
TEST(ApproximateGemm, EqualsTheDefinitionAtTheEdgesOfTheRange) {
  for (const ApproximateProduct& rule : kRules) {
    for (const int exponent : {63, 62, -62, -63, -64}) {
      const float x = std::ldexp(1.9999999F, exponent), y = std::ldexp(1.0F, exponent);
      for (const float a : {x, y}) {
        for (const float b : {x, -y}) {
          float c = 0.0F;
          approximate_gemm_nn(rule, {&a, 1, 1, 1}, {&b, 1, 1, 1}, {&c, 1, 1, 1});
          ASSERT_TRUE(same(c, 0.0F + rounded_product(rule, a, b))) << to_spec(rule) << exponent;
        }
      }
    }
  }
}

TEST(ApproximateGemm, ElementsEqualTheDefinition) {
  const std::vector<float> x = numbers(5000, 3, Range::special);
  const std::vector<float> y = numbers(5000, 4, Range::special);
  std::vector<float> out(x.size());
  for (const ApproximateProduct& rule : kRules) {
    approximate_multiply(rule, x.data(), y.data(), out.data(), out.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_TRUE(same(out[i], rounded_product(rule, x[i], y[i]))) << to_spec(rule) << " " << i;
    }
  }
}

TEST(ApproximateGemm, RejectsShapesThatDoNotFit) {
  float x[6] = {};
  EXPECT_THROW(approximate_gemm_nn({}, {x, 2, 3, 3}, {x, 2, 3, 3}, {x, 2, 3, 3}),
               std::invalid_argument);
}

}  // namespace
}  // namespace halfulp
