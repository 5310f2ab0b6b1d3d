#include "formats/codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>

#include "formats/enumerate.h"
#include "formats/named_formats.h"
#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

/// Every code: a NaN code goes to one canonical NaN, any other code to itself.
void check_round_trip(const Format& format) {
  SCOPED_TRACE(to_spec(format));
  std::uint64_t nan_codes = 0;
  std::uint64_t finite_codes = 0;
  Code canonical_nan = 0;
  for (std::uint64_t code = 0; code < std::uint64_t{1} << width(format); ++code) {
    const Number x = decode(format, code);
    if (x.kind == Number::Kind::nan && !has_nan(format)) continue;  // behind the end of a codebook
    const auto again = encode(format, x);
    if (x.kind == Number::Kind::nan) {
      if (nan_codes++ == 0) canonical_nan = again;
      ASSERT_EQ(again, canonical_nan) << code;
      ASSERT_EQ(decode(format, again).kind, Number::Kind::nan);
    } else {
      ASSERT_EQ(again, code);
    }
    if (x.kind == Number::Kind::finite || x.kind == Number::Kind::zero) ++finite_codes;
  }
  EXPECT_EQ(nan_codes, nan_code_count(format));
  EXPECT_EQ(finite_codes, finite_code_count(format));
}

TEST(Codec, EveryCodeOfEveryNamedFormatUpTo16BitsRoundTrips) {
  int formats = 0;
  for (const NamedFormat& row : named_formats()) {
    if (width(row.format) > 16) continue;
    check_round_trip(row.format);
    ++formats;
  }
  EXPECT_EQ(formats, 37);
}

TEST(Codec, UnnamedFormatsRoundTrip) {
  for (const char* spec :
       {"e3m0", "e4m0fn", "e5m0fnuz", "e0m7finite", "e0m5fnuz", "e1m2finite", "e6m9fn", "e2m1ieee",
        "float(2,3,unsigned)", "float(4,3,bias=-3,fn)", "float(3,2,finite,nozero)",
        "float(0,0,finite,nozero)", "float(5,2,subnormals=flush_input)", "int1", "int11", "uint1",
        "fixed(8,6)", "fixed(12,-3)", "ufixed(9,40)"}) {
    check_round_trip(parse_format(spec));
  }
}

TEST(Codec, Binary32AndBinary64AreTheMachinesOwn) {
  const Format binary32 = parse_format("binary32");
  const Format binary64 = parse_format("binary64");
  std::mt19937_64 generator(7);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t code = generator();
    const auto x = std::bit_cast<double>(code);
    const auto code32 = static_cast<std::uint32_t>(code);
    const auto y = static_cast<double>(std::bit_cast<float>(code32));
    if (!std::isnan(x)) {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(to_double(decode(binary64, code))), code);
      ASSERT_EQ(encode(binary64, from_double(x)), code);
    }
    if (!std::isnan(y)) {
      ASSERT_EQ(to_double(decode(binary32, code32)), y);
      ASSERT_EQ(encode(binary32, from_double(y)), code32);
    }
  }
}

TEST(Codec, CanonicalNaNs) {
  const auto nan_code = [](const char* spec) {
    return encode(parse_format(spec), {Number::Kind::nan, true});
  };
  EXPECT_EQ(nan_code("binary64"), 0x7FF8000000000000u);
  EXPECT_EQ(nan_code("binary32"), 0x7FC00000u);
  EXPECT_EQ(nan_code("binary16"), 0x7E00u);
  EXPECT_EQ(nan_code("e5m2"), 0x7Eu);
  EXPECT_EQ(nan_code("e4m3fn"), 0x7Fu);
  EXPECT_EQ(nan_code("e4m3fnuz"), 0x80u);
  EXPECT_EQ(nan_code("e8m0fnu"), 0xFFu);
  EXPECT_EQ(nan_code("ue4m3"), 0x7Fu);
}

TEST(Codec, WithoutSubnormalsLowCodesAreZero) {
  const Format format = parse_format("float(4,3,fn,subnormals=off)");
  for (std::uint64_t code = 0; code < 8; ++code) {
    EXPECT_EQ(decode(format, code).kind, Number::Kind::zero);
    EXPECT_TRUE(decode(format, code | 0x80).negative);
  }
  EXPECT_EQ(to_double(decode(format, 8)), 0x1p-6);
  EXPECT_THROW(encode(format, from_double(0x1p-7)), std::invalid_argument);
}

TEST(Codec, FlushedInputsKeepTheirCodes) {
  const Format format = parse_format("float(4,3,fn,subnormals=flush_input)");
  EXPECT_EQ(to_double(decode(format, 1)), 0x1p-9);
  EXPECT_EQ(decode_operand(format, 1).kind, Number::Kind::zero);
  EXPECT_TRUE(decode_operand(format, 0x81).negative);
  EXPECT_EQ(to_double(decode_operand(format, 8)), 0x1p-6);
  EXPECT_EQ(to_double(decode_operand(parse_format("e4m3fn"), 1)), 0x1p-9);
}

TEST(Codec, MinusZeroBecomesTheOnlyZero) {
  const Number minus_zero{Number::Kind::zero, true};
  EXPECT_EQ(encode(parse_format("e4m3fn"), minus_zero), 0x80u);
  EXPECT_EQ(encode(parse_format("e4m3fnuz"), minus_zero), 0u);
  EXPECT_EQ(encode(parse_format("ue4m3"), minus_zero), 0u);
  EXPECT_EQ(encode(parse_format("int8"), minus_zero), 0u);
}

TEST(Codec, RefusesWhatIsNotInTheFormat) {
  const auto refuses = [](const char* spec, double x) {
    EXPECT_THROW(encode(parse_format(spec), from_double(x)), std::invalid_argument)
        << spec << " " << x;
  };
  refuses("e4m3fn", 449);
  refuses("e4m3fn", 480);
  refuses("e4m3fn", 512);
  refuses("e4m3fn", 0x1p-10);
  refuses("e4m3fn", HUGE_VAL);
  refuses("e2m1fn", std::nan(""));
  refuses("ue4m3", -1);
  refuses("float(3,3,unsigned)", -HUGE_VAL);
  refuses("e8m0fnu", 0);
  refuses("e8m0fnu", 0x1p-128);
  refuses("e0m7finite", 2);
  refuses("e0m7finite", 0x1p100);
  refuses("int8", 128);
  refuses("int8", -129);
  refuses("int8sym", -128);
  refuses("int8", 0.5);
  refuses("int8", 0x1p-100);
  refuses("int64", 0x1p63);
  refuses("uint8", -1);
  refuses("fixed(8,6)", 2);
  refuses("fixed(8,6)", 0x1p-7);
  refuses("fixed(8,6)", 0x1p-90);
  refuses("fixed(8,-3)", 4);
  refuses("fixed(8,6)", HUGE_VAL);
  refuses("int8", std::nan(""));
  EXPECT_EQ(encode(parse_format("int8"), from_double(-128)), 0x80u);
  EXPECT_EQ(encode(parse_format("fixed(8,6)"), from_double(-2)), 0x80u);
  EXPECT_EQ(encode(parse_format("fixed(8,6)"), from_double(127 / 64.0)), 0x7Fu);
  EXPECT_EQ(encode(parse_format("fixed(8,-3)"), from_double(40)), 5u);
  EXPECT_EQ(encode(parse_format("fixed(64,100)"), from_double(-0x1p-37)), std::uint64_t{1} << 63);
  EXPECT_EQ(encode(parse_format("int64"), from_double(-0x1p63)), std::uint64_t{1} << 63);
}

TEST(Codec, RefusesStickyNumbersAndWideCodes) {
  const Number sticky{Number::Kind::finite, false, true, 0, 1};
  EXPECT_THROW(encode(parse_format("e4m3fn"), sticky), std::invalid_argument);
  EXPECT_THROW(encode(parse_format("int8"), sticky), std::invalid_argument);
  EXPECT_THROW(decode(parse_format("e4m3fn"), 0x100), std::invalid_argument);
  EXPECT_THROW(decode(parse_format("int4"), 0x10), std::invalid_argument);
}

TEST(Enumerate, CodesInOrderAndDistinctValues) {
  const Format format = parse_format("e2m1fn");
  const std::vector<CodeValue> codes = all_codes(format);
  ASSERT_EQ(codes.size(), 16u);
  EXPECT_EQ(codes[15].code, 15u);
  EXPECT_EQ(codes[15].value, -6);
  EXPECT_TRUE(std::signbit(codes[8].value));
  const std::vector<double> expected = {-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6};
  EXPECT_EQ(finite_values(format), expected);
}

TEST(Enumerate, SymmetricIntegersLeaveOutTheLowestCode) {
  EXPECT_EQ(finite_values(parse_format("int3sym")), (std::vector<double>{-3, -2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(finite_values(parse_format("int3")).front(), -4);
}

TEST(Codec, CodesWiderThan64BitsRoundTrip) {
  const Format format = parse_format("e15m63");
  const Code top = Code{1} << 78;
  for (const Code code :
       {Code{0}, Code{1}, top, low_code_bits(63), Code{0x3fff} << 63,
        (Code{0x7ffe} << 63) | low_code_bits(63), top | (Code{0x1234} << 63) | 5}) {
    EXPECT_TRUE(encode(format, decode(format, code)) == code);
  }
  EXPECT_EQ(to_double(decode(format, Code{0x3fff} << 63)), 1.0);
  EXPECT_THROW(decode(format, Code{1} << 79), std::invalid_argument);
}

TEST(Enumerate, RefusesWideFormats) {
  EXPECT_THROW(all_codes(parse_format("tf32")), std::invalid_argument);
  EXPECT_THROW(finite_values(parse_format("int17")), std::invalid_argument);
}

}  // namespace
}  // namespace halfulp
