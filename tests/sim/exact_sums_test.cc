#include "sim/exact_sums.h"

#include "formats/round.h"
#include "formats/spec.h"
#include "tests/sim/sum_kernels_check.h"

namespace halfulp {
namespace {

using testing::expect_sums;
using testing::SumProblem;
using testing::SumShape;
using testing::Values;

float normal(std::mt19937& rng) { return std::normal_distribution<float>()(rng); }

/// Numbers of a format, spread over `binades` around 1.
Values spread(const std::string& format, int binades) {
  return [to = parse_format(format), binades](std::mt19937& rng) {
    const int exponent = static_cast<int>(rng() % static_cast<unsigned>(binades)) - binades / 2;
    const double x = std::ldexp(static_cast<double>(normal(rng)), exponent);
    return rng() % 16 == 0 ? 0.0F : static_cast<float>(round(to, {}, x));
  };
}

const std::vector<SumShape> kShapes = {{1, 1, 1},  {1, 1, 37},  {3, 5, 8},   {7, 33, 19},
                                       {1, 40, 9}, {40, 1, 23}, {13, 2, 50}, {8, 17, 300}};

TEST(ExactSums, OneWindowForNarrowFormats) {
  const Values e4m3 = spread("e4m3fn", 8);
  for (const char* spec : {"exact(binary32)", "exact(e4m3fn)", "exact(posit(16,2))",
                           "exact(binary16)+toward_zero", "exact(bfloat16)+toward_positive"}) {
    expect_sums(accumulate_exact, {spec, e4m3, e4m3, spread("binary16", 4)}, kShapes);
  }
}

TEST(ExactSums, SeveralWindows) {
  for (const int binades : {10, 24, 36}) {
    const Values values = spread("binary32", binades);
    for (const char* spec : {"exact(binary32)", "exact(binary16)+toward_zero",
                             "exact(binary32)+to_odd", "exact(posit(16,2))"}) {
      expect_sums(accumulate_exact, {spec, values, values, values}, kShapes);
    }
  }
}

TEST(ExactSums, SubnormalOperandsAndResults) {
  const Values tiny = [](std::mt19937& rng) { return std::ldexp(normal(rng), -130); };
  const Values small = [](std::mt19937& rng) { return std::ldexp(normal(rng), -8); };
  expect_sums(accumulate_exact, {"exact(binary32)", tiny, small, tiny}, kShapes);
  expect_sums(accumulate_exact, {"exact(binary32)", tiny, tiny, tiny}, {{5, 17, 12}, {1, 1, 30}});
  const Values large = [](std::mt19937& rng) { return std::ldexp(normal(rng), 63); };
  expect_sums(accumulate_exact, {"exact(binary32)", large, large, {}}, kShapes);
  expect_sums(accumulate_exact, {"exact(binary32)+saturate", large, large, {}}, kShapes);
}

TEST(ExactSums, StagesAroundTheSum) {
  const Values values = spread("binary16", 12);
  for (const char* spec :
       {"exact(binary32)+promote(16,binary32)", "exact(binary32)+promote(7,e5m10)+addend_last",
        "exact(bfloat16)+addend_last", "exact(binary32)+result(e4m3fn)"}) {
    expect_sums(accumulate_exact, {spec, values, values, values}, kShapes);
  }
}

/// Terms that cancel down to what only the last window holds, and sums that are ties of binary32
/// but for a term far below.
TEST(ExactSums, CancellationAndTies) {
  std::mt19937 rng(5);
  const Values values = spread("binary32", 20);
  for (int i = 0; i < 40; ++i) {
    const std::size_t k = 24;
    SumProblem problem({1, 1, k}, false, false, values, values, {}, rng);
    for (std::size_t j = 0; j < k / 2; ++j) {
      problem.a(k - 1 - j) = -problem.a(j);
      problem.b(k - 1 - j) = problem.b(j);
    }
    if (i % 4 == 1) problem.a(0) *= 1 + 0x1p-20F;
    if (i % 4 >= 2) {
      problem.a(0) = 0x1p20F;
      problem.b(0) = 1 + 0x1p-23F;
      problem.a(1) = i % 8 < 4 ? 0x1p-4F : -0x1p-4F;
      problem.b(1) = 1;
      problem.a(2) = i % 3 == 0 ? 0x1p-30F : i % 3 == 1 ? -0x1p-30F : 0.0F;
      problem.b(2) = 0x1p-28F;
      for (std::size_t j = 3; j < k; ++j) problem.a(j) = 0;
    }
    const AccumulatorSpec spec = parse_accumulator("exact(binary32)");
    const std::vector<float> expected = problem.expected(spec);
    testing::on_every_simd_target([&] {
      std::vector<float> actual;
      ASSERT_TRUE(problem.run(accumulate_exact, spec, actual));
      testing::expect_same_sums(actual, expected, "cancelling sum " + std::to_string(i));
    });
  }
}

/// Sums of many full products that grow before they cancel: no window may run over.
TEST(ExactSums, LongSumsThatCancel) {
  const Values full = [](std::mt19937& rng) {
    return static_cast<float>((1U << 24) - 1 - 2 * (rng() % 64));
  };
  for (const bool is_wide : {false, true}) {
    std::mt19937 rng(9);
    const std::size_t k = 601;
    SumProblem problem({1, 1, k}, false, false, full, full, {}, rng);
    for (std::size_t j = 0; j < k / 2; ++j) {
      problem.a(k / 2 + j) = -problem.a(j);
      problem.b(k / 2 + j) = problem.b(j);
    }
    problem.a(k - 1) = is_wide ? 0x1p-40F : 1.0F;
    problem.b(k - 1) = is_wide ? 0x1p-20F : 1.0F;
    const AccumulatorSpec spec = parse_accumulator("exact(binary32)");
    testing::on_every_simd_target([&] {
      std::vector<float> actual;
      ASSERT_TRUE(problem.run(accumulate_exact, spec, actual));
      EXPECT_EQ(actual[0], is_wide ? 0x1p-60F : 1.0F);
    });
  }
}

/// Terms far below a tie, or below the last bit of binary64, still decide.
TEST(ExactSums, FarTermsDecideTheRounding) {
  const Values powers = [](std::mt19937& rng) {
    const float numbers[] = {1.0F, 0x1p-8F, 0x1p-30F, -0x1p-30F, 0x1p-24F, 0.0F};
    return numbers[rng() % 6];
  };
  const Values one = [](std::mt19937&) { return 1.0F; };
  const Values tiny = [](std::mt19937& rng) { return rng() % 2 == 0 ? 0x1p-70F : -0x1p-70F; };
  for (const char* spec : {"exact(bfloat16)", "exact(posit(16,2))", "exact(binary32)",
                           "exact(bfloat16)+promote(2,bfloat16+toward_positive)",
                           "exact(binary32)+toward_zero+addend_last",
                           "exact(binary32)+promote(2,binary32+toward_zero)"}) {
    expect_sums(accumulate_exact, {spec, powers, one, tiny}, {{7, 40, 3}, {40, 1, 4}});
  }
  expect_sums(accumulate_exact,
              {"exact(binary32)+promote(1,bfloat16+toward_positive)", tiny, one, one}, {{3, 9, 2}});
}

TEST(ExactSums, DeclinesWhatItDoesNotCover) {
  const Values wide = spread("binary32", 250);
  const Values infinite = [](std::mt19937& rng) { return rng() % 3 == 0 ? INFINITY : 1.0F; };
  const Values one = [](std::mt19937&) { return 1.0F; };
  const std::vector<SumShape> shape = {{9, 9, 30}};
  expect_sums(accumulate_exact, {"exact(binary32)", wide, wide, {}, false}, shape);
  expect_sums(accumulate_exact, {"exact(binary32)", one, infinite, {}, false}, shape);
  expect_sums(accumulate_exact, {"exact(binary32)+toward_negative", one, one, {}, false}, shape);
  expect_sums(accumulate_exact, {"binary32", one, one, {}, false}, shape);
}

}  // namespace
}  // namespace halfulp
