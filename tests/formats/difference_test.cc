#include "formats/difference.h"

#include <gmock/gmock.h>

#include "formats/spec.h"

namespace halfulp {

namespace {

Difference of(const char* a, const char* b) {
  return compare({parse_format(a), {}}, {parse_format(b), {}});
}

TEST(Difference, FormatsEqualThemselves) {
  for (const char* name : {"e4m3fn", "int8", "e8m0fnu", "bfloat16", "binary64"}) {
    const Difference d = of(name, name);
    EXPECT_TRUE(d.identical()) << name;
    EXPECT_TRUE(d.reasons.empty()) << name;
    EXPECT_GT(d.operands, 500u) << name;
  }
}

// fnuz has bias 8, so each code but those of zero and NaN stands for half the number.
TEST(Difference, HalvedByTheBias) {
  const Difference d = of("e4m3fn", "e4m3fnuz");
  EXPECT_EQ(d.codes, 256u);
  EXPECT_EQ(d.different_codes, 255u);
  EXPECT_TRUE(d.first_code->code == 1);
  EXPECT_THAT(d.reasons, ::testing::Contains("bias: 7, 8"));
  EXPECT_THAT(d.reasons, ::testing::Contains("largest finite number: 448, 240"));
  EXPECT_THAT(d.reasons, ::testing::Contains("minus zero: yes, no"));
}

// E5M2 has binary16's exponents: its finite values are all in binary16, and 124 of them are
// positive.
TEST(Difference, ValuesOfASubset) {
  const Difference d = of("e5m2", "binary16");
  EXPECT_EQ(d.codes, 0u) << "widths differ";
  EXPECT_EQ(d.only_a, 0u);
  EXPECT_EQ(d.values_a, 2 * 123u + 1);
  EXPECT_EQ(d.only_b, d.values_b - d.values_a);
}

TEST(Difference, TiesSeparateTheNearestModes) {
  const Format format = parse_format("e2m1fn");
  const Difference d = compare({format, {}}, {format, {Rounding::nearest_away}});
  // Ties whose even neighbour is the smaller magnitude, either sign: 0.25, 1.25, 2.5, 5.
  EXPECT_EQ(d.different_operands, 8u);
  EXPECT_EQ(d.first_operand->operand, 0.25);
  EXPECT_EQ(d.first_operand->a, "0");
  EXPECT_EQ(d.first_operand->b, "0.5");
  EXPECT_THAT(d.reasons, ::testing::ElementsAre("rounding: nearest_even, nearest_away"));
}

TEST(Difference, WideFormatsAreSampled) {
  const Difference d = of("binary32", "tf32");
  EXPECT_TRUE(d.sampled);
  EXPECT_GT(d.different_operands, 0u);
}

}  // namespace

}  // namespace halfulp
