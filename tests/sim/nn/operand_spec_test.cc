#include "sim/nn/operand_spec.h"

#include <gmock/gmock.h>

#include <string>

#include "formats/spec.h"

namespace halfulp::nn {
namespace {

using ::testing::HasSubstr;

TEST(ParseOperand, PlainQuantizersKeepTheirText) {
  for (const char* text : {"binary32", "e4m3fn", "int4+row+stochastic(8)", "mxfp4", "nvfp4(16x16)",
                           "e4m3fn+tile(128,128)"}) {
    EXPECT_EQ(to_spec(parse_operand(text)), to_spec(parse_quantizer(text))) << text;
    EXPECT_TRUE(is_plain(parse_operand(text)));
  }
}

TEST(ParseOperand, PrintsOptionsInOneOrderWithTheirArguments) {
  const std::string fp8 = "e4m3fn+tensor+scale_binary32+nearest_even+saturate";
  EXPECT_EQ(to_spec(parse_operand("e4m3fn+delayed(1024)")), fp8 + "+delayed(1024,max)");
  EXPECT_EQ(to_spec(parse_operand("e4m3fn + range(0.75)+ margin(2) +delayed(4,most_recent)")),
            fp8 + "+delayed(4,most_recent)+margin(2)+range(0.75)");
  EXPECT_EQ(to_spec(parse_operand("e4m3fn+dge(5,3)+clamp(0.99,compensate)+mse")),
            fp8 + "+mse(32)+clamp(0.99,compensate)+dge(5,3)");
  EXPECT_EQ(to_spec(parse_operand("e4m3fn+learned")), fp8 + "+learned+clipped");
  EXPECT_EQ(to_spec(parse_operand("e4m3fn+smooth_swiglu")), fp8 + "+smooth_swiglu(power_of_two)");
  const std::string mx = to_spec(parse_quantizer("mxfp4"));
  EXPECT_EQ(to_spec(parse_operand("mxfp4+hadamard(32)+rms+trust")),
            mx + "+rms(nearest)+hadamard(32,fixed)+trust");
}

TEST(ParseOperand, CanonicalTextReadsBackAsTheSameValue) {
  for (const char* text :
       {"e4m3fn+delayed(16,most_recent)+margin(-1)", "int4+row+mse(8)+clipped",
        "int4+row+percentile(0.999)", "e2m1fn+group(32)+scale_power_of_two+rms(floor)",
        "int4+row+rms+trust(0.2)", "int4+row+learned", "int4+learned_clip", "e4m3fn+fixed(0.125)",
        "e5m2+propagated", "mxfp4+stochastic(16)+hadamard(32,random)",
        "binary32+hadamard(16,transformer_engine)", "int8+smooth(0.5,power_of_two)",
        "e4m3fn+smooth_swiglu(real)", "e2m1fn+row+clamp(0.999)", "e2m1fn+row+dge(5.5,3)",
        "e2m1fn+current+straight_through"}) {
    const OperandSpec spec = parse_operand(text);
    EXPECT_EQ(parse_operand(to_spec(spec)), spec) << to_spec(spec);
    EXPECT_EQ(to_spec(parse_operand(to_spec(spec))), to_spec(spec));
  }
}

struct BadText {
  const char* text;
  int column;
  const char* message;
};

TEST(ParseOperand, NamesTheColumnOfAMistake) {
  const BadText cases[] = {
      {"e4m3fn+delayed(0)", 16, "the length of the history"},
      {"e4m3fn+delayed(4)+delayed(5)", 19, "second source of scales"},
      {"e4m3fn+margin(1)+rwo", 18, "unknown option 'rwo'"},
      {"e4m3fn+row+delayed(4)", 12, "drop the granularity"},
      {"mxfp4+delayed(4)", 7, "scales of its own"},
      {"mxfp4+range(0.75)", 7, "prescale=3/4"},
      {"bfloat16+fixed(1)", 10, "add scale_binary32"},
      {"e4m3fn+fixed(0)", 14, "a scale from"},
      {"bfloat16+propagated", 10, "add scale_binary32"},
      {"e4m3fn+row+propagated", 12, "one scale for the tensor"},
      {"mxfp8_e4m3+propagated", 12, "scales of its own"},
      {"e4m3fn+fixed(1)+margin(1)", 17, "no largest magnitude"},
      {"e4m3fn+hadamard(24)", 8, "power of two"},
      {"e4m3fn+hadamard(32,transformer_engine)", 8, "hadamard(16)"},
      {"e4m3fn+hadamard(16,any)", 20, "fixed or random or transformer_engine"},
      {"e4m3fn+hadamard(16)+smooth(0.5)", 21, "do not go with hadamard"},
      {"e4m3fn+clamp(1.5)", 14, "a quantile from"},
      {"mxfp4+clipped", 7, "needs the scales of the blocks"},
      {"bfloat16+dge(5,3)", 10, "at most 8 bits"},
      {"int4+learned+dge(5,3)", 14, "has the estimator clipped"},
      {"int4+rms(floor)", 6, "a real scale is not rounded"},
      {"nvfp4+rms", 7, "E8M0"},
      {"e4m3fn+trust(0.5", 17, "expected"},
      {"float(9,9)+mse", 1, ""},
  };
  for (const BadText& bad : cases) {
    try {
      parse_operand(bad.text);
      ADD_FAILURE() << bad.text;
    } catch (const SpecError& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.message)) << bad.text;
      if (bad.column > 1) {
        EXPECT_EQ(error.column(), bad.column) << error.what();
      }
    }
  }
}

TEST(ParseOperand, ComplaintsOfTheQuantizerQuoteTheWholeText) {
  try {
    parse_operand("e4m3fn+margin(1)+rwo");
    ADD_FAILURE();
  } catch (const SpecError& error) {
    EXPECT_THAT(error.what(), HasSubstr("'e4m3fn+margin(1)+rwo'"));
  }
}

TEST(Operands, EstimatorsDoNotKeepTensorsApart) {
  const OperandSpec plain = parse_operand("e2m1fn+row");
  EXPECT_TRUE(same_numbers(parse_operand("e2m1fn+row+dge(5,3)"), plain));
  EXPECT_FALSE(same_numbers(parse_operand("e2m1fn+row+mse"), plain));
  const OperandSpec rotated = parse_operand("e2m1fn+row+hadamard(16)");
  EXPECT_FALSE(same_numbers(with_reduction(rotated, false), with_reduction(rotated, true)));
}

TEST(Operands, TilesOfOneLineRunAlongTheReduction) {
  const OperandSpec tile = parse_operand("e4m3fn+tile(1,128)");
  EXPECT_EQ(with_reduction(tile, false).quantizer, parse_quantizer("e4m3fn+group(128)"));
  EXPECT_EQ(with_reduction(tile, true).quantizer, parse_quantizer("e4m3fn+group(128,columns)"));
  const OperandSpec square = parse_operand("e4m3fn+tile(16,16)");
  EXPECT_EQ(with_reduction(square, true), with_reduction(square, false));
}

}  // namespace
}  // namespace halfulp::nn
