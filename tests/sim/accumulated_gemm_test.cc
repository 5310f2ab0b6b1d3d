// Matrix products under an accumulator against the definition, bit for bit, on every SIMD target.
#include "sim/accumulated_gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/rounded_plan.h"
#include "tests/sim/accumulated_problem.h"

namespace halfulp::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Every kernel of rounded_gemm.h.
std::vector<Named> kernel_specs() {
  const Rounding zero = Rounding::toward_zero;
  return {
      {"p 8", rounded(destination("bfloat16"))},
      {"p 11", rounded(destination("e8m10"))},
      {"p 14", rounded(destination("e8m13"))},
      {"p 22", rounded(destination("e8m21"))},
      {"p 2", rounded(destination("e8m1"))},
      {"toward zero", rounded(destination("e8m13", zero))},
      {"away", rounded(destination("e8m10", Rounding::nearest_away))},
      {"p 2 away", rounded(destination("e8m1", Rounding::nearest_away))},
      {"p 22 away", rounded(destination("e8m21", Rounding::nearest_away))},
      {"promoted away",
       promoted(rounded(destination("e8m7", Rounding::nearest_away)), 9, destination("e8m10"))},
      {"binary32 toward zero", rounded(destination("binary32", zero))},
      {"every 3", rounded(destination("e8m10"), 3)},
      {"every 16", rounded(destination("e8m17"), 16)},
      {"draws", rounded(stochastic("e8m10", 13))},
      {"16 draws", rounded(stochastic("bfloat16", 16))},
      {"1 draw", rounded(stochastic("e8m1", 1))},
      {"shared draws", sharing(rounded(stochastic("e8m10", 13)))},
      {"shared 5", sharing(rounded(stochastic("e8m13", 5)))},
      {"promotion", promoted(rounded(destination("e8m13")), 7, destination("binary32"))},
      {"promotion to 12", promoted(rounded(destination("e8m7", zero)), 16, destination("e8m11"))},
      {"blocked", rounded(destination("e8m10"), 1, {Order::blocked, 5})},
  };
}

/// What goes operation by operation.
std::vector<Named> block_specs() {
  AccumulatorSpec product = rounded(destination("e8m10"));
  product.product = destination("e5m10");
  AccumulatorSpec random_product = rounded(stochastic("e8m10", 8));
  random_product.product = stochastic("e8m7", 11);
  AccumulatorSpec last = rounded(destination("e5m10"), 1, {Order::pairwise, 0});
  last.addend_last = true;
  last.result = destination("e4m3fn", Rounding::nearest_even, Overflow::saturate);
  AccumulatorSpec kahan;
  kahan.method = CompensatedSum{CompensatedSum::Method::kahan, destination("bfloat16")};
  AccumulatorSpec two_sum;
  two_sum.method = CompensatedSum{CompensatedSum::Method::two_sum, stochastic("e8m10", 7)};
  return {
      {"product", product},
      {"random product", random_product},
      {"pairwise, last", last},
      {"pairwise(4)", rounded(destination("bfloat16"), 1, {Order::pairwise, 4})},
      {"interleaved(3)", rounded(destination("e5m10"), 1, {Order::interleaved, 3})},
      {"kahan", kahan},
      {"two_sum", two_sum},
      {"odd", rounded(destination("e5m2", Rounding::to_odd))},
      {"up", rounded(destination("e5m10", Rounding::toward_positive))},
      {"down", rounded(destination("e5m10", Rounding::toward_negative))},
      {"away",
       promoted(rounded(destination("e4m3ieee", Rounding::nearest_away)), 5, destination("e5m10"))},
      {"unbiased", rounded(stochastic("e5m10", 12, StochasticVariant::unbiased))},
      {"integer", rounded({parse_format("int16"), {Rounding::nearest_even, Overflow::saturate}})},
      {"fnuz", rounded(destination("e4m3fnuz", Rounding::nearest_even, Overflow::saturate))},
  };
}

const std::vector<Shape> kShapes = {{1, 1, 1}, {9, 33, 5}, {17, 70, 20}, {8, 64, 16}};

TEST(AccumulatedGemm, KernelsEqualTheDefinition) {
  expect_equal(kernel_specs(), kShapes, values_of("e4m3fn", 6));
}

TEST(AccumulatedGemm, KernelsEqualTheDefinitionForWideOperands) {
  expect_equal(kernel_specs(), {{9, 33, 18}}, values_of("binary32", 30), 2);
}

TEST(AccumulatedGemm, KernelsEqualTheDefinitionForTinyOperands) {
  const auto tiny = [](const char* format, int spread, float factor) -> Values {
    const Values values = values_of(format, spread);
    return [values, factor](std::mt19937& rng) { return values(rng) * factor; };
  };
  // Some rules keep their kernels here, some sums are subnormal.
  for (const float factor : {0x1p-55F, 0x1p-66F}) {
    expect_equal(kernel_specs(), {{9, 33, 5}}, tiny("e4m3fn", 6, factor), 14);
  }
  expect_equal(kernel_specs(), {{9, 33, 18}}, tiny("binary32", 6, 0x1p-38F), 15);
  std::mt19937 rng(1);
  const Shape shape = {8, 32, 64};
  const auto plan = Problem(rounded(destination("e8m10")), Form::nn, shape, false,
                            tiny("e4m3fn", 6, 0x1p-55F), rng)
                        .plan();
  ASSERT_TRUE(plan);
  EXPECT_GT(plan->shift, 0);
}

TEST(AccumulatedGemm, BlocksEqualTheDefinition) {
  expect_equal(block_specs(), {{1, 1, 1}, {9, 17, 13}}, values_of("e4m3fn", 6), 3);
  expect_equal(block_specs(), {{9, 9, 11}}, values_of("binary32", 30), 4);
}

TEST(AccumulatedGemm, SumsLongerThanABlockOfK) {
  expect_equal(
      {{"p 11", rounded(destination("e8m10"))},
       {"every 7", rounded(destination("e8m7"), 7)},
       {"draws", rounded(stochastic("e8m10", 13))},
       {"promotion", promoted(rounded(destination("e8m13")), 100, destination("binary32"))},
       {"long", promoted(rounded(destination("e8m7")), 700, destination("binary32"))}},
      {{9, 35, 1030}}, values_of("e4m3fn", 6), 5);
}

TEST(AccumulatedGemm, SmallRangesUnderflowAndOverflow) {
  const Rounding zero = Rounding::toward_zero;
  const std::vector<Named> specs = {
      {"e5m2", rounded(destination("e5m2"))},
      {"e4m3fn saturates",
       rounded(destination("e4m3fn", Rounding::nearest_even, Overflow::saturate))},
      {"binary16", rounded(destination("binary16"))},
      {"binary16 toward zero", rounded(destination("binary16", zero))},
      {"e4m3ieee every 4", rounded(destination("e4m3ieee"), 4)},
      {"draws", rounded(stochastic("e5m7", 9))},
      {"flush", rounded(destination("float(4,3,subnormals=flush_input)"))},
      {"no subnormals", rounded(destination("float(4,3,subnormals=off)"))},
      {"blocked", rounded(destination("e4m3ieee"), 1, {Order::blocked, 4})},
  };
  expect_equal(specs, {{9, 20, 12}}, values_of("binary32", 24), 6);
  expect_equal(specs, {{9, 20, 12}}, values_of("e4m3fn", 14), 7);
  // Coarse operands: only the upper end of the range is left.
  const Values coarse = [](std::mt19937& rng) {
    return 64.0F * static_cast<float>(static_cast<int>(rng() % 15) - 7);
  };
  expect_equal(specs, {{9, 20, 12}}, coarse, 13);
}

TEST(AccumulatedGemm, NanInfinityAndMinusZero) {
  const Values extreme = [](std::mt19937& rng) {
    const float specials[] = {0.0F, -0.0F, kInfinity, -kInfinity, NAN, 0x1p-149F, 0x1p127F, 1.0F};
    return rng() % 8 != 0 ? static_cast<float>(static_cast<int>(rng() % 15) - 7)
                          : specials[rng() % std::size(specials)];
  };
  std::vector<Named> specs = kernel_specs();
  for (const Named& named : block_specs()) specs.push_back(named);
  expect_equal(specs, {{9, 17, 6}}, extreme, 8);
  const Values zeros = [](std::mt19937& rng) { return rng() % 2 == 0 ? 0.0F : -0.0F; };
  expect_equal(specs, {{3, 9, 2}}, zeros, 9);
}

TEST(AccumulatedGemm, NoTermsGiveTheRoundedAddend) {
  expect_equal(kernel_specs(), {{3, 5, 0}}, values_of("binary32", 4), 10);
}

TEST(AccumulatedGemm, KernelsAreChosenByFacts) {
  std::mt19937 rng(1);
  const auto rule = [&](const AccumulatorSpec& spec, const Values& values) {
    const auto plan = Problem(spec, Form::nn, {8, 32, 64}, false, values, rng).plan();
    return plan ? static_cast<int>(plan->rule) : -1;
  };
  const auto is = [](ChainRule r) { return static_cast<int>(r); };
  const Values e4m3 = values_of("e4m3fn", 6);
  EXPECT_EQ(rule(rounded(destination("e8m10")), e4m3), is(ChainRule::nearest));
  EXPECT_EQ(rule(rounded(destination("e8m13")), values_of("e4m3fn", 16)),
            is(ChainRule::nearest_guarded));
  EXPECT_EQ(rule(rounded(destination("e8m10")), values_of("binary32", 0)),
            is(ChainRule::nearest_mean));
  EXPECT_EQ(rule(rounded(destination("e8m11")), values_of("binary32", 0)),
            is(ChainRule::nearest_odd));
  EXPECT_EQ(rule(rounded(destination("e8m10"), 4), values_of("binary32", 0)), is(ChainRule::every));
  EXPECT_EQ(rule(rounded(stochastic("e8m10", 13)), e4m3), is(ChainRule::independent_draws));
  EXPECT_EQ(rule(sharing(rounded(stochastic("e8m10", 13))), e4m3), is(ChainRule::shared_draws));
  // 64 products up to 2^17 leave binary16's range.
  EXPECT_EQ(rule(rounded(destination("binary16")), values_of("e4m3fn", 16)), -1);
  EXPECT_EQ(rule(rounded(destination("binary16")), [](std::mt19937&) { return 1.0F; }),
            is(ChainRule::nearest));
}

TEST(AccumulatedGemm, ReportsOverflows) {
  const std::vector<float> a = {1, 2, 100, 3};
  const std::vector<float> b = {100, 1, 1, 1};
  std::vector<float> c(4);
  const auto overflows = [&](const std::string& format) {
    AccumulatorReport report;
    const AccumulatedGemm gemm(
        rounded(destination(format, Rounding::nearest_even, Overflow::saturate)));
    gemm.nn({a.data(), 2, 2, 2}, {b.data(), 2, 2, 2}, {c.data(), 2, 2, 2}, {}, {}, &report);
    return report.overflows;
  };
  // 100 * 100 + 3 * 1: both additions of one element.
  EXPECT_EQ(overflows("int8"), 1U);
  EXPECT_EQ(c, (std::vector<float>{102, 3, 127, 103}));
  EXPECT_EQ(overflows("e4m3fn"), 1U);
  EXPECT_EQ(overflows("binary16"), 0U);
}

TEST(AccumulatedGemm, OverflowErrorsNameTheElement) {
  const std::vector<float> a = {1, 2};
  const std::vector<float> b = {1, 100};
  std::vector<float> c(4);
  const AccumulatedGemm gemm(
      rounded({parse_format("int8"), {Rounding::nearest_even, Overflow::error}}));
  try {
    gemm.nn({a.data(), 2, 1, 1}, {b.data(), 1, 2, 2}, {c.data(), 2, 2, 2});
    FAIL() << "no error";
  } catch (const OverflowError& error) {
    EXPECT_NE(std::string(error.what()).find("row 1, column 1"), std::string::npos) << error.what();
  }
}

TEST(AccumulatedGemm, RefusesWhatCannotBe) {
  EXPECT_THROW(AccumulatedGemm{rounded(stochastic("e8m10", 17))}, SpecError);
  EXPECT_THROW(AccumulatedGemm{rounded(destination("binary64"))}, SpecError);
  EXPECT_THROW(AccumulatedGemm{rounded(destination("e8m10"), 0)}, SpecError);
  EXPECT_THROW(AccumulatedGemm{rounded(destination("int8"))}, SpecError);
  EXPECT_THROW(AccumulatedGemm{rounded(destination("e8m10"), 1, {Order::blocked, 0})}, SpecError);
  EXPECT_TRUE(AccumulatedGemm{binary32_accumulator()}.is_binary32_chain());
}

}  // namespace
}  // namespace halfulp::testing
