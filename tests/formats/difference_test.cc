#include "formats/difference.h"

#include <gmock/gmock.h>

#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

Difference of(const char* a, const char* b) {
  return compare({parse_format(a), {}}, {parse_format(b), {}});
}

TEST(Difference, FormatsEqualThemselves) {
  for (const char* name :
       {"e4m3fn", "int8", "int8sym", "int64", "e8m0fnu", "bfloat16", "binary64", "lns(8,3)",
        "lns(64,50)", "takum_log8", "takum_log64", "posit(64,2)", "e15m63",
        "float(4,3,fn,subnormals=flush_input)", "float(8,23,subnormals=flush_input)"}) {
    const Difference d = of(name, name);
    EXPECT_TRUE(d.identical()) << name;
    EXPECT_EQ(d.only_a, 0u) << name;
    EXPECT_EQ(d.different_codes, 0u) << name;
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
  EXPECT_EQ(to_exact_text(d.first_operand->operand), "0.25");
  EXPECT_EQ(d.first_operand->a, "0");
  EXPECT_EQ(d.first_operand->b, "0.5");
  EXPECT_THAT(d.reasons, ::testing::ElementsAre("rounding: nearest_even, nearest_away"));
}

TEST(Difference, WideFormatsAreSampled) {
  const Difference d = of("binary32", "tf32");
  EXPECT_TRUE(d.sampled);
  EXPECT_GT(d.different_operands, 0u);
}

Difference under(const char* format, const RoundSpec& a, const RoundSpec& b) {
  return compare({parse_format(format), a}, {parse_format(format), b});
}

// Operands beyond the precision of the format, which binary64 numbers are not.
TEST(Difference, RoundingsOfWideFormatsDiffer) {
  const RoundSpec even;
  const RoundSpec away{Rounding::nearest_away};
  const RoundSpec toward_zero{Rounding::toward_zero};
  for (const char* name : {"binary64", "e15m63", "posit(64,2)", "takum_linear64", "int64"}) {
    EXPECT_TRUE(under(name, even, toward_zero).found()) << name;
    EXPECT_TRUE(under(name, even, away).found()) << name;
  }
  EXPECT_TRUE(under("e15m63", toward_zero, away).found());
  EXPECT_TRUE(under("lns(64,50)", even, toward_zero).found());
  EXPECT_TRUE(under("takum_log64", even, toward_zero).found());
}

// The tie takes 54 bits.
TEST(Difference, TieOfACodebookThatBinary64Lacks) {
  const Difference d =
      under("codebook(1,1.0000000000000002,1.0000000000000004)", {}, {Rounding::nearest_away});
  ASSERT_TRUE(d.first_operand);
  EXPECT_EQ(to_exact_text(d.first_operand->operand), "0x1.00000000000008p+0");
}

TEST(Difference, StochasticRoundingsDiffer) {
  const auto stochastic = [](int bits, StochasticVariant variant) {
    return RoundSpec{Rounding::stochastic, Overflow::saturate, bits, variant};
  };
  constexpr auto kTruncate = StochasticVariant::truncate;
  constexpr auto kUnbiased = StochasticVariant::unbiased;
  constexpr auto kRounded = StochasticVariant::rounded;
  for (const char* name : {"e4m3fn", "int8", "posit(8,2)", "lns(8,0)", "e15m63"}) {
    for (const int bits : {1, 3, 8, 31}) {
      if (width(parse_format(name)) > 16 && bits != 31) continue;
      const RoundSpec first = stochastic(bits, kTruncate);
      EXPECT_TRUE(under(name, first, stochastic(bits + 1, kTruncate)).found()) << name << bits;
      EXPECT_TRUE(under(name, first, stochastic(bits, kUnbiased)).found()) << name << bits;
      EXPECT_TRUE(under(name, first, stochastic(bits, kRounded)).found()) << name << bits;
      EXPECT_TRUE(under(name, stochastic(bits, kUnbiased), stochastic(bits, kRounded)).found())
          << name << bits;
      EXPECT_TRUE(under(name, first, first).identical()) << name << bits;
    }
  }
}

// The operand and the random bits that are named do round differently.
TEST(Difference, FirstOperandShowsIt) {
  const Caster a{parse_format("int8"), {Rounding::stochastic, Overflow::saturate, 8}};
  const Caster b{parse_format("int8"), {Rounding::stochastic, Overflow::saturate, 9}};
  const Difference d = compare(a, b);
  ASSERT_TRUE(d.first_operand);
  const CastDifference& first = *d.first_operand;
  Flags flags;
  EXPECT_EQ(to_text(round_to(a.format, a.spec, first.operand, first.random, flags)), first.a);
  EXPECT_EQ(to_text(round_to(b.format, b.spec, first.operand, first.random, flags)), first.b);
  EXPECT_NE(first.a, first.b);
}

// saturate and propagate differ for infinities, which these formats do not have.
TEST(Difference, SampleThatFindsNothingProvesNothing) {
  const RoundSpec propagate{Rounding::nearest_even, Overflow::propagate};
  EXPECT_FALSE(under("e8m23finite", {}, propagate).found());
  EXPECT_FALSE(under("e8m23finite", {}, propagate).identical());
  EXPECT_TRUE(under("e4m3fn", {}, propagate).identical());
  const RoundSpec stochastic{Rounding::stochastic, Overflow::saturate, 4};
  RoundSpec other = stochastic;
  other.overflow = Overflow::propagate;
  EXPECT_FALSE(under("e4m3fn", stochastic, other).found());
  EXPECT_FALSE(under("e4m3fn", stochastic, other).identical());
}

TEST(Difference, ValuesBeyondBinary64) {
  EXPECT_GT(of("binary64", "e11m60").only_b, 1000u);
  EXPECT_GT(of("posit(64,2)", "binary64").only_a, 1000u);
  EXPECT_GT(of("posit(64,2)", "posit(64,3)").only_a, 1000u);
  const Difference bias = of("float(5,3,bias=2000)", "float(5,4,bias=2000)");
  // 31 binades of 8 and of 16 codes, subnormal numbers included, and one zero.
  EXPECT_EQ(bias.values_a, 2 * (31 * 8 - 1u) + 1);
  EXPECT_EQ(bias.values_b, 2 * (31 * 16 - 1u) + 1);
  EXPECT_EQ(bias.only_a, 0u);
  EXPECT_EQ(bias.only_b, bias.values_b - bias.values_a);
  // The binade that IEEE formats reserve: 4 numbers of either sign.
  const Difference reserved = of("e12m2", "e12m2finite");
  EXPECT_EQ(reserved.only_b, 8u);
  EXPECT_EQ(to_text(*reserved.first_only_b), "0x1p+2048");
  EXPECT_EQ(to_text(*of("e15m63", "e15m63finite").first_only_b), "0x1p+16384");
}

// A value of the one is in the other where its logarithm is.
TEST(Difference, IrrationalValuesAreComparedExactly) {
  const Difference finer = of("lns(8,3)", "lns(9,4)");
  EXPECT_EQ(finer.only_a, 0u);
  EXPECT_EQ(finer.only_b, finer.values_b - finer.values_a);
  // Powers of the root of e and of 2: zero, 1 and -1 are common.
  const Difference bases = of("takum_log8", "lns(8,3)");
  EXPECT_EQ(bases.only_a, bases.values_a - 3);
  EXPECT_EQ(bases.only_b, bases.values_b - 3);
}

TEST(Difference, DifferentNumbersHaveDifferentTexts) {
  const Number one{Number::Kind::finite, false, false, 0, 1};
  const auto rational = distinct_texts(one, {});
  EXPECT_EQ(rational.first, "1");
  EXPECT_EQ(rational.second, "0");
  const std::uint64_t top = std::uint64_t{1} << 63;
  const auto cut = distinct_texts({Number::Kind::finite, false, true, -63, top + 2},
                                  {Number::Kind::finite, false, true, -63, top + 4});
  EXPECT_EQ(cut.first, "0x1.0000000000000004p+0");
  EXPECT_EQ(cut.second, "0x1.0000000000000008p+0");
}

TEST(Difference, ReasonsAlways) {
  const auto reasons = [](const char* a, const char* b) { return of(a, b).reasons; };
  using ::testing::ElementsAre;
  EXPECT_THAT(reasons("float(4,3,fn,subnormals=flush_input)", "e4m3fn"),
              ElementsAre("subnormals: flush_input, on"));
  EXPECT_THAT(reasons("codebook(1,2,3,4)", "codebook(1,2.5,3,4)"),
              ElementsAre("value of code 1: 2, 2.5"));
  EXPECT_THAT(reasons("codebook(1,2)", "codebook(2,1)"), ElementsAre("value of code 0: 1, 2"));
}

}  // namespace

}  // namespace halfulp
