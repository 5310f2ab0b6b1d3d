// Sums to nearest even that need a repair: numbers chosen so that sums lie beside midpoints, on
// them, at the ends of binades and at zero, against the definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "sim/rounded_plan.h"
#include "tests/sim/accumulated_problem.h"

namespace halfulp::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

AccumulatorSpec bits(int precision) {
  return rounded(destination("e8m" + std::to_string(precision - 1)));
}

/// +-2^i for i of `exponents`, one in four beside it by half an ulp or one, or zero.
Values beside_powers(const std::vector<int>& exponents) {
  return [exponents](std::mt19937& rng) {
    const int i = exponents[rng() % exponents.size()];
    const float power = std::ldexp(rng() % 2 == 0 ? 1.0F : -1.0F, i);
    switch (rng() % 12) {
      case 0:
        return power * (1 + 0x1p-23F);
      case 1:
        return power * (1 - 0x1p-24F);
      case 2:
        return power * (1 + 0x1p-22F);
      case 3:
        return 0.0F;
      default:
        return power;
    }
  };
}

/// +-2^i or zero.
Values powers(const std::vector<int>& exponents) {
  return [exponents](std::mt19937& rng) {
    const int i = exponents[rng() % exponents.size()];
    return static_cast<float>(static_cast<int>(rng() % 3) - 1) * std::ldexp(1.0F, i);
  };
}

/// The same as expect_equal(), on problems that take one rule.
void expect_rule(ChainRule rule, const AccumulatorSpec& spec, const std::vector<Shape>& shapes,
                 const Values& values, unsigned seed, bool may_have_addend = true) {
  std::mt19937 rng(seed);
  for (const Shape& shape : shapes) {
    for (const Form form : {Form::nn, Form::nt, Form::tn}) {
      Problem problem(spec, form, shape, may_have_addend && rng() % 2 == 0, values, rng);
      const auto plan = problem.plan();
      ASSERT_TRUE(plan);
      EXPECT_EQ(static_cast<int>(plan->rule), static_cast<int>(rule));
      problem.define();
      on_every_simd_target([&] {
        problem.check("rule " + std::to_string(static_cast<int>(rule)) + ", " +
                      std::to_string(plan->precision) + " bits");
      });
      if (::testing::Test::HasFailure()) return;
    }
  }
}

std::vector<int> from_to(int first, int last) {
  std::vector<int> all;
  for (int i = first; i <= last; ++i) all.push_back(i);
  return all;
}

const std::vector<Shape> kShapes = {{9, 33, 3}, {8, 32, 8}, {17, 40, 21}, {3, 64, 41}};

TEST(RoundedChain, MeansOfSumsBesideMidpoints) {
  for (int p = 2; p <= kSelfRoundingPrecision; ++p) {
    for (const auto& exponents : {from_to(-12, 0), from_to(-1, 1), from_to(-p, -p + 2)}) {
      expect_rule(ChainRule::nearest_mean, bits(p), kShapes, beside_powers(exponents), 21);
    }
  }
}

TEST(RoundedChain, MeansOfWideNumbers) {
  for (const int p : {2, 8, 11}) {
    expect_rule(ChainRule::nearest_mean, bits(p), kShapes, values_of("binary32", 0), 22);
    expect_rule(ChainRule::nearest_mean, bits(p), kShapes, values_of("binary32", 24), 23);
  }
}

TEST(RoundedChain, OddSumsBesideMidpoints) {
  for (const int p : {12, 14, 17, 22}) {
    for (const auto& exponents : {from_to(-12, 0), from_to(-1, 1), from_to(-p, -p + 2)}) {
      expect_rule(ChainRule::nearest_odd, bits(p), kShapes, beside_powers(exponents), 24);
    }
  }
}

/// One addition to each number of `precision` bits of two binades and beside them.
TEST(RoundedChain, MeansOfAllNumbersOfFewBits) {
  for (int p = 2; p <= 6; ++p) {
    std::vector<float> numbers;
    for (int i = 1 << (p - 1); i <= 1 << (p + 1); ++i) {
      const auto x = static_cast<float>(i <= 1 << p ? i : 2 * (i - (1 << p)) + (1 << p));
      numbers.push_back(x);
      numbers.push_back(-x);
    }
    std::vector<float> terms;
    for (int i = -26; i <= p + 2; ++i) {
      for (const float beside : {1.0F, 1 + 0x1p-23F, 1 - 0x1p-24F, 1.5F}) {
        terms.push_back(std::ldexp(beside, i));
        terms.push_back(std::ldexp(-beside, i));
      }
    }
    std::mt19937 rng(25);
    const auto one = [](std::mt19937&) { return 1.0F; };
    Problem problem(bits(p), Form::nn, {terms.size(), numbers.size(), 1}, true, one, rng);
    problem.a() = terms;
    for (std::size_t i = 0; i < problem.addend().size(); ++i) {
      problem.addend()[i] = numbers[i % numbers.size()];
    }
    EXPECT_EQ(static_cast<int>(problem.plan()->rule), static_cast<int>(ChainRule::nearest_mean));
    problem.define();
    on_every_simd_target([&] { problem.check(std::to_string(p) + " bits"); });
  }
}

TEST(RoundedChain, MeansInSegmentsThatAreNoMultiplesOfDoublings) {
  const Values wide = values_of("binary32", 6);
  for (const int interval : {3, 8, 13, 100}) {
    const auto spec = promoted(bits(11), interval, destination("binary32"));
    expect_rule(ChainRule::nearest_mean, spec, {{9, 33, 30}, {8, 32, 520}}, wide, 26);
  }
  const auto blocked = rounded(destination("bfloat16"), 1, {Order::blocked, 5});
  expect_rule(ChainRule::nearest_mean, blocked, kShapes, beside_powers(from_to(-9, 0)), 27);
  expect_rule(ChainRule::nearest_mean, bits(8), {{9, 33, 1037}}, wide, 28);
}

TEST(RoundedChain, MeansAtTheEndsOfTheExponents) {
  const auto scaled = [](float factor) -> Values {
    return [factor](std::mt19937& rng) { return beside_powers(from_to(-9, 0))(rng) * factor; };
  };
  expect_rule(ChainRule::nearest_mean, bits(2), kShapes, scaled(0x1p42F), 29);
  expect_rule(ChainRule::nearest_mean, bits(11), kShapes, scaled(0x1p42F), 30);
  // Below the kernels' exponents, and outside of what they can be brought to.
  expect_rule(ChainRule::nearest_mean, bits(11), kShapes, scaled(0x1p-29F), 31, false);
  for (const float factor : {0x1p47F, 0x1p55F, 0x1p62F, 0x1p-60F}) {
    expect_equal({{"p 11", bits(11)}, {"p 2", bits(2)}}, {{9, 33, 9}}, scaled(factor), 32);
  }
  // Products in range, columns of B that cannot double.
  std::mt19937 rng(33);
  Problem problem(bits(8), Form::nt, {9, 33, 20}, false, scaled(0x1p126F), rng);
  for (float& x : problem.a()) x = std::ldexp(x, -186);
  problem.define();
  on_every_simd_target([&] { problem.check("large columns"); });
}

/// Sums that are rounded now and then, of operands that nobody looks at: numbers that leave the
/// normal range on the way, one kind at a time, few so that no other mark is left.
TEST(RoundedChain, SumsOutOfRangeLeaveMarks) {
  const float tiny = std::ldexp(1.0F, -74);
  const float huge = std::ldexp(1.0F, 63);
  const std::vector<std::vector<float>> chains = {
      {tiny * 0x1p10F, tiny * 0x1.8p10F, tiny * 0x1p10F},  // subnormal sums
      {-tiny, 0, 0},                                       // rounded below the subnormal numbers
      {tiny * 1.5F, tiny * 0x1.000002p20F, tiny * 3},      // in part
      {0x1p-149F, 0x1p-140F, 1},                           // subnormal operands
      {huge, 1, huge, huge},
      {huge * 1.9999F, 1},  // finite until it is rounded
      {huge, huge, huge, -huge, -huge},
      {kInfinity, 1, 2},
      {kInfinity, -kInfinity},
      {NAN, 1},
      {1, 2, 3},
  };
  for (std::size_t length : {5U, 9U, 40U}) {
    for (const std::vector<float>& chain : chains) {
      std::mt19937 rng(41);
      Problem problem(rounded(destination("e8m7"), 4), Form::nn, {7, 70, length}, false,
                      powers({0}), rng);
      // One row; the other operand is of the same size, so that products are squares.
      std::copy(chain.begin(), chain.end(), problem.a().begin() + static_cast<int>(6 * length));
      for (std::size_t k = 0; k < chain.size(); ++k) {
        const float x = std::fabs(chain[k]);
        const bool is_extreme = x < 0x1p-20F || (x > 0x1p20F && x < kInfinity);
        problem.b()[k * 70 + 69] = is_extreme ? x : 1.0F;
      }
      problem.define();
      on_every_simd_target([&] { problem.check("chain of " + std::to_string(chain[0])); });
    }
  }
}

TEST(RoundedChain, SumsOutOfRangeAtRandom) {
  const std::vector<Named> every = {{"3", rounded(destination("e8m10"), 3)},
                                    {"16", rounded(destination("e8m17"), 16)}};
  for (const auto& exponents : {from_to(-76, -60), from_to(60, 63), from_to(-76, 63)}) {
    expect_equal(every, {{7, 70, 20}}, beside_powers(exponents), 42);
  }
}

/// Products are powers of two: s is a midpoint short of a trace, then comes a large one.
TEST(RoundedChain, GuardedSumsAreDoneAgain) {
  for (int p = 12; p <= 20; ++p) {
    const auto traces = powers({0, -p + 1, -p, -24, -25});
    expect_rule(ChainRule::nearest_guarded, bits(p), {{9, 33, 12}, {9, 40, 150}}, traces, 34);
  }
  // Enough failures that no sum is tried any more.
  expect_rule(ChainRule::nearest_guarded, bits(13), {{100, 40, 70}}, powers({0, -12, -13, -24}),
              35);
}

/// All sums of a tile are the same: no other one has it done again.
TEST(RoundedChain, GuardedSumsAreDoneAgainForEachReason) {
  const std::vector<std::vector<float>> chains = {
      // The sum before the last term ends two places below the 24 bits of the next, or one place.
      {0x1p-12F, 0x1p-13F, -0x1p-24F, 1},
      {0x1p-13F, 0x1p-24F, 1},
      {-0x1p-13F, -0x1p-25F, -1},
      {1, -1, -0x1p-24F, -0x1p-13F, -1},
  };
  for (const std::vector<float>& chain : chains) {
    std::mt19937 rng(40);
    const auto one = [](std::mt19937&) { return 1.0F; };
    Problem problem(bits(13), Form::nt, {16, 64, 100}, false, one, rng);
    std::fill(problem.a().begin(), problem.a().end(), 0.0F);
    for (std::size_t i = 0; i < problem.a().size(); i += 100) {
      std::copy(chain.begin(), chain.end(), problem.a().begin() + static_cast<int>(i));
      problem.a()[i + 99] = chain.back() * 0x1p-3F;
    }
    EXPECT_EQ(static_cast<int>(problem.plan()->rule), static_cast<int>(ChainRule::nearest_guarded));
    problem.define();
    on_every_simd_target([&] { problem.check("chain"); });
  }
}

TEST(RoundedChain, GuardedSumsThatPass) {
  // Without addends, among which minus zeros would be. Exact; inexact but aligned (products far
  // below the sums); with tiny products among the first.
  for (int p = 12; p <= 15; ++p) {
    expect_rule(ChainRule::nearest_guarded, bits(p), {{9, 33, 150}}, values_of("e4m3fn", 12), 36,
                false);
    expect_rule(ChainRule::nearest_guarded, bits(p), {{9, 33, 150}}, values_of("e4m3fn", 14), 37,
                false);
  }
  expect_rule(ChainRule::nearest_guarded, bits(17), {{9, 33, 150}}, values_of("e5m2", 24), 38,
              false);
  const auto spec = promoted(bits(14), 70, destination("binary32"));
  expect_rule(ChainRule::nearest_guarded, spec, {{9, 33, 300}}, values_of("e4m3fn", 16), 39, false);
}

}  // namespace
}  // namespace halfulp::testing
