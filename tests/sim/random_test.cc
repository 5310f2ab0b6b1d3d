#include "sim/random.h"

#include <Random123/philox.h>
#undef philox4x32  // Random123 has a macro of this name
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Random123 1.x, tests/kat_vectors, "philox4x32 10".
TEST(Philox4x32, EqualsThePublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Word `w` of a block, by Random123's own Philox.
std::uint32_t random123_word_of_block(const RandomStream& stream, std::uint64_t block,
                                      std::uint64_t w) {
  const r123::Philox4x32::ctr_type counter{
      {static_cast<std::uint32_t>(block), stream.step, stream.tensor,
       stream.stream | static_cast<std::uint32_t>(block >> 32 << 8)}};
  const r123::Philox4x32::key_type key{{static_cast<std::uint32_t>(stream.seed & 0xffffffff),
                                        static_cast<std::uint32_t>(stream.seed >> 32)}};
  return r123::Philox4x32()(counter, key)[w];
}

// The layout of random_word as the header states it.
std::uint32_t random123_word(const RandomStream& stream, std::uint64_t index) {
  const std::uint64_t block = 16 * (index / 64) + index % 16;
  return random123_word_of_block(stream, block, index / 16 % 4);
}

// The layout of random_draw as the header states it.
std::uint32_t random123_draw(const RandomStream& stream, std::uint64_t index) {
  const std::uint64_t c = index / 64;
  const std::uint64_t g = index / 16 % 4;
  const std::uint64_t l = index % 16;
  const std::uint32_t word =
      random123_word_of_block(stream, 8 * c + l / 2, 2 * (g / 2) + 1 - l % 2);
  return g % 2 == 0 ? word % 65536 : word / 65536;
}

const RandomStream kStream{.seed = 0x123456789abcdef0, .stream = 3, .tensor = 7, .step = 1000};

TEST(RandomWord, EqualsRandom123WithTheDocumentedLayout) {
  for (const std::uint64_t start :
       {std::uint64_t{0}, (std::uint64_t{1} << 34) - 100, (std::uint64_t{1} << 50) + 17}) {
    for (std::uint64_t i = start; i < start + 300; ++i) {
      ASSERT_EQ(random_word(kStream, i), random123_word(kStream, i)) << i;
    }
  }
}

TEST(RandomDraw, EqualsRandom123WithTheDocumentedLayout) {
  for (const std::uint64_t start :
       {std::uint64_t{0}, (std::uint64_t{1} << 35) - 100, (std::uint64_t{1} << 50) + 17}) {
    for (std::uint64_t i = start; i < start + 300; ++i) {
      ASSERT_EQ(random_draw(kStream, i), random123_draw(kStream, i)) << i;
    }
  }
}

// Each of the 8 * 4 * 2 halves of a chunk's words is the draw of one of its elements.
TEST(RandomDraw, ChunkUsesEveryHalfOfItsWordsOnce) {
  std::vector<std::uint32_t> draws;
  std::vector<std::uint32_t> halves;
  for (std::uint64_t i = 0; i < 64; ++i) {
    draws.push_back(random_draw(kStream, 64 + i));
    const std::uint32_t word = random123_word_of_block(kStream, 8 + i / 8, i / 2 % 4);
    halves.push_back(i % 2 == 0 ? word % 65536 : word / 65536);
  }
  EXPECT_TRUE(std::is_permutation(draws.begin(), draws.end(), halves.begin()));
}

TEST(RandomBits, AreTheHighBitsOfDrawsUpTo16AndOfWordsAbove) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(random_bits(kStream, i, 1), random123_draw(kStream, i) >> 15);
    EXPECT_EQ(random_bits(kStream, i, 16), random123_draw(kStream, i));
    EXPECT_EQ(random_bits(kStream, i, 17), random123_word(kStream, i) >> 15);
    EXPECT_EQ(random_bits(kStream, i, 32), random123_word(kStream, i));
  }
}

TEST(RandomWords, EqualRandomWordForEveryHeadAndTailOnEveryTarget) {
  testing::on_every_simd_target([] {
    for (const std::uint64_t base : {std::uint64_t{0}, (std::uint64_t{1} << 34) - 128}) {
      for (std::uint64_t head = 0; head < 66; head += 5) {
        for (const unsigned int n :
             {0U, 1U, 15U, 16U, 17U, 63U, 64U, 65U, 127U, 128U, 129U, 300U}) {
          std::vector<std::uint32_t> words(n + 1, 0xdeadbeef);
          random_words(kStream, base + head, words.data(), n);
          for (std::uint64_t i = 0; i < n; ++i) {
            ASSERT_EQ(words[i], random123_word(kStream, base + head + i)) << head << " " << i;
          }
          ASSERT_EQ(words[n], 0xdeadbeef);
        }
      }
    }
  });
}

TEST(RandomBitWords, HoldRandomBitsInTheirHighBitsOnEveryTarget) {
  testing::on_every_simd_target([] {
    for (const int bits : {1, 5, 16, 17, 32}) {
      for (const unsigned int n : {0U, 1U, 63U, 64U, 200U}) {
        std::vector<std::uint32_t> words(n + 1, 0xdeadbeef);
        random_bit_words(kStream, 37, bits, words.data(), n);
        for (std::uint64_t i = 0; i < n; ++i) {
          ASSERT_EQ(words[i] >> (32 - bits), random_bits(kStream, 37 + i, bits))
              << bits << " " << i;
        }
        ASSERT_EQ(words[n], 0xdeadbeef);
      }
    }
  });
}

TEST(RandomWord, EveryFieldOfTheStreamMatters) {
  const std::uint32_t word = random_word(kStream, 5);
  RandomStream other = kStream;
  other.seed ^= 1;
  EXPECT_NE(random_word(other, 5), word);
  other = kStream;
  other.seed ^= std::uint64_t{1} << 40;
  EXPECT_NE(random_word(other, 5), word);
  other = kStream;
  other.stream = 4;
  EXPECT_NE(random_word(other, 5), word);
  other = kStream;
  other.tensor = 8;
  EXPECT_NE(random_word(other, 5), word);
  other = kStream;
  other.step = 1001;
  EXPECT_NE(random_word(other, 5), word);
}

TEST(RandomUnit, IsTheMiddleOfTheWordsTop24BitCell) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const double unit = random_unit(kStream, i);
    EXPECT_EQ(std::ldexp(unit, 25), 2.0 * (random123_word(kStream, i) >> 8) + 1.0);
    EXPECT_GT(unit, 0.0);
    EXPECT_LT(unit, 1.0);
  }
}

TEST(RandomUnit, MomentsAreThoseOfTheUniformDistribution) {
  constexpr int kCount = 100000;
  double sum = 0;
  double squares = 0;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const double d = random_unit(kStream, i) - 0.5;
    sum += d;
    squares += d * d;
  }
  // Standard errors: sqrt(1/12/n) for the mean, sqrt((1/80 - 1/144)/n) for the variance.
  EXPECT_NEAR(sum / kCount, 0.0, 4 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(squares / kCount, 1.0 / 12, 4 * std::sqrt((1.0 / 80 - 1.0 / 144) / kCount));
}

TEST(RandomBelow, IsTheHighHalfOfTheProduct) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::uint64_t low = random123_word(kStream, 2 * i);
    const std::uint64_t high = random123_word(kStream, 2 * i + 1);
    for (const std::uint64_t bound : {1ULL, 2ULL, 10ULL, 1000003ULL}) {
      // bound < 2^32: floor((high 2^32 + low) bound / 2^64) without 128-bit integers.
      const std::uint64_t expected = (high * bound + (low * bound >> 32)) >> 32;
      EXPECT_EQ(random_below(kStream, i, bound), expected);
      EXPECT_LT(random_below(kStream, i, bound), bound);
    }
  }
  EXPECT_EQ(random_below(kStream, 0, 0), 0U);
}

TEST(RandomBelow, ChiSquareOfTenCellsIsOrdinary) {
  constexpr int kCount = 50000;
  std::array<int, 10> cells{};
  for (std::uint64_t i = 0; i < kCount; ++i) ++cells[random_below(kStream, i, 10)];
  double chi_square = 0;
  for (const int n : cells) chi_square += (n - 5000.0) * (n - 5000.0) / 5000.0;
  EXPECT_LT(chi_square, 27.9);  // 99.9 % quantile, 9 degrees of freedom
}

TEST(RandomNormal, IsBoxMullerOfItsTwoUnits) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const double u = (static_cast<double>(random123_word(kStream, 2 * i) >> 8) + 0.5) / 16777216.0;
    const double v =
        (static_cast<double>(random123_word(kStream, 2 * i + 1) >> 8) + 0.5) / 16777216.0;
    const double expected = std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * v);
    EXPECT_NEAR(random_normal(kStream, i), expected, 1e-13);
  }
}

TEST(RandomNormal, FirstFourMomentsAreThoseOfTheNormalDistribution) {
  constexpr int kCount = 100000;
  std::array<double, 5> sums{};
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const double x = random_normal(kStream, i);
    double power = 1;
    for (double& sum : sums) {
      sum += power;
      power *= x;
    }
  }
  // Variances of x^k for a standard normal: 1, 2, 15, 96.
  const double root = std::sqrt(static_cast<double>(kCount));
  EXPECT_NEAR(sums[1] / kCount, 0.0, 4 * 1.0 / root);
  EXPECT_NEAR(sums[2] / kCount, 1.0, 4 * std::sqrt(2.0) / root);
  EXPECT_NEAR(sums[3] / kCount, 0.0, 4 * std::sqrt(15.0) / root);
  EXPECT_NEAR(sums[4] / kCount, 3.0, 4 * std::sqrt(96.0) / root);
}

}  // namespace
}  // namespace halfulp
