// The draws of matrix products: AES's published example, and statistics with the tolerances of
// their theory.
#include "sim/accumulator_draws.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace halfulp {
namespace {

constexpr RandomStream kStream{12345, 3, 9, 4};

// NIST FIPS 197, Appendix B: the state at the start of round 1 and after its MixColumns.
TEST(AccumulatorDraws, AesRoundOfTheStandardsExample) {
  const AesBlock start = {0x19, 0x3d, 0xe3, 0xbe, 0xa0, 0xf4, 0xe2, 0x2b,
                          0x9a, 0xc6, 0x8d, 0x2a, 0xe9, 0xf8, 0x48, 0x08};
  const AesBlock mixed = {0x04, 0x66, 0x81, 0xe5, 0xe0, 0xcb, 0x19, 0x9a,
                          0x48, 0xf8, 0xd3, 0x7a, 0x28, 0x06, 0x26, 0x4c};
  EXPECT_EQ(aes_round(start), mixed);
}

/// Pearson's statistic of counts that should all be equal. With c cells it has mean c - 1 and
/// standard deviation sqrt(2 (c - 1)).
double deviation(const std::vector<int>& counts) {
  double total = 0;
  for (const int count : counts) total += count;
  const auto cells = static_cast<double>(counts.size());
  const double mean = total / cells;
  double sum = 0;
  for (const int count : counts) sum += (count - mean) * (count - mean) / mean;
  return (sum - (cells - 1)) / std::sqrt(2 * (cells - 1));
}

// Six standard deviations; the right tail of chi-squared with 255 degrees of freedom is there about
// 1e-7, and under a hundred statistics are looked at.
constexpr double kLimit = 6;

struct Place {
  std::uint64_t row, column, j;
};

std::uint32_t draw(const Place& at, bool shared) {
  return accumulator_draw(kStream, at.row, at.column, 64, at.j, shared);
}

/// Calls f for 2^16 places. Shared draws of different rows depend on each other, so they are looked
/// at in one row.
template <class F>
void at_many_places(bool shared, const F& f) {
  const std::uint64_t rows = shared ? 1 : 16;
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (std::uint64_t column = 0; column < 64; ++column) {
      for (std::uint64_t j = 0; j < 1024 / rows; ++j) f(Place{row, column, j});
    }
  }
}

TEST(AccumulatorDraws, EveryByteIsUniform) {
  for (const bool shared : {false, true}) {
    std::vector<int> high(256), low(256);
    at_many_places(shared, [&](const Place& at) {
      const std::uint32_t x = draw(at, shared);
      ASSERT_LT(x, 1U << 16);
      ++high[x >> 8];
      ++low[x & 255];
    });
    EXPECT_LT(std::abs(deviation(high)), kLimit) << shared;
    EXPECT_LT(std::abs(deviation(low)), kLimit) << shared;
  }
}

/// Of the joint distribution of four bits of each of two places, from bit `shift` on.
double joint_deviation(const Place& step, int shift, bool shared) {
  std::vector<int> counts(256);
  at_many_places(shared, [&](const Place& at) {
    const Place next = {at.row + step.row, at.column + step.column, at.j + step.j};
    ++counts[(draw(at, shared) >> shift & 15) << 4 | (draw(next, shared) >> shift & 15)];
  });
  return deviation(counts);
}

TEST(AccumulatorDraws, NeighboursAreIndependent) {
  const Place steps[] = {{1, 0, 0}, {2, 0, 0}, {0, 1, 0}, {0, 8, 0},
                         {0, 0, 1}, {1, 1, 0}, {1, 0, 1}};
  for (const Place& step : steps) {
    for (const int shift : {0, 4, 12}) {
      EXPECT_LT(std::abs(joint_deviation(step, shift, false)), kLimit)
          << step.row << " " << step.column << " " << step.j << ", bit " << shift;
      if (step.row > 0) continue;
      EXPECT_LT(std::abs(joint_deviation(step, shift, true)), kLimit);
    }
  }
}

TEST(AccumulatorDraws, IndependentRowsDoNotCorrelate) {
  // The mean of n products of independent uniform numbers in [-1/2, 1/2) has standard deviation
  // 1 / (12 sqrt(n)).
  double sum = 0;
  double n = 0;
  at_many_places(false, [&](const Place& at) {
    const auto centred = [&](std::uint64_t row) {
      return draw({row, at.column, at.j}, false) / 65536.0 - 0.5;
    };
    sum += centred(at.row) * centred(at.row + 1);
    ++n;
  });
  EXPECT_LT(std::abs(sum / n), kLimit / (12 * std::sqrt(n)));
}

TEST(AccumulatorDraws, SharedRowsDifferByAConstant) {
  for (std::uint64_t column = 0; column < 64; ++column) {
    const auto difference = [&](std::uint64_t j) {
      return draw({3, column, j}, true) ^ draw({7, column, j}, true);
    };
    EXPECT_EQ(difference(0), difference(1 + column));
    EXPECT_EQ(difference(0), draw({3, column % 8, 9}, true) ^ draw({7, column % 8, 9}, true));
  }
}

}  // namespace
}  // namespace halfulp
