#include "sim/quantizer.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "formats/block_spec.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kFormats = {"e4m3fn",  "int4sym",
                                           "uint4",   "bfloat16+scale_binary32",
                                           "e8m0fnu", "binary16+scale_power_of_two"};
const std::vector<std::string> kGranularities = {
    "tensor",      "row",         "column",           "group(300)", "group(64,columns)",
    "tile(1,128)", "tile(16,16)", "tile(4,8,columns)"};

TEST(ParseQuantizer, FillsDefaultsByFormat) {
  EXPECT_EQ(to_spec(parse_quantizer("e4m3fn")),
            "e4m3fn+tensor+scale_binary32+nearest_even+saturate");
  EXPECT_EQ(to_spec(parse_quantizer("int16")), "int16+tensor+scale_binary32+nearest_even+saturate");
  EXPECT_EQ(to_spec(parse_quantizer("bf16")), "bfloat16+tensor+unscaled+nearest_even+saturate");
  EXPECT_EQ(to_spec(parse_quantizer("binary32")), "binary32+tensor+unscaled+nearest_even+saturate");
}

TEST(ParseQuantizer, ReadsOptionsInAnyOrderAndManySpellings) {
  const std::string row = "int4+row+scale_binary32+stochastic(16)+saturate";
  for (const char* text :
       {"int4+row+stochastic(16)", "int4 + stochastic(16) + per_row", "int4+sr(16)+per_channel",
        "INT4+per_token+stochastic(16)+clamp", "int4+absmax+row+stochastic(bits=16)"}) {
    EXPECT_EQ(to_spec(parse_quantizer(text)), row) << text;
  }
  const std::string group = "e2m1fn+group(128)+scale_power_of_two+nearest_even+saturate";
  for (const char* text : {"e2m1fn+group(128)+scale_pow2", "e2m1+g128+scale_power_of_two",
                           "e2m1fn+group=128+scale_pow2", "e2m1fn+scale_pow2+group128"}) {
    EXPECT_EQ(to_spec(parse_quantizer(text)), group) << text;
  }
  EXPECT_EQ(to_spec(parse_quantizer("int8+group(4,columns)+wrap+sr(3,unbiased)")),
            "int8+group(4,columns)+scale_binary32+stochastic(3,unbiased)+wrap");
  EXPECT_EQ(to_spec(parse_quantizer("float(4,3,bias=9,finite)+column")),
            "float(4,3,bias=9,finite)+column+scale_binary32+nearest_even+saturate");
}

TEST(ParseQuantizer, CanonicalTextReadsBackAsTheSameValue) {
  for (const std::string& format : kFormats) {
    for (const std::string& granularity : kGranularities) {
      for (const char* rounding : {"", "+to_odd", "+stochastic(32,unbiased)"}) {
        const QuantizerSpec spec = parse_quantizer(format + "+" + granularity + rounding);
        EXPECT_EQ(parse_quantizer(to_spec(spec)), spec);
        EXPECT_EQ(to_spec(parse_quantizer(to_spec(spec))), to_spec(spec));
      }
    }
  }
}

struct BadText {
  const char* text;
  int column;
  const char* message;
};

void expect_refusals(const std::vector<BadText>& cases) {
  for (const BadText& bad : cases) {
    try {
      parse_quantizer(bad.text);
      ADD_FAILURE() << bad.text;
    } catch (const SpecError& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.message)) << bad.text;
      EXPECT_EQ(error.column(), bad.column) << bad.text << ": " << error.what();
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("\n")));
    }
  }
}

TEST(ParseQuantizer, ErrorsNameTheColumnAndTheRemedy) {
  const std::vector<BadText> cases = {
      {"", 1, "empty"},
      {"e4m3fx", 1, "e4m3fn"},
      {"int4+rwo", 6, "row"},
      {"int4+colum", 6, "column"},
      {"int4+stocastic(16)", 6, "stochastic"},
      {"int4+scale_power_of_tow", 6, "scale_power_of_two"},
      {"int4+row+", 10, "expected an option"},
      {"int4+row+column", 10, "second granularity"},
      {"int4+wrap+saturate", 11, "second overflow"},
      {"int4+rne+rz", 10, "second rounding"},
      {"int4+unscaled+absmax", 15, "second scale"},
      {"int4+row+stochastic(0)", 21, "1 to 32"},
      {"int4+row+stochastic", 20, "stochastic(16)"},
      {"int4+nearest", 6, "two readings"},
      {"int4+group(0)", 12, "group size"},
      {"int4+group", 11, "group size"},
      {"int4+group(8,rows)", 14, "columns"},
      {"int4+group(8", 13, "')'"},
      {"bfloat16+row", 10, "scale_binary32"},
      {"int4+unscaled+group(8)", 15, "needs a scale"},
      {"int4+infinity", 1, "saturate"},
      {"binary64", 1, "binary32"},
      {"int4+row+xyzzy", 10, "known"},
  };
  expect_refusals(cases);
}

// ---- block formats

TEST(ParseQuantizer, ReadsBlockFormatsWithOptions) {
  const QuantizerSpec plain = parse_quantizer("mxfp4");
  EXPECT_EQ(to_spec(plain), to_spec(parse_block_format("mxfp4")));
  EXPECT_EQ(plain.format, parse_format("e2m1fn"));
  EXPECT_EQ(to_spec(parse_quantizer("mxfp4+columns+stochastic(8)")),
            to_spec(parse_block_format("mxfp4(columns,rounding=stochastic(8))")));
  EXPECT_EQ(parse_quantizer("mxfp4 + sr(8)").rounding.random_bits, 8);
  for (const char* text : {"mxfp4", "nvfp4(torchao)+rows", "grouped(int4)+rz", "dfp(8)+sr(4)"}) {
    const QuantizerSpec spec = parse_quantizer(text);
    EXPECT_EQ(parse_quantizer(to_spec(spec)), spec) << text;
  }
  EXPECT_EQ(bits_per_element(parse_quantizer("mxfp4")), 4.25);
}

TEST(ParseQuantizer, RefusesWhatBlockFormatsBringThemselves) {
  const std::vector<BadText> cases = {
      {"mxfp4+row", 7, "mxfp4(block=16)"},    {"mxfp4+group(16)", 7, "of its own"},
      {"mxfp4+absmax", 7, "of its own"},      {"mxfp4(flor)", 7, "floor"},
      {"mxfp4+rows+columns", 12, "second"},   {"mxfp4+infinity", 1, "infinity"},
      {"mxfp4+stocastic(8)", 7, "stochastic"}};
  expect_refusals(cases);
}

TEST(BitsPerElement, IsTheWidthOfTheCode) {
  EXPECT_EQ(bits_per_element(parse_quantizer("e2m1fn+group(16)")), 4.0);
  EXPECT_EQ(bits_per_element(parse_quantizer("binary32")), 32.0);
}

}  // namespace
}  // namespace halfulp
