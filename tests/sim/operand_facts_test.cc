// Facts of operands against a count with frexp, element by element.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "sim/gemm_task.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

OperandFacts count(const std::vector<float>& values) {
  OperandFacts facts;
  facts.largest_exponent = std::numeric_limits<int>::min();
  facts.least_exponent = facts.quantum_exponent = std::numeric_limits<int>::max();
  for (const float x : values) {
    if (x == 0) {
      facts.has_negative_zero = facts.has_negative_zero || std::signbit(x);
      continue;
    }
    facts.is_zero = false;
    int exponent = 0;
    const auto significand = static_cast<std::uint32_t>(
        std::ldexp(std::frexp(std::abs(static_cast<double>(x)), &exponent), 24));
    const int zeros = std::countr_zero(significand);
    facts.largest_exponent = std::max(facts.largest_exponent, exponent - 1);
    facts.least_exponent = std::min(facts.least_exponent, exponent - 1);
    facts.quantum_exponent = std::min(facts.quantum_exponent, exponent - 24 + zeros);
    facts.significant_bits = std::max(facts.significant_bits, 24 - zeros);
  }
  return facts;
}

void expect_facts(const std::vector<float>& values, std::size_t cols) {
  const ConstMatrix x{values.data(), values.size() / cols, cols, cols};
  const OperandFacts expected = count(values);
  testing::on_every_simd_target([&] {
    const OperandFacts facts = operand_facts(x);
    const OperandFacts bounds = operand_bounds(x);
    EXPECT_TRUE(facts.is_finite);
    EXPECT_EQ(facts.is_zero, expected.is_zero);
    EXPECT_EQ(bounds.is_zero, expected.is_zero);
    EXPECT_EQ(facts.has_negative_zero, expected.has_negative_zero);
    if (expected.is_zero) return;
    EXPECT_EQ(facts.largest_exponent, expected.largest_exponent);
    EXPECT_EQ(facts.least_exponent, expected.least_exponent);
    EXPECT_EQ(facts.quantum_exponent, expected.quantum_exponent);
    EXPECT_EQ(facts.significant_bits, expected.significant_bits);
    EXPECT_EQ(bounds.largest_exponent, expected.largest_exponent);
    EXPECT_EQ(bounds.least_exponent, expected.least_exponent);
    EXPECT_LE(bounds.quantum_exponent, expected.quantum_exponent);
    EXPECT_GE(bounds.significant_bits, expected.significant_bits);
  });
}

TEST(OperandFacts, OfRandomMatrices) {
  std::mt19937 rng(1);
  for (int i = 0; i < 200; ++i) {
    const std::size_t cols = 1 + rng() % 40;
    std::vector<float> values(cols * (1 + rng() % 4));
    const auto bits = static_cast<unsigned>(1 + rng() % 24);
    const int lowest = -149 + static_cast<int>(rng() % 200);
    const auto range = static_cast<unsigned>(1 + rng() % 60);
    for (float& x : values) {
      const auto whole = static_cast<float>(static_cast<int>(rng() % (1U << bits)));
      x = std::ldexp(rng() % 2 == 0 ? whole : -whole, lowest + static_cast<int>(rng() % range));
    }
    expect_facts(values, cols);
  }
}

TEST(OperandFacts, OfZerosAndExtremes) {
  expect_facts({0, 0, 0}, 3);
  expect_facts({0, -0.0F, 0}, 3);
  expect_facts({-0.0F}, 1);
  expect_facts({0x1p-149F, 0x1.fffffep127F}, 2);
  expect_facts({-0x1.8p-127F}, 1);
  expect_facts({-0x1p127F, 0}, 1);
}

TEST(OperandFacts, NanAndInfinityAreNotFinite) {
  for (const float special : {INFINITY, -INFINITY, NAN, -NAN}) {
    std::vector<float> values(37, 1.0F);
    values[35] = special;
    const ConstMatrix x{values.data(), 1, 37, 37};
    testing::on_every_simd_target([&] {
      EXPECT_FALSE(operand_facts(x).is_finite);
      EXPECT_FALSE(operand_bounds(x).is_finite);
    });
  }
}

}  // namespace
}  // namespace halfulp
