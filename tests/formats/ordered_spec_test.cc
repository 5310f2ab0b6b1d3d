// Spellings of posits, takums, logarithmic numbers and codebooks.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "formats/format_names.h"
#include "formats/named_codebooks.h"
#include "formats/ordered_format.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

std::string error_of(std::string_view text) {
  try {
    return "parsed as " + to_spec(parse_format(text));
  } catch (const SpecError& error) {
    return error.what();
  }
}

TEST(OrderedSpec, SpellingsReadAsTheCanonicalName) {
  const std::vector<std::vector<std::string>> table = {
      {"posit(16,1)", "posit<16,1>", "posit16_1", "posit16es1", "posit16e1", "p16e1", "p16_1",
       "Posit (16, 1)", "posit_16_1", "posit(16, es=1)", " posit(16,1) "},
      {"posit(8,2)", "p8e2", "posit8_2"},
      {"posit(24,2)", "posit24es2"},
      {"posit(64,4)"},
      {"takum_linear16", "linear_takum16", "takum16_linear", "takum(16,linear)", "takum<16,linear>",
       "Takum-Linear-16", "takum_linear(16)"},
      {"takum_log32", "takumlog32", "logarithmic_takum32", "takum(32,log)", "takum_logarithmic32"},
      {"lns(8,3)", "lns<8,3>", "lns8_3", "LNS(8, 3)"},
      {"lns(24,20)"},
      {"nf4", "NF4", "bnb_nf4", "normal_float4", "bnb.nf4"},
      {"bnb_fp4"},
      {"ternary", "codebook(-1,0,1)", "codebook( -1 , 0 , 1 )"},
      {"binary", "codebook(-1,1)"},
      {"power_of_two(4)", "pot4", "pot(4)", "PowerOfTwo4"},
      {"power_of_two(2)", "codebook(0,1,-0,-1)"},
      {"quantile(4,normal)", "quantile(4, normal)"},
      {"codebook(-1,-0.5,0,0.5,1)", "codebook(-1,-.5,0,0x1p-1,1)", "CODEBOOK(-1,-5e-1,0,0.5,1.0)"},
      {"codebook(0.1,-3,1e+300)", "codebook(0.1, -3, 1e300)"},
  };
  for (const auto& spellings : table) {
    for (const std::string& spelling : spellings) {
      EXPECT_EQ(error_of(spelling), "parsed as " + spellings.front()) << spelling;
    }
  }
}

TEST(OrderedSpec, AmbiguousNamesAreRefusedWithBothCandidates) {
  EXPECT_EQ(error_of("posit16"),
            "'posit16' at column 1 names two formats; write posit(16,2) (2022 standard) or "
            "posit(16,1) (before it)");
  EXPECT_NE(error_of("posit8").find("posit(8,0)"), std::string::npos);
  EXPECT_NE(error_of("posit64").find("posit(64,3)"), std::string::npos);
  EXPECT_NE(error_of("Posit<32>").find("posit(32,2)"), std::string::npos);
  EXPECT_EQ(error_of("takum16"),
            "'takum16' at column 1 names two formats; write takum_linear16 or takum_log16");
  EXPECT_NE(error_of("fp4").find("bnb_fp4"), std::string::npos);
}

TEST(OrderedSpec, ImpossibleParametersAreRefusedWithARemedy) {
  const auto refused = [](const char* text, const char* part) {
    EXPECT_NE(error_of(text).find(part), std::string::npos) << text << ": " << error_of(text);
  };
  refused("posit(65,2)", "2 to 64 bits");
  refused("posit(1,0)", "2 to 64 bits");
  refused("posit(16,5)", "0 to 4");
  refused("posit(16,1,2)", "posit(16,2)");
  refused("takum_log65", "2 to 64 bits");
  refused("lns(8)", "lns(8,3)");
  refused("lns(8,8)", "0 to 7 bits");
  refused("lns(64,8)", "45 fraction bits or more");
  refused("lns(65,20)", "2 to 64 bits");
  refused("quantile(4,laplace)", "quantile(4,normal)");
  refused("power_of_two(9)", "2 to 8 bits");
  refused("codebook()", "codebook(-1,0,1)");
  refused("codebook(1)", "two values");
  refused("codebook(1,2,1.0)", "the value at column 14 stands twice ('1.0')");
  refused("codebook(0,-0,0)", "stands twice");
  refused("codebook(1,inf)", "'inf' at column 12 is no finite number");
  refused("codebook(1,nan)", "no finite number");
  refused("codebook(1,2", "is no codebook");
  refused("codebook(1,,2)", "'' at column 12");
  refused("p99e1", "unknown format");
}

TEST(OrderedSpec, PrintedFormsReadBackForEveryParameter) {
  for (int bits = 2; bits <= 64; ++bits) {
    for (int es = 0; es <= 4; ++es) {
      const Format format = PositFormat{bits, es};
      ASSERT_EQ(parse_format(to_spec(format)), format);
    }
    for (const bool logarithmic : {false, true}) {
      const Format format = TakumFormat{bits, logarithmic};
      ASSERT_EQ(parse_format(to_spec(format)), format);
    }
    for (int fraction = 0; fraction < bits; ++fraction) {
      const Format format = LogarithmicFormat{bits, fraction};
      if (!format_fault(format).empty()) continue;
      ASSERT_EQ(parse_format(to_spec(format)), format);
    }
  }
  for (int bits = 1; bits <= 8; ++bits) {
    const Format format = quantile_codebook(bits);
    ASSERT_EQ(parse_format(to_spec(format)), format);
  }
}

TEST(OrderedSpec, ListsOfManyValuesReadBack) {
  std::mt19937_64 generator(2);
  std::string text = "codebook(";
  for (int i = 0; i < 4096; ++i) {
    text += (i == 0 ? "" : ",") + std::to_string(static_cast<std::int64_t>(generator())) + "e-19";
  }
  const Format format = parse_format(text + ")");
  EXPECT_EQ(parse_format(to_spec(format)), format);
  std::string most = "codebook(0";
  for (int i = 1; i < 65536; ++i) most += "," + std::to_string(i);
  EXPECT_EQ(width(parse_format(most + ")")), 16);
  EXPECT_NE(error_of(most + ",65536)").find("one too many"), std::string::npos);
}

std::string write_file(const std::string& name, const std::string& content) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path) << content;
  return path;
}

TEST(OrderedSpec, CodebookFilesHoldOneNumberALine) {
  const std::string path =
      write_file("Levels.txt", "# levels\n-1.5\n\n -0.25 # inner\n0\r\n0x1p-2\n1.5");
  EXPECT_EQ(error_of("codebook(file=" + path + ")"), "parsed as codebook(-1.5,-0.25,0,0.25,1.5)");
  EXPECT_EQ(error_of("codebook( file = " + path + " )"),
            "parsed as codebook(-1.5,-0.25,0,0.25,1.5)");
}

TEST(OrderedSpec, FaultsOfCodebookFilesNameFileAndLine) {
  const auto fault = [](const std::string& content) {
    const std::string path = write_file("faulty.txt", content);
    const std::string error = error_of("codebook(file=" + path + ")");
    EXPECT_EQ(error.substr(0, path.size()), path) << error;
    return error.substr(std::min(error.size(), path.size()));
  };
  EXPECT_EQ(fault("1\n2 3\n"),
            ", line 2: '2 3' is no finite number; write one number a line, as 0.5 or 0x1p-1");
  EXPECT_EQ(fault("1\n2\n\n1.0"), ", line 4: the value stands twice ('1.0'); leave one out");
  EXPECT_EQ(fault("1\ninf\n").substr(0, 15), ", line 2: 'inf'");
  EXPECT_EQ(fault("# nothing\n1\n"),
            ", line 2: the file ends with 1 values; a codebook needs two or more");
  EXPECT_NE(error_of("codebook(file=/no/such/file)").find("cannot read the codebook file"),
            std::string::npos);
}

TEST(OrderedSpec, MutatedTextsParseToSomethingThatReadsBackOrFailWithSpecError) {
  const std::vector<std::string> seeds = {"posit(16,1)",     "p16e1",
                                          "takum_linear16",  "takum_log16",
                                          "lns(8,3)",        "codebook(-1,-0.5,0,0x1p-1,1)",
                                          "power_of_two(4)", "quantile(3,normal)"};
  const std::string alphabet = "0123456789(),=-_.<> ptaknormesx\xFF";
  std::mt19937 generator(7);
  const auto below = [&](std::size_t n) { return generator() % n; };
  int accepted = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t at = below(text.size());
      if (below(2) == 0)
        text.insert(at, 1, alphabet[below(alphabet.size())]);
      else
        text[at] = alphabet[below(alphabet.size())];
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
  EXPECT_GT(accepted, 200);
}

/// Inverse of the normal distribution by bisection.
double normal_quantile(double p) {
  double low = -10;
  double high = 10;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

TEST(NamedCodebooks, Nf4IsItsDefinitionTo2e7) {
  // create_normal_map of bitsandbytes: 7 negative values, 0, 8 positive ones, divided by the
  // largest.
  const double offset = 0.9677083;
  std::vector<double> generated;
  for (int i = 0; i < 7; ++i) {
    generated.push_back(-normal_quantile(offset + (0.5 - offset) * i / 7));
  }
  generated.push_back(0);
  for (int i = 7; i >= 0; --i) {
    generated.push_back(normal_quantile(offset + (0.5 - offset) * i / 8));
  }
  const std::vector<double> book = nf4_codebook().book->values;
  ASSERT_EQ(book.size(), 16u);
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_NEAR(book[i], generated[i] / generated.back(), 2e-7) << i;
    EXPECT_EQ(static_cast<double>(static_cast<float>(book[i])), book[i]);
  }
}

TEST(NamedCodebooks, QuantilesAreTheInverseNormalDistribution) {
  for (const int bits : {1, 3, 6}) {
    const std::vector<double> book = quantile_codebook(bits).book->values;
    for (std::size_t i = 0; i < book.size(); ++i) {
      const double p = (2 * static_cast<double>(i) + 1) / std::ldexp(1.0, bits + 1);
      EXPECT_NEAR(book[i], normal_quantile(p), 2e-7);
    }
  }
  EXPECT_EQ(quantile_codebook(1).book->values.back(), static_cast<double>(0.674489750196f));
}

TEST(NamedCodebooks, DynamicMapsOfBitsandbytes) {
  for (const bool is_signed : {true, false}) {
    const std::vector<double> book = bnb_dynamic_codebook(is_signed).book->values;
    ASSERT_EQ(book.size(), 256u);
    std::vector<double> want = {0, 1};
    for (int i = 0; i < 7; ++i) {
      const int parts = 1 << (is_signed ? i : i + 1);
      for (int j = 0; j < parts; ++j) {
        const double value = (0.1 + 0.9 * (j + 0.5) / parts) * std::pow(10.0, i - 6);
        want.push_back(value);
        if (is_signed) want.push_back(-value);
      }
    }
    std::sort(want.begin(), want.end());
    for (std::size_t i = 0; i < 256; ++i) {
      EXPECT_EQ(book[i], static_cast<double>(static_cast<float>(want[i]))) << i;
    }
  }
}

TEST(NamedCodebooks, DynamicMapsOfFewerBits) {
  const std::vector<float> narrow = {-0.775F, -0.325F, -0.055F, 0, 0.055F, 0.325F, 0.775F, 1};
  const std::vector<double> want(narrow.begin(), narrow.end());
  EXPECT_EQ(dynamic_codebook(3).book->values, want);
  EXPECT_EQ(dynamic_codebook(8), bnb_dynamic_codebook(true));
  for (int bits = 2; bits <= 8; ++bits) {
    const CodebookFormat format = dynamic_codebook(bits);
    EXPECT_EQ(format.book->values.size(), std::size_t{1} << bits);
    EXPECT_EQ(parse_format("dynamic(" + std::to_string(bits) + ")"), Format(format));
    EXPECT_EQ(parse_format(to_spec(format)), Format(format));
  }
  EXPECT_EQ(to_spec(parse_format("codebook(-0.550000011920929,0,0.550000011920929,1)")),
            "dynamic(2)");
  EXPECT_THROW(parse_format("dynamic(9)"), SpecError);
}

TEST(NamedCodebooks, PowersOfTwo) {
  EXPECT_EQ(power_of_two_codebook(3).book->values,
            (std::vector<double>{0, 0.25, 0.5, 1, -0.0, -0.25, -0.5, -1}));
  EXPECT_EQ(to_spec(power_of_two_codebook(8)), "power_of_two(8)");
}

}  // namespace
}  // namespace halfulp
