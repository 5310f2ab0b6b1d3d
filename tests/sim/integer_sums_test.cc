#include "sim/integer_sums.h"

#include "sim/accumulated_reference.h"
#include "tests/sim/sum_kernels_check.h"

namespace halfulp {
namespace {

using testing::expect_sums;
using testing::SumProblem;
using testing::SumShape;
using testing::Values;

/// Integers of `bits` bits, both ends often.
Values integers(int bits) {
  return [bits](std::mt19937& rng) {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    if (rng() % 4 == 0) return static_cast<float>(rng() % 2 == 0 ? half - 1 : -half);
    const auto word = static_cast<std::int64_t>(rng() % static_cast<std::uint32_t>(2 * half));
    return static_cast<float>(word - half);
  };
}

bool define(const AccumulatorSpec& spec, const GemmTask& task, const OperandFacts& /*a*/,
            const OperandFacts& /*b*/) {
  accumulated_reference(spec, task);
  return true;
}

float any(std::mt19937& rng) {
  return std::ldexp(std::normal_distribution<float>()(rng), static_cast<int>(rng() % 40));
}

const std::vector<SumShape> kShapes = {{1, 1, 1},  {1, 1, 70},   {5, 5, 8},   {7, 33, 19},
                                       {1, 40, 9}, {40, 1, 230}, {13, 2, 50}, {9, 17, 300}};

TEST(IntegerSums, Wrap) {
  for (const char* spec : {"int8+wrap", "int16+wrap", "uint16+wrap", "int24+wrap",
                           "int32+wrap+result(binary32)", "int48+wrap+result(binary32)"}) {
    for (const int bits : {4, 8, 16}) {
      expect_sums(accumulate_integers, {spec, integers(bits), integers(bits), integers(12)},
                  kShapes);
    }
  }
}

TEST(IntegerSums, WrapAcrossBinary32Chunks) {
  const Values large = [](std::mt19937& rng) { return static_cast<float>(127 - rng() % 3); };
  for (const char* spec : {"int20+wrap", "int24", "int32+wrap+result(binary32)"}) {
    expect_sums(accumulate_integers, {spec, integers(8), integers(9), integers(8)}, {{3, 20, 700}});
    expect_sums(accumulate_integers, {spec, large, large, large}, {{2, 12, 2600}, {20, 2, 1300}});
  }
}

TEST(IntegerSums, Saturate) {
  for (const char* spec : {"int8", "uint8", "int16", "int24", "int32+result(binary32)",
                           "int20+promote(16,binary32)"}) {
    for (const int bits : {3, 8, 16}) {
      expect_sums(accumulate_integers, {spec, integers(bits), integers(bits), any}, kShapes);
    }
  }
}

/// Instructions that saturate by themselves: at both ends of their operands and one beyond.
TEST(IntegerSums, SaturateAtTheEndsOfInt16) {
  const auto one_of = [](std::vector<float> numbers) -> Values {
    return [numbers](std::mt19937& rng) { return numbers[rng() % numbers.size()]; };
  };
  const std::vector<SumShape> shapes = {{9, 70, 40}, {17, 5, 9}, {8, 129, 3}};
  const Values ends = one_of({-0x1p15F, 0x1p15F - 1, -1, 0, 3});
  const Values beyond = one_of({0x1p15F, -0x1p15F, 1});
  for (const Values& start : {integers(16), Values(any), one_of({-0x1p31F, 0x1p31F, 7})}) {
    expect_sums(accumulate_integers, {"int32+result(binary32)", ends, ends, start}, shapes);
    expect_sums(accumulate_integers, {"int32+result(binary32)", ends, beyond, start}, shapes);
    expect_sums(accumulate_integers, {"int32+result(binary32)", beyond, ends, start}, shapes);
    expect_sums(accumulate_integers, {"int16", one_of({-128, 127, 1}), integers(8), start}, shapes);
    expect_sums(accumulate_integers, {"int16", one_of({-128, 127}), one_of({-256, 9}), start},
                shapes);
    expect_sums(accumulate_integers, {"uint16", integers(8), integers(8), start}, shapes);
    expect_sums(accumulate_integers,
                {"int16+promote(7,int32)+result(binary32)", integers(8), integers(8), start},
                shapes);
  }
}

TEST(IntegerSums, StagesAroundTheSum) {
  for (const char* spec : {"int32+wrap+promote(8,binary32)", "int16+addend_last",
                           "int16+wrap+promote(5,int24)+addend_last", "int16+result(e4m3fn)",
                           "int64+result(binary32)", "int64+wrap+result(bfloat16)"}) {
    expect_sums(accumulate_integers, {spec, integers(9), integers(12), integers(10)}, kShapes);
  }
}

/// Elements in which an addition leaves the range.
std::uint64_t overflows_of(const SumProblem& problem, double low, double high, bool wraps) {
  return problem.fold([=](const std::vector<double>& a, const std::vector<double>& b, double sum) {
    bool overflows = false;
    for (std::size_t k = 0; k < a.size(); ++k) {
      sum += a[k] * b[k];
      if (sum >= low && sum <= high) continue;
      overflows = true;
      const double modulus = high - low + 1;
      if (!wraps) sum = sum < low ? low : high;
      while (sum > high) sum -= modulus;
      while (sum < low) sum += modulus;
    }
    return std::uint64_t{overflows ? 1U : 0U};
  });
}

TEST(IntegerSums, CountsOverflows) {
  std::mt19937 rng(3);
  for (const bool wraps : {false, true}) {
    const AccumulatorSpec spec = parse_accumulator(wraps ? "int12+wrap" : "int12");
    for (const SumShape& shape : kShapes) {
      SumProblem problem(shape, false, true, integers(7), integers(6), integers(11), rng);
      const std::vector<float> expected = problem.expected(spec);
      const std::uint64_t overflows = overflows_of(problem, -2048, 2047, wraps);
      testing::on_every_simd_target([&] {
        std::vector<float> actual;
        AccumulatorReport report{5};
        ASSERT_TRUE(problem.run(accumulate_integers, spec, actual, &report));
        testing::expect_same_sums(actual, expected, "counted sums");
        EXPECT_EQ(report.overflows, 5 + overflows);
      });
    }
  }
}

/// Kernels and the definition count the same, the rounding of the addend too.
TEST(IntegerSums, CountsAsTheDefinition) {
  std::mt19937 rng(4);
  for (const char* name : {"int12", "int12+wrap", "uint12", "int11", "int12+result(int8)"}) {
    const AccumulatorSpec spec = parse_accumulator(name);
    for (const bool large : {false, true}) {
      // Large starts leave the range and small products do not.
      const int bits = large ? 1 : 7;
      SumProblem problem({9, 17, 30}, false, true, integers(bits), integers(bits),
                         large ? Values(any) : integers(11), rng);
      std::vector<float> sums;
      AccumulatorReport defined;
      ASSERT_TRUE(problem.run(define, spec, sums, &defined));
      EXPECT_GT(defined.overflows, 0U) << name;
      testing::on_every_simd_target([&] {
        AccumulatorReport report;
        const bool is_covered = problem.run(accumulate_integers, spec, sums, &report);
        EXPECT_EQ(report.overflows, is_covered ? defined.overflows : 0U) << name;
      });
    }
  }
}

TEST(IntegerSums, ErrorsAreLeftToTheDefinition) {
  const std::vector<SumShape> shape = {{9, 9, 30}};
  expect_sums(accumulate_integers, {"int16+error", integers(5), integers(5), integers(5)}, shape);
  expect_sums(accumulate_integers, {"int11+error", integers(4), integers(4), integers(4)}, shape);
  std::mt19937 rng(3);
  SumProblem problem(shape[0], false, false, integers(8), integers(8), {}, rng);
  std::vector<float> result;
  EXPECT_FALSE(problem.run(accumulate_integers, parse_accumulator("int8+error"), result));
}

TEST(IntegerSums, DeclinesWhatItDoesNotCover) {
  const Values half = [](std::mt19937&) { return 0.5F; };
  const std::vector<SumShape> shape = {{9, 9, 30}};
  for (const char* spec : {"int8", "int8+wrap"}) {
    expect_sums(accumulate_integers, {spec, half, integers(4), {}, false}, shape);
  }
  for (const char* spec :
       {"int16+promote(7,int60)+result(binary32)", "int16+promote(7,binary64)+result(binary32)",
        "int52+addend_last+result(binary32)"}) {
    expect_sums(accumulate_integers, {spec, integers(4), integers(4), any, false}, shape);
  }
  for (const char* spec : {"int8+pairwise", "int8+product(int8)", "binary16", "fixed(8,2)"}) {
    expect_sums(accumulate_integers, {spec, integers(4), integers(4), {}, false}, shape);
  }
}

}  // namespace
}  // namespace halfulp
