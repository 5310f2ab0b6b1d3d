#include "sim/hadamard.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

std::vector<float> whole_numbers(std::size_t n) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = static_cast<float>(static_cast<int>(random_word({.seed = 3}, i) % 201) - 100);
  }
  return x;
}

/// x D H / sqrt(n) by the definition of H, in binary64.
std::vector<double> by_definition(const std::vector<float>& x, const std::vector<float>& signs) {
  const std::size_t n = signs.size();
  std::vector<double> y(x.size(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t run = i / n * n;
    for (std::size_t j = 0; j < n; ++j) {
      const bool is_odd = std::popcount((i - run) & j) % 2 == 1;
      const double term = static_cast<double>(x[i] * signs[i - run]);
      y[run + j] += is_odd ? -term : term;
    }
  }
  for (double& value : y) value /= std::sqrt(static_cast<double>(n));
  return y;
}

// Sums of whole numbers are exact; the factor is rounded once and used once.
TEST(HadamardRows, EqualTheDefinition) {
  for (const std::size_t n : {1U, 2U, 16U, 32U, 128U}) {
    const std::vector<float> x = whole_numbers(2 * 256);
    const std::vector<float> signs = random_signs({.seed = 9, .step = 4}, n);
    std::vector<float> y(x.size());
    hadamard_rows({x.data(), 2, 256, 256}, {y.data(), 2, 256, 256}, signs);
    const std::vector<double> expected = by_definition(x, signs);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double tolerance = std::abs(expected[i]) * 0x1p-23 + 1e-12;
      ASSERT_NEAR(static_cast<double>(y[i]), expected[i], tolerance) << n << " " << i;
    }
  }
}

TEST(HadamardRows, InverseCancelsExactlyForWholeNumbers) {
  for (const std::size_t n : {4U, 16U, 64U, 256U}) {
    const std::vector<float> x = whole_numbers(3 * 256);
    std::vector<float> y = x;
    const std::vector<float> signs = random_signs({.seed = 7}, n);
    const Matrix view{y.data(), 3, 256, 256};
    hadamard_rows(view, view, signs);
    EXPECT_NE(y, x);
    inverse_hadamard_rows(view, view, signs);
    EXPECT_EQ(y, x) << n;
  }
}

// (A D H)(B D H)^T / n = A B^T: exact for whole numbers and n = 16.
TEST(HadamardRows, RotationsOfBothOperandsCancelInAProduct) {
  const std::vector<float> a = whole_numbers(64);
  std::vector<float> b = whole_numbers(128);
  b.erase(b.begin(), b.begin() + 64);
  std::vector<float> ra(64);
  std::vector<float> rb(64);
  hadamard_rows({a.data(), 1, 64, 64}, {ra.data(), 1, 64, 64}, transformer_engine_signs());
  hadamard_rows({b.data(), 1, 64, 64}, {rb.data(), 1, 64, 64}, transformer_engine_signs());
  double plain = 0;
  double rotated = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    plain += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    rotated += static_cast<double>(ra[i]) * static_cast<double>(rb[i]);
  }
  EXPECT_EQ(plain, rotated);
}

TEST(HadamardRows, AnOutlierSpreadsEvenly) {
  std::vector<float> x(32, 0.0F);
  x[5] = 64.0F;
  hadamard_rows({x.data(), 2, 16, 16}, {x.data(), 2, 16, 16}, transformer_engine_signs());
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(std::abs(x[i]), 16.0F);
  for (std::size_t i = 16; i < 32; ++i) EXPECT_EQ(x[i], 0.0F);
}

TEST(HadamardRows, StridesLeaveTheRestAlone) {
  std::vector<float> x(2 * 20, 1.0F);
  const Matrix view{x.data(), 2, 16, 20};
  hadamard_rows(view, view, std::vector<float>(4, 1.0F));
  EXPECT_EQ(x[0], 2.0F);
  EXPECT_EQ(x[1], 0.0F);
  EXPECT_EQ(x[16], 1.0F);
  EXPECT_EQ(x[36], 2.0F - 1.0F);
}

TEST(HadamardRows, RefusesOtherSizes) {
  std::vector<float> x(24);
  const Matrix view{x.data(), 1, 24, 24};
  EXPECT_THROW(hadamard_rows(view, view, std::vector<float>(3, 1.0F)), std::invalid_argument);
  EXPECT_THROW(hadamard_rows(view, view, std::vector<float>(16, 1.0F)), std::invalid_argument);
  EXPECT_THROW(hadamard_rows(view, view, {}), std::invalid_argument);
}

/// The passes one after the other, in binary32.
void plain_rotation(float* x, const std::vector<float>& signs, bool is_inverse) {
  const std::size_t n = signs.size();
  for (std::size_t i = 0; i < n && !is_inverse; ++i) x[i] *= signs[i];
  for (std::size_t distance = 1; distance < n; distance *= 2) {
    std::vector<float> next(n);
    for (std::size_t i = 0; i < n; ++i) {
      const float other = x[i ^ distance];
      next[i] = (i & distance) == 0 ? x[i] + other : other - x[i];
    }
    std::copy(next.begin(), next.end(), x);
  }
  for (std::size_t i = 0; i < n; ++i) {
    x[i] *= 1.0F / std::sqrt(static_cast<float>(n));
    if (is_inverse) x[i] *= signs[i];
  }
}

// Numbers of many magnitudes: every sum rounds, so that another order of operations would show.
TEST(Hadamard, RowsAndColumnsFollowTheDeclaredOrderOnEveryTarget) {
  constexpr std::size_t kRows = 512, kCols = 19;
  std::vector<float> x(kRows * kCols);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(random_normal({.seed = 2}, i)) * (i % 7 == 0 ? 100.0F : 1.0F);
  }
  testing::on_every_simd_target([&] {
    for (const std::size_t n : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 128U, 512U}) {
      const std::vector<float> signs = random_signs({.seed = 5}, n);
      std::vector<float> columns(x.size()), rows(x.size()), inverse(x.size());
      hadamard_columns({x.data(), kRows, kCols, kCols}, {columns.data(), kRows, kCols, kCols},
                       signs);
      hadamard_rows({x.data(), kCols, kRows, kRows}, {rows.data(), kCols, kRows, kRows}, signs);
      inverse_hadamard_rows({x.data(), kCols, kRows, kRows}, {inverse.data(), kCols, kRows, kRows},
                            signs);
      for (std::size_t c = 0; c < kCols; ++c) {
        for (std::size_t r = 0; r < kRows; r += n) {
          std::vector<float> down(n), run(x.data() + c * kRows + r, x.data() + c * kRows + r + n);
          for (std::size_t i = 0; i < n; ++i) down[i] = x[(r + i) * kCols + c];
          std::vector<float> back = run;
          plain_rotation(down.data(), signs, false);
          plain_rotation(run.data(), signs, false);
          plain_rotation(back.data(), signs, true);
          for (std::size_t i = 0; i < n; ++i) {
            ASSERT_EQ(columns[(r + i) * kCols + c], down[i]) << n;
            ASSERT_EQ(rows[c * kRows + r + i], run[i]) << n;
            ASSERT_EQ(inverse[c * kRows + r + i], back[i]) << n;
          }
        }
      }
    }
  });
}

TEST(RandomSigns, DependOnTheStreamAndAreBalanced) {
  const std::vector<float> a = random_signs({.seed = 1}, 4096);
  EXPECT_EQ(a, random_signs({.seed = 1}, 4096));
  EXPECT_NE(a, random_signs({.seed = 1, .step = 1}, 4096));
  float sum = 0;
  for (const float sign : a) sum += sign;
  EXPECT_LT(std::abs(sum), 4 * 64);  // four standard errors
}

}  // namespace
}  // namespace halfulp
