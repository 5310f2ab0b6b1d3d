#include "formats/spacing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "formats/enumerate.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

double ulp_at(const char* format, double x) {
  return to_double(ulp(parse_format(format), from_double(x)));
}

TEST(Ulp, IsTheSpacingOfTheBinadeAtLeastThatOfTheSubnormals) {
  EXPECT_EQ(ulp_at("e4m3fn", 1), 0.125);
  EXPECT_EQ(ulp_at("e4m3fn", std::nextafter(1.0, 0.0)), 0.0625);
  EXPECT_EQ(ulp_at("e4m3fn", -3.7), 0.25);
  EXPECT_EQ(ulp_at("e4m3fn", 448), 32);
  EXPECT_EQ(ulp_at("e4m3fn", 1000), 64);  // the exponent is unbounded above
  EXPECT_EQ(ulp_at("e4m3fn", 0x1p-20), 0x1p-9);
  EXPECT_EQ(ulp_at("e4m3fn", 0), 0x1p-9);
  EXPECT_EQ(ulp_at("binary64", 1), 0x1p-52);
  EXPECT_EQ(ulp_at("p3109(8,1,unsigned,finite)", 1.5), 1);
  EXPECT_EQ(ulp_at("e8m0fnu", 5), 4);
  EXPECT_EQ(ulp_at("float(4,3,fn,subnormals=off)", 0.001), 0x1p-6);
  EXPECT_EQ(ulp_at("fixed(8,6)", 100), 0x1p-6);
  EXPECT_EQ(ulp_at("int8", 0.3), 1);
  EXPECT_THROW(ulp_at("e5m2", HUGE_VAL), std::invalid_argument);
  EXPECT_THROW(ulp_at("e5m2", std::numeric_limits<double>::quiet_NaN()), std::invalid_argument);
}

/// Neighbours in the list of values, and the numbers in each binade counted from it.
void check_against_values(const char* spec) {
  SCOPED_TRACE(spec);
  const Format format = parse_format(spec);
  const std::vector<double> values = finite_values(format);
  const Number first = from_double(values.front());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_TRUE(ulp_distance(format, from_double(values[i]), first) == i) << values[i];
    ASSERT_TRUE(ulp_distance(format, first, from_double(values[i])) == i) << values[i];
    if (values[i] < 0 || i + 1 == values.size()) continue;
    const double gap = values[i + 1] - values[i];
    ASSERT_EQ(ulp_at(spec, values[i]), gap) << values[i];
    ASSERT_EQ(ulp_at(spec, values[i] + gap / 2), gap) << values[i];
  }
  for (int exponent = -20; exponent <= 20; ++exponent) {
    std::size_t count = 0;
    for (const double value : values) {
      if (value >= std::ldexp(1.0, exponent) && value < std::ldexp(2.0, exponent)) ++count;
    }
    ASSERT_TRUE(values_in_binade(format, exponent) == count) << exponent;
  }
}

TEST(Ulp, DistancesAndBinadesAgreeWithTheListOfValues) {
  for (const char* spec :
       {"e4m3fn", "e5m2", "e2m1fn", "e4m3fnuz", "ue5m3", "e3m0", "e0m7finite", "e8m0fnu",
        "p3109(8,3,signed,extended)", "p3109(8,6,unsigned,finite)", "p3109(6,1,signed,finite)",
        "float(4,3,subnormals=off)", "float(3,2,finite,nozero)", "int5", "uint4", "int6sym",
        "fixed(8,6)", "ufixed(5,9)", "fixed(6,-2)"}) {
    check_against_values(spec);
  }
}

TEST(Ulp, DistanceCountsZerosOnceAndInfinityAsTheNextStep) {
  const Format format = parse_format("e5m2");
  const Number minus_zero{Number::Kind::zero, true};
  EXPECT_TRUE(ulp_distance(format, minus_zero, Number{}) == 0);
  EXPECT_TRUE(ulp_distance(format, from_double(0x1p-16), from_double(-0x1p-16)) == 2);
  EXPECT_TRUE(ulp_distance(format, from_double(57344), from_double(HUGE_VAL)) == 1);
  EXPECT_TRUE(ulp_distance(format, from_double(-HUGE_VAL), from_double(HUGE_VAL)) == 248);
  const Format wide = parse_format("e15m63");
  EXPECT_TRUE(ulp_distance(wide, from_double(1), from_double(2)) == Code{1} << 63);
  EXPECT_THROW(
      ulp_distance(format, from_double(std::numeric_limits<double>::quiet_NaN()), Number{}),
      std::invalid_argument);
  EXPECT_THROW(ulp_distance(format, from_double(1.1), Number{}), std::invalid_argument);
}

TEST(Spacing, PositionInTheGapKnowsTheMiddle) {
  const auto position = [](const char* x, double below, double above) {
    return position_in_gap(*parse_number(x), from_double(below), from_double(above));
  };
  EXPECT_EQ(position("1.25", 1, 2)->share, 0.25);
  EXPECT_EQ(position("-1.25", -2, -1)->share, 0.75);
  EXPECT_EQ(position("1.25", 1, 2)->side, -1);
  EXPECT_EQ(position("1.5", 1, 2)->side, 0);
  EXPECT_EQ(position("1.5000000000000000000000000000000000000000000000001", 1, 2)->side, 1);
  EXPECT_EQ(position("-1.5000000000000000000000000000000000000000000000001", -2, -1)->side, -1);
  EXPECT_EQ(position("3", 0, 4)->gap, 4);
  EXPECT_FALSE(position("1", 1, 1));
}

TEST(Spacing, PositionInAGapBetweenIrrationalNumbersNeedsItsDigits) {
  const auto position = [](const char* spec, const char* x) {
    const Format format = parse_format(spec);
    Flags flags;
    const WideNumber number = *parse_number(x);
    return position_in_gap(number, round_to(format, {Rounding::toward_negative}, number, 0, flags),
                           round_to(format, {Rounding::toward_positive}, number, 0, flags));
  };
  EXPECT_NEAR(position("takum_log16", "0.3")->share, 0.263649, 1e-6);
  EXPECT_EQ(position("takum_log16", "0.3")->side, -1);
  EXPECT_FALSE(position("takum_log64", "0.3"));
  EXPECT_FALSE(position("lns(8,3)", "1.09050773266525765921"));
}

}  // namespace
}  // namespace halfulp
