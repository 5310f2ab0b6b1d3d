// Kernels for sums of several roundings a term, and of other orders, against the definition, bit
// for bit, on every SIMD target.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "sim/rounded_gemm.h"
#include "sim/rounded_plan.h"
#include "tests/sim/accumulated_problem.h"

namespace halfulp::testing {
namespace {

AccumulatorSpec compensated(CompensatedSum::Method method, const std::string& format) {
  AccumulatorSpec spec;
  spec.method = CompensatedSum{method, destination(format)};
  return spec;
}

AccumulatorSpec with_product(const std::string& format, const std::string& product) {
  AccumulatorSpec spec = rounded(destination(format));
  spec.product = destination(product);
  return spec;
}

std::vector<Named> compound_specs() {
  constexpr auto kKahan = CompensatedSum::Method::kahan;
  constexpr auto kTwoSum = CompensatedSum::Method::two_sum;
  return {
      {"kahan, p 8", compensated(kKahan, "bfloat16")},
      {"kahan, p 11", compensated(kKahan, "e8m10")},
      {"kahan, p 14", compensated(kKahan, "e8m13")},
      {"kahan, p 22", compensated(kKahan, "e8m21")},
      {"two_sum, p 3", compensated(kTwoSum, "e8m2")},
      {"two_sum, p 11", compensated(kTwoSum, "e8m10")},
      {"two_sum, p 14", compensated(kTwoSum, "e8m13")},
      {"pairwise, p 8", rounded(destination("bfloat16"), 1, {Order::pairwise, 0})},
      {"pairwise, p 14", rounded(destination("e8m13"), 1, {Order::pairwise, 0})},
      {"pairwise(1)", rounded(destination("e8m10"), 1, {Order::pairwise, 1})},
      {"pairwise(7)", rounded(destination("e8m10"), 1, {Order::pairwise, 7})},
      {"pairwise(8)", rounded(destination("e8m10"), 1, {Order::pairwise, 8})},
      {"interleaved(1)", rounded(destination("e8m10"), 1, {Order::interleaved, 1})},
      {"interleaved(3)", rounded(destination("e8m10"), 1, {Order::interleaved, 3})},
      {"interleaved(64)", rounded(destination("e8m13"), 1, {Order::interleaved, 64})},
      {"product 8, sum 11", with_product("e8m10", "bfloat16")},
      {"product 14, sum 8", with_product("bfloat16", "e8m13")},
      {"product 3, sum 14", with_product("e8m13", "e8m2")},
      {"product 22, sum 22", with_product("e8m21", "e8m21")},
      {"product 24, sum 11", with_product("e8m10", "binary32")},
      {"product 24, sum 14", with_product("e8m13", "binary32")},
  };
}

/// Operands far inside the range of the formats above have kernels.
void expect_compound_plans(const std::vector<Named>& specs, const Shape& shape,
                           const Values& values) {
  std::mt19937 rng(1);
  for (const Named& named : specs) {
    const auto plan = Problem(named.spec, Form::nn, shape, false, values, rng).plan();
    ASSERT_TRUE(plan) << named.name;
    EXPECT_TRUE(is_compound(plan->rule)) << named.name;
  }
}

TEST(CompoundGemm, EqualsTheDefinition) {
  const Values narrow = values_of("e4m3fn", 6);
  expect_compound_plans(compound_specs(), {17, 70, 20}, narrow);
  expect_equal(compound_specs(), {{1, 1, 1}, {9, 33, 5}, {17, 70, 20}}, narrow);
}

TEST(CompoundGemm, EqualsTheDefinitionForWideOperands) {
  const Values wide = values_of("binary32", 30);
  expect_compound_plans(compound_specs(), {9, 33, 18}, wide);
  expect_equal(compound_specs(), {{9, 33, 18}}, wide, 2);
}

TEST(CompoundGemm, EqualsTheDefinitionForLongSums) {
  expect_equal(compound_specs(), {{3, 17, 530}}, values_of("e4m3fn", 6), 3);
}

TEST(CompoundGemm, EqualsTheDefinitionWhereAIsCopied) {
  expect_equal(compound_specs(), {{770, 3, 4}}, values_of("e4m3fn", 6), 4);
}

TEST(CompoundGemm, SmallRangesUnderflowAndOverflow) {
  std::vector<Named> specs = {
      {"kahan", compensated(CompensatedSum::Method::kahan, "e5m10")},
      {"two_sum", compensated(CompensatedSum::Method::two_sum, "e4m3ieee")},
      {"pairwise", rounded(destination("e5m10"), 1, {Order::pairwise, 0})},
      {"interleaved", rounded(destination("e5m2"), 1, {Order::interleaved, 4})},
      {"product", with_product("e8m10", "e5m10")},
      {"product and sum", with_product("e4m3ieee", "e5m2")},
  };
  for (const int spread : {2, 8, 14, 24}) {
    expect_equal(specs, {{9, 33, 24}}, values_of("e8m3", spread), 5);
  }
  // Beyond one end only.
  for (const float factor : {0x1p9F, 0x1p-9F}) {
    const Values values = values_of("e8m3", 2);
    const Values scaled = [=](std::mt19937& rng) { return values(rng) * factor; };
    expect_equal(specs, {{9, 33, 24}}, scaled, 7);
  }
}

TEST(CompoundGemm, ShiftedSums) {
  const Values values = values_of("e4m3fn", 6);
  const Values tiny = [values](std::mt19937& rng) { return values(rng) * 0x1p-52F; };
  expect_equal(compound_specs(), {{9, 33, 5}}, tiny, 6);
}

TEST(CompoundGemm, TreesAndLanesHaveLimits) {
  const OperandFacts one = operand_facts({});
  OperandFacts facts = one;
  facts.is_zero = false;
  const auto plan = [&](SumOrder order, std::size_t depth) {
    return plan_chain(rounded(destination("e8m10"), 1, order), facts, facts, {}, depth);
  };
  EXPECT_TRUE(plan({Order::pairwise, 0}, 1U << 24));
  EXPECT_FALSE(plan({Order::pairwise, 0}, (1U << 24) + 1));
  EXPECT_TRUE(plan({Order::interleaved, 64}, 100));
  EXPECT_FALSE(plan({Order::interleaved, 65}, 100));
}

}  // namespace
}  // namespace halfulp::testing
