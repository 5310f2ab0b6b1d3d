#include "formats/properties.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "formats/enumerate.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

TEST(Properties, AgreeWithTheListOfValues) {
  for (const char* spec : {"e4m3fn",
                           "e5m2",
                           "e3m4",
                           "e4m3fnuz",
                           "e2m1fn",
                           "e8m0fnu",
                           "ue4m3",
                           "e3m0",
                           "e0m7finite",
                           "e0m4fn",
                           "e1m2fn",
                           "e1m0finite",
                           "e6m9fn",
                           "float(4,3,subnormals=off)",
                           "float(3,2,unsigned)",
                           "float(3,2,finite,nozero)",
                           "float(0,0,finite,nozero)",
                           "int8",
                           "posit(8,1)",
                           "posit(3,4)",
                           "takum_linear7",
                           "takum_log8",
                           "takum_log2",
                           "lns(8,3)",
                           "lns(2,0)",
                           "nf4",
                           "bnb_fp4",
                           "ternary",
                           "codebook(3,-1,2)",
                           "codebook(-3,-1,-2)",
                           "int8sym",
                           "uint4",
                           "int2",
                           "fixed(8,6)",
                           "fixed(6,-2,sym)",
                           "ufixed(7,9)",
                           "p3109(8,3,signed,extended)",
                           "p3109(8,1,unsigned,extended)",
                           "p3109(6,6,unsigned,finite)"}) {
    SCOPED_TRACE(spec);
    const Format format = parse_format(spec);
    const std::vector<double> values = finite_values(format);
    EXPECT_EQ(to_double(max_finite(format)), values.back());
    EXPECT_EQ(to_double(lowest_finite(format)), values.front());
    for (const double value : values) {
      if (value <= 0) continue;
      EXPECT_EQ(to_double(min_positive(format)), value);
      break;
    }
    if (const auto* f = std::get_if<FloatFormat>(&format)) {
      EXPECT_EQ(emax(*f), std::ilogb(values.back()));
    }
  }
}

TEST(Properties, EpsilonIsTheSpacingAtOne) {
  EXPECT_EQ(epsilon(parse_format("e4m3fn")), 0.125);
  EXPECT_EQ(unit_roundoff(parse_format("bfloat16")), 0x1p-8);
  EXPECT_EQ(epsilon(parse_format("e8m0fnu")), 1);
  EXPECT_EQ(epsilon(parse_format("e0m7finite")), 0x1p-6);
  EXPECT_EQ(epsilon(parse_format("int8")), 1);
  EXPECT_EQ(epsilon(parse_format("fixed(8,6)")), 0x1p-6);
  EXPECT_EQ(epsilon(parse_format("p3109(8,4,signed,extended)")), 0.125);
}

TEST(Properties, ExponentsOfKnownFormats) {
  EXPECT_EQ(emin(std::get<FloatFormat>(parse_format("binary16"))), -14);
  EXPECT_EQ(emax(std::get<FloatFormat>(parse_format("binary16"))), 15);
  EXPECT_EQ(emax(std::get<FloatFormat>(parse_format("e4m3fn"))), 8);
  EXPECT_EQ(emin(std::get<FloatFormat>(parse_format("e8m0fnu"))), -127);
  EXPECT_EQ(precision(parse_format("binary64")), 53);
  EXPECT_EQ(precision(parse_format("int8")), 7);
  EXPECT_EQ(precision(parse_format("uint8")), 8);
}

TEST(Properties, DynamicRange) {
  EXPECT_DOUBLE_EQ(dynamic_range_binades(parse_format("e8m0fnu")), 254);
  EXPECT_DOUBLE_EQ(dynamic_range_db(parse_format("e2m1fn")), 20 * std::log10(12.0));
  EXPECT_NEAR(dynamic_range_binades(parse_format("e15m48")), 32767 + 47, 1);
  EXPECT_EQ(dynamic_range_binades(parse_format("int1")), 0);
}

TEST(Properties, CountsOfWideFormats) {
  const std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(finite_code_count(parse_format("int64")), all);  // 2^64, saturated
  EXPECT_EQ(finite_code_count(parse_format("e15m63")), all);
  EXPECT_EQ(finite_code_count(parse_format("binary64")), 18437736874454810624u);
  EXPECT_EQ(finite_code_count(parse_format("float(11,52,fn)")), all - 1);
  EXPECT_EQ(finite_code_count(parse_format("e5m2")), 248u);
}

TEST(Properties, FitsBinary32) {
  for (const char* spec :
       {"binary32", "bfloat16", "tf32", "e8m0fnu", "int25", "uint24", "e0m24finite",
        "float(8,10,bias=139)", "fixed(8,149)", "fixed(8,-120)", "ufixed(24,30)",
        "p3109(8,1,unsigned,finite)", "p3109(16,8,signed,extended)"}) {
    EXPECT_TRUE(fits_binary32(parse_format(spec))) << spec;
  }
  for (const char* spec : {"binary64", "int26", "uint25", "e8m24", "e9m2", "float(8,10,bias=141)",
                           "float(8,10,bias=126)", "e8m10fn", "fixed(8,150)", "fixed(8,-121)",
                           "ufixed(25,3)", "p3109(10,1,unsigned,finite)"}) {
    EXPECT_FALSE(fits_binary32(parse_format(spec))) << spec;
  }
}

TEST(Properties, SpecialValuesByLayout) {
  EXPECT_TRUE(has_infinity(parse_format("e3m0")));
  EXPECT_FALSE(has_nan(parse_format("e3m0")));
  EXPECT_FALSE(has_negative_zero(parse_format("e4m3fnuz")));
  EXPECT_FALSE(has_negative_zero(parse_format("ue4m3")));
  EXPECT_TRUE(has_negative_zero(parse_format("e2m1fn")));
  EXPECT_FALSE(has_negative_zero(parse_format("int8")));
}

}  // namespace
}  // namespace halfulp
