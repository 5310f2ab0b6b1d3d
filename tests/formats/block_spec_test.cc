#include "formats/block_spec.h"

#include <gmock/gmock.h>

#include "formats/named_block_formats.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

using ::testing::HasSubstr;

TEST(ParseBlockFormat, CanonicalTextReadsBackAsTheSameFormat) {
  std::vector<std::string> texts = {"mxfp4(rceil)",
                                    "nvfp4(torchao)",
                                    "nvfp4(torchao,one_level)",
                                    "nvfp4(one_level)",
                                    "nvfp4(four_over_six)",
                                    "nvfp4(4over6,16x16)",
                                    "nvfp4(four_over_six_mse,tensor=256)",
                                    "bfp(4,block=16)",
                                    "dfp(8)",
                                    "mx(int8,tensor)",
                                    "grouped(int4,block=128,scale=binary16)",
                                    "grouped(uint4,64,zero_point=min_max,columns)",
                                    "mx(float(4,3,bias=9,finite),block=7x3,axis=rows)",
                                    "mx(posit(8,1),scale=e8m0fnu:exact:toward_positive)",
                                    "mxfp4(rounding=stochastic(8,unbiased),prescale=3/4)",
                                    "mxfp8_e4m3(amax=bfloat16,non_finite=finite,zero_block=one)"};
  for (const NamedBlockFormat& row : named_block_formats()) {
    texts.emplace_back(row.name);
    texts.insert(texts.end(), row.aliases.begin(), row.aliases.end());
    EXPECT_EQ(find_named_block_format(row.format), &row);
    EXPECT_EQ(block_format_fault(row.format), "");
  }
  for (const std::string& text : texts) {
    const BlockFormat format = parse_block_format(text);
    EXPECT_EQ(parse_block_format(to_spec(format)), format) << text << " " << to_spec(format);
    EXPECT_EQ(to_spec(parse_block_format(to_spec(format))), to_spec(format));
    EXPECT_TRUE(names_block_format(text)) << text;
  }
}

TEST(ParseBlockFormat, CanonicalTextNamesEveryPolicy) {
  EXPECT_EQ(to_spec(parse_block_format("mxfp4")),
            "block(e2m1fn,32,axis=k,rounding=nearest_even,overflow=saturate,"
            "scale=e8m0fnu:floor:nearest_even,arithmetic=exact,zero_block=smallest,"
            "non_finite=poison)");
  EXPECT_EQ(to_spec(parse_block_format("NVFP4")),
            "block(e2m1fn,16,axis=k,rounding=nearest_even,overflow=saturate,"
            "scale=ue4m3:exact:nearest_even,tensor=448,arithmetic=transformer_engine,"
            "zero_block=zero,non_finite=poison)");
}

TEST(ParseBlockFormat, ManySpellingsOfOneFormat) {
  for (const char* text : {"mx-fp4", "MXFP4_E2M1", "mx(e2m1)", "mx(e2m1fn,block=32)",
                           "mx( e2m1fn , 32 , scale = e8m0fnu:floor )", "block(e2m1fn,32)",
                           "mxfp4(torchao)", "mxfp4(ocp)"}) {
    EXPECT_EQ(parse_block_format(text), parse_block_format("mxfp4")) << text;
  }
  EXPECT_EQ(parse_block_format("mxfp8_e4m3(te)"), parse_block_format("mxfp8_e4m3(rceil)"));
  EXPECT_EQ(parse_block_format("nvfp4(te)"), parse_block_format("nvfp4"));
  EXPECT_EQ(parse_block_format("msfp12"), parse_block_format("bfp(3,block=16)"));
}

TEST(ParseBlockFormat, AnnouncesTheReadingOfMxfp8) {
  std::string note;
  EXPECT_EQ(parse_block_format("mxfp8", note), parse_block_format("mxfp8_e4m3"));
  EXPECT_THAT(note, HasSubstr("mxfp8_e5m2"));
  parse_block_format("mxfp8_e4m3", note);
  EXPECT_EQ(note, "");
}

struct BadText {
  const char* text;
  int column;
  const char* message;
};

TEST(ParseBlockFormat, ErrorsNameTheColumnAndTheRemedy) {
  const std::vector<BadText> cases = {
      {"", 1, "mxfp4"},
      {"mxfp6", 1, "mxfp6_e3m2"},
      {"mx9", 1, "shared microexponents"},
      {"mxfp5", 1, "mxfp4"},
      {"mx", 1, "elements"},
      {"mx(e2m1fx)", 4, "e2m1fn"},
      {"mx(e2m1fn,block=0)", 17, "block length"},
      {"mx(e2m1fn,block=4x4x4)", 17, "16x16"},
      {"mx(e2m1fn,scale=e8m0fnu:flor)", 25, "floor"},
      {"mx(e2m1fn,scale=e8m0fnu:floor:stochastic(8))", 1, "stochastically"},
      {"mx(e2m1fn,rounding=nearst)", 20, "nearest"},
      {"mxfp4(colums)", 7, "columns"},
      {"mxfp4(axsi=rows)", 7, "axis"},
      {"mxfp4(,)", 7, "option"},
      {"mxfp4(rows", 1, "')'"},
      {"mxfp4(prescale=2)", 16, "3/4"},
      {"mxfp4(zero_block=zero)", 1, "smallest"},
      {"mx(e2m1fn,scale=int8)", 1, "non_finite=finite"},
      {"mx(e2m1fn,overflow=infinity)", 1, "infinity"},
      {"mxfp4(four_over_six)", 1, "transformer_engine"},
      {"nvfp4(zero_block=one)", 1, "zero_block"},
      {"nvfp4(tensor=500)", 1, "bound"},
      {"nvfp4(prescale=3/4)", 1, "power-of-two"},
      {"mxfp4(zero_point=min_max)", 1, "integer"},
      {"mx(int64)", 1, "binary32"},
      {"mx(nf4,even)", 1, "even"},
  };
  for (const BadText& bad : cases) {
    try {
      parse_block_format(bad.text);
      ADD_FAILURE() << bad.text;
    } catch (const SpecError& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.message)) << bad.text;
      EXPECT_EQ(error.column(), bad.column) << bad.text << ": " << error.what();
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("\n")));
    }
  }
}

TEST(ParseFormat, RefusesBlockFormatsWhereNumbersAreWanted) {
  for (const char* text : {"mxfp8", "mxfp4", "mxfp8_e4m3", "mxint8", "nvfp4", "MX_FP6"}) {
    try {
      parse_format(text);
      ADD_FAILURE() << text;
    } catch (const SpecError& error) {
      EXPECT_THAT(error.what(), HasSubstr("ulp block")) << text;
    }
  }
}

TEST(BitsPerElement, CountScalesAndZeroPoints) {
  const std::vector<std::pair<const char*, double>> known = {
      {"mxfp4", 4.25}, {"mxfp6_e3m2", 6.25},
      {"mxfp8", 8.25}, {"mxint8", 8.25},
      {"nvfp4", 4.5},  {"grouped(int4)", 4.125},
      {"dfp(8)", 8},   {"grouped(uint4,zero_point=min_max)", 4.15625},
      {"msfp12", 4.5}, {"nvfp4(16x16)", 4 + 8.0 / 256},
  };
  for (const auto& [text, bits] : known) {
    EXPECT_EQ(bits_per_element(parse_block_format(text)), bits) << text;
  }
}

}  // namespace
}  // namespace halfulp
