#include "formats/spec.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "formats/named_formats.h"

namespace halfulp {
namespace {

std::string error_of(std::string_view text) {
  try {
    return "parsed as " + to_spec(parse_format(text));
  } catch (const SpecError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
}

std::string note_of(std::string_view text) {
  std::string note = "left from before";
  parse_format(text, note);
  return note;
}

const std::map<std::string, std::vector<std::string>>& spellings() {
  static const std::map<std::string, std::vector<std::string>> table = {
      {"binary16", {"float16", "f16", "half", "e5m10", "h", "fp16", "torch.float16", "np.half"}},
      {"binary32", {"float32", "f32", "single", "FP32", "e8m23", "s", "jnp.float32"}},
      {"binary64", {"float64", "f64", "double", "e11m52"}},
      {"bfloat16", {"bf16", "bfloat", "e8m7", "brain16", "b", "BFloat-16", "tf.bfloat16"}},
      {"tf32", {"tensorfloat32", "TensorFloat 32", "e8m10"}},
      {"e4m3fn",
       {"e4m3", "E4M3", "fp8_e4m3", "fp8-e4m3", "float8_e4m3fn", "torch.float8_e4m3fn", "f8E4M3FN",
        "Float8E4M3FN", "FLOAT8E4M3FN", "F8_E4M3", "ocp_e4m3", "hf8", "MxFp8P", "e4m3.fn",
        "e4m3 fn", "  e4m3fn  ", "ml_dtypes.float8_e4m3fn"}},
      {"e4m3ieee", {"float8_e4m3", "f8E4M3", "e4m3 ieee", "ml_dtypes.float8_e4m3", "E4M3-IEEE"}},
      {"e4m3fnuz", {"float8_e4m3fnuz", "fp8_fnuz", "f8E4M3FNUZ"}},
      {"e4m3b11fnuz", {"float8_e4m3b11fnuz", "e4m3b11"}},
      {"e5m2", {"fp8_e5m2", "float8_e5m2", "f8E5M2", "bf8", "q52", "ocp_e5m2", "MxFp8R"}},
      {"e5m2fnuz", {"float8_e5m2fnuz"}},
      {"e3m4", {"float8_e3m4", "f8E3M4"}},
      {"e2m3fn", {"e2m3", "fp6_e2m3", "float6_e2m3fn", "f6E2M3FN", "e2m3finite"}},
      {"e3m2fn", {"e3m2", "fp6_e3m2", "float6_e3m2fn", "f6E3M2FN", "MxFp6R"}},
      {"e2m1fn",
       {"e2m1", "fp4_e2m1", "float4_e2m1fn", "float4_e2m1fn_x2", "f4E2M1FN", "FLOAT4E2M1"}},
      {"e8m0fnu", {"e8m0", "float8_e8m0fnu", "f8E8M0FNU", "FLOAT8E8M0", "ue8m0"}},
      {"ue4m3", {".ue4m3", "nvfp4 scale", "float(4,3,fn,unsigned)"}},
      {"ue5m3", {"float8_e5m3fnu", "UE5M3"}},
      {"ue5m3ieee", {"float(5,3,unsigned)"}},
      {"ue5m3finite", {"float(5,3,finite,unsigned)"}},
      {"fixed(8,6)",
       {"FIXED( 8 , 6 )", "q1.6", "Q1.6", "sfix8_En6", "ap_fixed<8,2>", "ac_fixed<8,2,true>",
        "fixed(int_bits=2,frac_bits=6)", "fixed(fraction=6,width=8)", "fixed(bits=8,frac_bits=6)"}},
      {"fixed(16,15,sym)", {"fixed(16,15,symmetric)"}},
      {"fixed(8,-3)", {"ap_fixed<8,11>", "sfix8_E3"}},
      {"ufixed(16,8)",
       {"uq8.8", "UQ8.8", "ufix16_En8", "ap_ufixed<16,8>", "ac_fixed<16,8,false>",
        "fixed(16,8,unsigned)"}},
      {"int12", {"fixed(12,0)", "ap_int<12>", "q11.0", "ap_fixed<12,12>", "sfix12"}},
      {"p3109(8,4,signed,extended)", {"Binary8p4se", "p3109_k8p4se", "p3109(8,4,s,e)"}},
      {"int8", {"i8", "s8", "INT8", "int_8", "np.int8"}},
      {"int8sym", {"int8_sym", "INT8 symmetric", "i8sym"}},
      {"uint3", {"u3", "UINT3"}},
      {"int64", {"i64"}},
      {"e3m7", {"E3M7", "e3m7ieee", "float(3,7)", "float(3, 7, bias=3, ieee)", "FLOAT(3,7)"}},
      {"e3m2ieee", {"float(3,2)"}},
      {"e3m2fnuz", {"float(3,2,fnuz)", "float(3,2,bias=4,fnuz)"}},
      {"e0m7finite", {"float(0,7,finite)"}},
      {"float(3,2,fn)", {"float(3,2,bias=3,fn)"}},
      {"float(4,3,bias=9,fn,unsigned,subnormals=off)",
       {"float( 4 , 3 , subnormals = off , unsigned , fn , bias = 9 )"}},
      {"float(4,3,bias=-2)", {"float(4,3,bias=-2,ieee)"}},
  };
  return table;
}

TEST(Spec, SpellingsReadAsTheCanonicalName) {
  for (const auto& [canonical, others] : spellings()) {
    const Format format = parse_format(canonical);
    EXPECT_EQ(to_spec(format), canonical);
    for (const std::string& other : others) {
      EXPECT_EQ(error_of(other), "parsed as " + canonical) << other;
    }
  }
}

TEST(Spec, EveryAliasOfTheTableIsRead) {
  for (const NamedFormat& row : named_formats()) {
    EXPECT_EQ(parse_format(row.name), row.format);
    EXPECT_EQ(to_spec(row.format), row.name);
    for (const std::string_view alias : row.aliases)
      EXPECT_EQ(parse_format(alias), row.format) << alias;
  }
}

TEST(Spec, NotesAnnounceNamesReadInTwoWays) {
  EXPECT_EQ(note_of("e4m3"),
            "e4m3 read as e4m3fn (OCP, max 448, no infinity); the IEEE-like type is e4m3ieee");
  EXPECT_NE(note_of("float8_e4m3").find("read as e4m3ieee"), std::string::npos);
  EXPECT_NE(note_of("F8_E4M3").find("read as e4m3fn"), std::string::npos);
  EXPECT_NE(note_of("f8E4M3").find("read as e4m3ieee"), std::string::npos);
  EXPECT_EQ(
      note_of("q1.6"),
      "q1.6 read as a sign, 1 integer and 6 fraction bits (as TI counts): fixed(8,6); with the "
      "sign among the integer bits (as Arm counts) it is fixed(7,6)");
  EXPECT_EQ(note_of("q0.7"),
            "q0.7 read as a sign, 0 integer and 7 fraction bits (as TI counts): fixed(8,7)");
  for (const char* spelling : {"e3m2", "E2M3", "e2m1", "bf8", "e8m0", "e3m0", "ap_fixed<8,2>",
                               "fixed(int_bits=2,frac_bits=6)"}) {
    EXPECT_NE(note_of(spelling), "") << spelling;
  }
  for (const char* spelling : {"e4m3fn", "float8_e4m3fn", "bfloat16", "e5m2", "int8", "e3m7",
                               "fixed(8,6)", "uq8.8", "Binary8p4se", "ue5m3"}) {
    EXPECT_EQ(note_of(spelling), "") << spelling;
  }
}

TEST(Spec, ErrorsNameColumnAndCandidates) {
  EXPECT_EQ(error_of("e4m3fm"),
            "unknown format 'e4m3fm' at column 1; did you mean e4m3fn, e4m3fnuz, e4m3ieee?");
  EXPECT_EQ(error_of("  bflot16"),
            "unknown format 'bflot16' at column 3; did you mean bfloat16, binary16?");
  EXPECT_EQ(error_of("fp8"),
            "'fp8' at column 1 names several formats; write e4m3fn, e5m2, e4m3ieee, e4m3fnuz or "
            "e5m2fnuz");
  EXPECT_EQ(error_of("torch.FP4").substr(0, 42), "'torch.FP4' at column 1 names several form");
  EXPECT_EQ(error_of("int65"), "'int65' at column 1 is no format: integers have 1 to 64 bits");
  EXPECT_EQ(error_of("e16m2"), "'e16m2' at column 1 is no format: exponent bits are 0 to 15");
  EXPECT_EQ(error_of("e3m64"), "'e3m64' at column 1 is no format: trailing bits are 0 to 63");
  EXPECT_EQ(error_of("e9m3q"),
            "unknown format 'e9m3q' at column 1; did you mean e9m3, e9m3fn, "
            "e9m3finite?");
  EXPECT_EQ(error_of("float(4,3"), "expected ')' at column 10 of format 'float(4,3'");
  EXPECT_EQ(error_of("float(4,3,bas=9)"),
            "unknown option (did you mean bias?) at column 11 of format 'float(4,3,bas=9)'");
  EXPECT_EQ(error_of("float(4,99)"),
            "expected trailing bits, 0 to 63, at column 9 of format 'float(4,99)'");
  EXPECT_EQ(error_of("float(4,3)x"), "unexpected text at column 11 of format 'float(4,3)x'");
  EXPECT_EQ(error_of(""), "empty format at column 1; write for example e4m3fn or int8");
  EXPECT_EQ(error_of("posti(16,1)").substr(0, 41), "unknown format 'posti(16,1)' at column 1;");
  EXPECT_EQ(error_of("e1_1m3").substr(0, 36), "unknown format 'e1_1m3' at column 1;");
  EXPECT_NE(error_of(std::string(1000, 'e')).find("too long"), std::string::npos);
}

TEST(Spec, ImpossibleParametersAreRefusedWithARemedy) {
  const auto refused = [](const char* text, const char* part) {
    EXPECT_NE(error_of(text).find(part), std::string::npos) << text << ": " << error_of(text);
  };
  refused("e0m7", "e0m7finite");
  refused("e1m3", "e1m3finite");
  refused("float(4,3,fnuz,unsigned)", "use fn");
  refused("float(4,3,fnuz,nozero)", "use fn");
  refused("float(8,0,fn,unsigned,subnormals=off,nozero)", "leave subnormals on");
  refused("float(0,7,finite,subnormals=off)", "leave subnormals on");
  refused("e0m1fn", "add a bit");
  refused("e1m0fn", "add a bit");
  refused("e0m0finite", "add a bit");
  refused("float(0,0,finite,unsigned,nozero)", "add a bit");
  refused("uint8sym", "leave out sym");
  refused("int1sym", "needs 2 bits");
  refused("int0", "1 to 64");
  refused("fixed(65,3)", "1 to 64");
  refused("fixed(8,1001)", "fraction bits are -1000 to 1000");
  refused("ufixed(8,3,sym)", "leave out sym");
  refused("ap_fixed<8,2,AP_RND>", "name them beside it");
  refused("q15", "write q0.15");
  refused("q8", "int8");
  refused("Q4_0", "block type of llama.cpp");
  refused("q4_k_m", "block type of llama.cpp");
  refused("binary128", "63");
  refused("mxint8", "fixed(8,6)");
  refused("mx9", "shared microexponents");
  refused("e4m3_rne", "beside it");
  refused("W8A8", "recipe");
  refused("fp4_e3m0", "e3m0finite");
  EXPECT_THROW(check_format(FloatFormat{}), SpecError);
  EXPECT_THROW(check_format(FloatFormat{4, 3, 200'000}), SpecError);
  EXPECT_NO_THROW(check_format(FloatFormat{4, 3, 7}));
}

TEST(Spec, PrintedFormsReadBackForEveryParameter) {
  int possible = 0;
  for (int exponent_bits = 0; exponent_bits <= 15; ++exponent_bits) {
    for (const int trailing_bits : {0, 1, 2, 3, 4, 7, 10, 23, 52, 63}) {
      for (int flags = 0; flags < 4 * 3 * 2 * 2 * 4; ++flags) {
        FloatFormat f{exponent_bits, trailing_bits};
        f.non_finite = static_cast<NonFinite>(flags % 4);
        f.subnormals = static_cast<Subnormals>(flags / 4 % 3);
        f.is_signed = flags / 12 % 2 != 0;
        f.has_zero = flags / 24 % 2 != 0;
        f.bias = ieee_bias(exponent_bits) + flags / 48 - 1;
        if (!format_fault(f).empty()) continue;
        ++possible;
        ASSERT_EQ(parse_format(to_spec(f)), Format(f)) << to_spec(f);
        ASSERT_EQ(to_spec(parse_format(to_spec(f))), to_spec(f));
      }
    }
  }
  EXPECT_GT(possible, 9000);
  for (int bits = 1; bits <= 64; ++bits) {
    for (const IntegerFormat f :
         {IntegerFormat{bits}, IntegerFormat{bits, false}, IntegerFormat{bits, true, true}}) {
      if (!format_fault(f).empty()) continue;
      ASSERT_EQ(parse_format(to_spec(f)), Format(f)) << to_spec(f);
    }
  }
  for (int fraction_bits = -1000; fraction_bits <= 1000; fraction_bits += 7) {
    for (const IntegerFormat f : {IntegerFormat{9, true, false, fraction_bits},
                                  IntegerFormat{64, true, true, fraction_bits},
                                  IntegerFormat{1, false, false, fraction_bits}}) {
      ASSERT_EQ(parse_format(to_spec(f)), Format(f)) << to_spec(f);
    }
  }
}

TEST(Spec, MutatedTextsParseToSomethingThatReadsBackOrFailWithSpecError) {
  std::vector<std::string> seeds = {"float(4,3,bias=9,fn,unsigned,subnormals=off)",
                                    "float(8,0,fn,unsigned,nozero)",
                                    "torch.float8_e4m3fn",
                                    "p3109(8,4,signed,extended)",
                                    "Binary16p9uf",
                                    "fixed(8,-6,sym)",
                                    "ap_fixed<16,3>",
                                    "uq8.8"};
  for (const auto& [canonical, others] : spellings()) seeds.push_back(canonical);
  const std::string alphabet = "efmnuz0123456789(),=-_. biasubnormalsoffint\xFF";
  std::mt19937 generator(11);
  const auto below = [&](std::size_t n) { return generator() % n; };
  int accepted = 0;
  for (int i = 0; i < 8000; ++i) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t at = below(text.size() + 1);
      switch (below(3)) {
        case 0:
          text.insert(at, 1, alphabet[below(alphabet.size())]);
          break;
        case 1:
          text.erase(at, 1);
          break;
        default:
          if (at < text.size()) text[at] = alphabet[below(alphabet.size())];
      }
    }
    try {
      const Format format = parse_format(text);
      ASSERT_EQ(parse_format(to_spec(format)), format) << text;
      ++accepted;
    } catch (const SpecError& error) {
      ASSERT_GE(error.column(), 1) << text;
      ASSERT_LE(error.column(), static_cast<int>(text.size()) + 1) << text;
    }
  }
  EXPECT_GT(accepted, 400);
  EXPECT_LT(accepted, 7600);
}

TEST(NearestNames, FindsTypingErrorsPermutationsAndParts) {
  const std::vector<std::string> keys = {"model.width", "model.depth",      "train.learning_rate",
                                         "train.batch", "precision.weight", "seeds"};
  using Names = std::vector<std::string>;
  EXPECT_EQ(nearest_names("model.widht", keys), Names{"model.width"});
  EXPECT_EQ(nearest_names("width.model", keys), Names{"model.width"});
  EXPECT_EQ(nearest_names("learning_rate", keys), Names{"train.learning_rate"});
  EXPECT_EQ(nearest_names("train.rate_learning", keys), Names{"train.learning_rate"});
  EXPECT_EQ(nearest_names("learnin_rate", keys), Names{"train.learning_rate"});
  EXPECT_EQ(nearest_names("Precision-Weight", keys), Names{"precision.weight"});
  EXPECT_EQ(nearest_names("sedes", keys), Names{"seeds"});
  EXPECT_EQ(nearest_names("optimizer.momentum", keys), Names{});
  EXPECT_EQ(nearest_names("x", keys), Names{});
  EXPECT_EQ(nearest_names("", keys), Names{});
}

TEST(NearestNames, BestFirstAndLimited) {
  const std::vector<std::string> names = {"abcdx", "abcde", "abcdf", "abcdg"};
  EXPECT_EQ(nearest_names("abcde", names).front(), "abcde");
  EXPECT_EQ(nearest_names("abcde", names).size(), 3u);
  EXPECT_EQ(nearest_names("abcde", names, 1).size(), 1u);
}

}  // namespace
}  // namespace halfulp
