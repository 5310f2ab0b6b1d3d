#include "formats/rounding.h"

#include <gtest/gtest.h>

#include <string>

#include "formats/spec.h"

namespace halfulp {
namespace {

std::string reading_of(std::string_view text) {
  RoundSpec spec;
  try {
    parse_rounding(text, spec);
    return rounding_to_string(spec);
  } catch (const SpecError& error) {
    return error.what();
  }
}

std::string overflow_reading_of(std::string_view text) {
  try {
    return std::string(to_string(parse_overflow(text)));
  } catch (const SpecError& error) {
    return error.what();
  }
}

TEST(Rounding, CanonicalSpellingsReadBack) {
  for (const char* text : {"nearest_even", "nearest_away", "toward_zero", "toward_positive",
                           "toward_negative", "to_odd", "stochastic(1)", "stochastic(32)",
                           "stochastic(8,unbiased)", "stochastic(8,rounded)"}) {
    EXPECT_EQ(reading_of(text), text);
  }
}

TEST(Rounding, Synonyms) {
  for (const char* text :
       {"rne", "RNE", "even", "tie_to_even", "roundTiesToEven", "Nearest-Even"}) {
    EXPECT_EQ(reading_of(text), "nearest_even") << text;
  }
  EXPECT_EQ(reading_of("half-away"), "nearest_away");
  EXPECT_EQ(reading_of("truncate"), "toward_zero");
  EXPECT_EQ(reading_of("ru"), "toward_positive");
  EXPECT_EQ(reading_of("rd"), "toward_negative");
  EXPECT_EQ(reading_of("jam"), "to_odd");
  EXPECT_EQ(reading_of("sr(16)"), "stochastic(16)");
  EXPECT_EQ(reading_of(" SR ( bits = 16 , truncate ) "), "stochastic(16)");
  EXPECT_EQ(reading_of("sr(4,Unbiased)"), "stochastic(4,unbiased)");
  EXPECT_EQ(reading_of("sr(8,a)"), "stochastic(8)");
  EXPECT_EQ(reading_of("sr(8,B)"), "stochastic(8,unbiased)");
  EXPECT_EQ(reading_of("sr(8,c)"), "stochastic(8,rounded)");
  EXPECT_EQ(reading_of("StochasticA(3)"), "stochastic(3)");
  EXPECT_EQ(reading_of("stochastic_b(bits=3)"), "stochastic(3,unbiased)");
  EXPECT_EQ(reading_of("stochastic_c(3)"), "stochastic(3,rounded)");
  EXPECT_EQ(reading_of("StochasticFastest(3)"), "stochastic(3)");
  EXPECT_EQ(reading_of("StochasticFast(3)"), "stochastic(3,unbiased)");
}

TEST(Rounding, NamedStochasticSetsOnlyItsFields) {
  RoundSpec spec{Rounding::to_odd, Overflow::nan};
  parse_rounding("stochastic_c(5)", spec);
  EXPECT_EQ(spec, (RoundSpec{Rounding::stochastic, Overflow::nan, 5, StochasticVariant::rounded}));
  EXPECT_THROW(parse_rounding("stochastic_c", spec), SpecError);
  EXPECT_THROW(parse_rounding("stochastic_a(5,b)", spec), SpecError);
}

TEST(Rounding, ParsingReplacesRandomBitsAndVariantOnly) {
  RoundSpec spec{Rounding::stochastic, Overflow::nan, 8, StochasticVariant::unbiased};
  parse_rounding("rz", spec);
  EXPECT_EQ(spec, (RoundSpec{Rounding::toward_zero, Overflow::nan}));
}

TEST(Rounding, ErrorsNameColumnAndRemedy) {
  EXPECT_EQ(reading_of("nearst_even"),
            "unknown rounding 'nearst_even' at column 1; did you mean nearest_even?");
  EXPECT_EQ(reading_of("nearest"),
            "rounding 'nearest' at column 1 has two readings: nearest_even (IEEE 754) and "
            "nearest_away (QPyTorch, microxcaling)");
  EXPECT_NE(reading_of("floor").find("two readings"), std::string::npos);
  EXPECT_NE(reading_of("trn").find("two readings"), std::string::npos);
  EXPECT_EQ(reading_of("AP_TRN"), "toward_negative");
  EXPECT_EQ(reading_of("AP_TRN_ZERO"), "toward_zero");
  EXPECT_EQ(reading_of("AP_RND_CONV"), "nearest_even");
  EXPECT_EQ(reading_of("AP_RND_INF"), "nearest_away");
  EXPECT_EQ(reading_of("NearestTiesToEven"), "nearest_even");
  EXPECT_EQ(reading_of("stochastic"),
            "expected the number of random bits, as in stochastic(16), at column 11 of rounding "
            "'stochastic'");
  EXPECT_EQ(reading_of("sr(33)"),
            "expected the number of random bits, 1 to 32, at column 4 of rounding 'sr(33)'");
  EXPECT_NE(reading_of("sr(3,biased)").find("at column 6"), std::string::npos);
  EXPECT_NE(reading_of("sr(3").find("expected ')' at column 5"), std::string::npos);
  EXPECT_NE(reading_of("rne(3)").find("unexpected text at column 4"), std::string::npos);
  EXPECT_NE(reading_of("").find("unknown rounding ''"), std::string::npos);
}

TEST(Rounding, FailedParseLeavesTheSpecAlone) {
  RoundSpec spec{Rounding::to_odd, Overflow::nan};
  EXPECT_THROW(parse_rounding("sr(99)", spec), SpecError);
  EXPECT_EQ(spec, (RoundSpec{Rounding::to_odd, Overflow::nan}));
}

TEST(Overflow, SpellingsAndErrors) {
  for (const char* text :
       {"infinity", "saturate", "nan", "wrap", "error", "propagate", "sat_none"}) {
    EXPECT_EQ(overflow_reading_of(text), text);
  }
  EXPECT_EQ(overflow_reading_of("satfinite"), "saturate");
  EXPECT_EQ(overflow_reading_of(" Sat "), "saturate");
  EXPECT_EQ(overflow_reading_of("overflow_inf"), "infinity");
  EXPECT_EQ(overflow_reading_of("saturat"),
            "unknown overflow policy 'saturat' at column 1; did you mean saturate?");
  EXPECT_EQ(overflow_reading_of("qqq"),
            "unknown overflow policy 'qqq' at column 1; known: infinity, saturate, nan, wrap, "
            "error, propagate, sat_none");
  EXPECT_EQ(overflow_reading_of("SatFinite"), "saturate");
  EXPECT_EQ(overflow_reading_of("SatPropagate"), "propagate");
  EXPECT_EQ(overflow_reading_of("AP_WRAP"), "wrap");
  EXPECT_EQ(overflow_reading_of("AP_SAT"), "saturate");
  EXPECT_EQ(overflow_reading_of("SatNone"), "sat_none");
  EXPECT_EQ(overflow_reading_of("OvfInf"), "sat_none");
}

TEST(Flags, PrintInOneOrder) {
  EXPECT_EQ(to_string(Flags{}), "-");
  EXPECT_EQ(to_string(Flags{true, true, true, true, true}),
            "inexact,overflow,underflow,invalid,divzero");
}

}  // namespace
}  // namespace halfulp
