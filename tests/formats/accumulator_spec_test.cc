#include "formats/accumulator_spec.h"

#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

#include "formats/named_accumulators.h"
#include "formats/spec.h"
#include "tests/formats/random_accumulator.h"

namespace halfulp {
namespace {

using ::testing::HasSubstr;

std::string canonical(std::string_view text) { return to_spec(parse_accumulator(text)); }

TEST(ParseAccumulator, APlainFormatRoundsEachAddition) {
  EXPECT_EQ(parse_accumulator("binary32"), binary32_accumulator());
  EXPECT_EQ(canonical("binary32"), "binary32+nearest_even+infinity");
  EXPECT_EQ(canonical("bf16"), "bfloat16+nearest_even+infinity");
  EXPECT_EQ(canonical("e4m3fn"), "e4m3fn+nearest_even+saturate");
  EXPECT_EQ(canonical("int32+wrap"), "int32+nearest_even+wrap");
  EXPECT_EQ(canonical("posit(16,2)"), "posit(16,2)+nearest_even+saturate");
  EXPECT_EQ(canonical("e8m13+rz+clamp"), "e8m13+toward_zero+saturate");
}

TEST(ParseAccumulator, OptionsStandInAnyOrder) {
  const std::string text =
      "e5m10+stochastic(16)+infinity+blocked(4)+product(bfloat16+nearest_even+infinity)+"
      "promote(128,binary32+nearest_even+infinity)+result(e4m3fn+nearest_even+saturate)+"
      "addend_last+shared_draws";
  EXPECT_EQ(canonical("fp16+shared_draws+addend_last+result(e4m3)+promote(128,fp32)+product(bf16)+"
                      "blocked(4)+sr(16)"),
            "binary16" + text.substr(5));
  EXPECT_EQ(canonical(" bfloat16 + every( 32 ) + rz "), "bfloat16+toward_zero+infinity+every(32)");
  EXPECT_EQ(canonical("binary32+sequential"), "binary32+nearest_even+infinity");
  EXPECT_EQ(canonical("binary32+pairwise"), "binary32+nearest_even+infinity+pairwise");
  EXPECT_EQ(canonical("binary32+pairwise(4)+flush(-14)"),
            "binary32+nearest_even+infinity+pairwise(4)+flush(-14,-14)");
}

TEST(ParseAccumulator, OtherMethods) {
  EXPECT_EQ(canonical("kahan(bf16)"), "kahan(bfloat16)+nearest_even+infinity");
  EXPECT_EQ(canonical("two_sum(e5m10)+rz"), "two_sum(binary16)+toward_zero+infinity");
  EXPECT_EQ(canonical("exact(posit(16,2))+every(4)"),
            "exact(posit(16,2))+nearest_even+saturate+every(4)");
  EXPECT_EQ(canonical("aligned(binary32,16,25)+rz"),
            "aligned(binary32,16,25,alignment=toward_zero,least_exponent=-133,exponents=-126:-126,"
            "addend=aligned)+toward_zero+infinity");
  EXPECT_EQ(canonical("aligned(binary32,16,24,addend=realigned,drops_far_addend,lanes=2,exponents="
                      "-7:-15,products_overflow,alignment=rd,flush_operands,least_exponent=-1024)"),
            "aligned(binary32,16,24,alignment=toward_negative,lanes=2,least_exponent=-1024,"
            "exponents=-7:-15,flush_operands,products_overflow,addend=realigned,realigned_bits=31,"
            "drops_far_addend)+nearest_even+infinity");
  EXPECT_EQ(canonical("aligned(e8m13,4,9,addend=separate,addition=binary32+rz,interleave=2)"),
            "aligned(e8m13,4,9,alignment=toward_zero,interleave=2,least_exponent=-133,"
            "exponents=-126:-126,addend=separate,addition=binary32+toward_zero+infinity)+"
            "nearest_even+infinity");
}

TEST(ParseAccumulator, CanonicalTextReadsBackAsTheSameValue) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 5000; ++i) {
    const AccumulatorSpec spec = random_accumulator(random);
    const std::string text = to_spec(spec);
    ASSERT_EQ(accumulator_fault(spec), "") << text;
    ASSERT_EQ(parse_accumulator(text), spec) << text;
  }
}

TEST(ParseAccumulator, PresetsStandForWhatTheyPrint) {
  for (const NamedAccumulator& row : named_accumulators()) {
    std::vector<std::string> spellings = {std::string(row.name)};
    for (const std::string_view alias : row.aliases) spellings.emplace_back(alias);
    for (const std::string& spelling : spellings) {
      EXPECT_EQ(parse_accumulator(spelling), parse_accumulator(row.name));
      for (const std::string_view operand : row.operands) {
        const std::string call = spelling + "(" + std::string(operand) + ")";
        EXPECT_EQ(canonical(canonical(call)), canonical(call)) << call;
      }
    }
  }
  EXPECT_EQ(canonical("h100(fp16,result=fp16)"),
            "aligned(binary16,16,25,alignment=toward_zero,least_exponent=-21,exponents=-14:-14,"
            "addend=aligned)+nearest_even+infinity");
  EXPECT_EQ(canonical("Hopper( e4m3fn , e5m2 )"),
            "aligned(e8m13,32,13,alignment=toward_zero,least_exponent=-132,exponents=-6:-14,"
            "addend=aligned)+toward_zero+infinity");
  EXPECT_EQ(parse_accumulator("h100(e4m3)+promote(128,binary32)"),
            parse_accumulator("deepseek_promotion_128"));
  EXPECT_EQ(canonical("int8_int32+saturate"), "int32+nearest_even+saturate");
}

struct BadText {
  const char* text;
  int column;
  const char* message;
};

TEST(ParseAccumulator, ErrorsNameTheColumnAndTheRemedy) {
  const std::vector<BadText> cases = {
      {"", 1, "binary32"},
      {"binray32", 1, "binary32"},
      {"alinged(binary32,4,5)", 1, "aligned"},
      {"hoper", 1, "did you mean"},
      {"binary32+", 10, "expected an option"},
      {"binary32+pairwize", 10, "pairwise"},
      {"binary32+pairwise(0)", 19, "a length"},
      {"binary32+blocked", 10, "parentheses"},
      {"binary32+blocked(4)+pairwise", 21, "second order"},
      {"binary32+rne+rz", 14, "second rounding"},
      {"binary32+wrap+nan", 15, "second overflow"},
      {"binary32+wrap", 1, "wrap"},
      {"binary32+nearest", 10, "two readings"},
      {"binary32+stochastic(0)", 21, "1 to 32"},
      {"binary32+every(0)", 16, "a number of terms"},
      {"binary32+every(4", 17, "expected ')'"},
      {"binary32+every(4)+pairwise", 1, "sequential"},
      {"binary32+product(bf17)", 18, "bf17"},
      {"binary32+product(bf16+every(2))", 23, "unknown option"},
      {"binary32+promote(128)", 18, "promote(128,binary32)"},
      {"binary32+promote(0,binary32)", 18, "an interval"},
      {"binary32+result(int8+infinity)", 1, "result"},
      {"kahan", 1, "parentheses"},
      {"kahan(binary33)", 7, "binary33"},
      {"kahan(binary32)+pairwise", 17, "each addition"},
      {"aligned(binary32,16)", 9, "aligned(binary32,16,24)"},
      {"aligned(binary32,0,24)", 18, "number of terms"},
      {"aligned(binary32,16,99)", 21, "0 to 60"},
      {"aligned(binary32,2000000,9)", 18, "1 to 1048576"},
      {"aligned(binary32,16,24,lanes)", 24, "needs a value"},
      {"aligned(binary32,16,24,flush_operands=1)", 24, "takes no value"},
      {"aligned(binary32,16,24,lanes=2,lanes=4)", 32, "second detail"},
      {"kahan(binary32)+addend_last+addend_last", 29, "second option"},
      {"binary32+product(e5m2+pairwise)", 23, "known: nearest_even"},
      {"aligned(binary32,16,24,lane=2)", 24, "lanes"},
      {"aligned(binary32,16,24,addend=late)", 31, "aligned"},
      {"aligned(binary32,16,24,alignment=to_odd)", 1, "alignment is"},
      {"aligned(binary32,16,24)+product(bf16)", 1, "exact products"},
      {"aligned(binary32,16,24,realigned_bits=30)", 1, "addend=realigned"},
      {"takum(16,log)", 1, "irrational"},
      {"h100(int8)", 1, "binary16, bfloat16"},
      {"h100(binary16,bfloat16)", 1, "8 bits"},
      {"h100(bfloat16,result=binary16)", 1, "binary16 are published"},
      {"cdna3(binary16,result=binary16)", 1, "binary32 only"},
      {"h100(binary16,binary16,binary16)", 24, "two operands"},
      {"int8_int32(int8)", 1, "no operand formats"},
  };
  for (const BadText& bad : cases) {
    try {
      ADD_FAILURE() << bad.text << " is " << canonical(bad.text);
    } catch (const SpecError& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.message)) << bad.text;
      EXPECT_EQ(error.column(), bad.column) << bad.text << ": " << error.what();
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("\n")));
    }
  }
}

TEST(ParseDestination, ReadsAFormatAndItsRounding) {
  EXPECT_EQ(to_spec(parse_destination("bf16")), "bfloat16+nearest_even+infinity");
  EXPECT_EQ(to_spec(parse_destination("int8+rz+wrap")), "int8+toward_zero+wrap");
  EXPECT_THROW(parse_destination("int8+pairwise"), SpecError);
  EXPECT_THROW(parse_destination("binary32+wrap"), SpecError);
}

TEST(CheckAccumulator, RefusesWhatCannotBe) {
  AccumulatorSpec spec = binary32_accumulator();
  check_accumulator(spec);
  std::get<RoundedSum>(spec.method).every = 0;
  EXPECT_THROW(check_accumulator(spec), SpecError);
  spec.method = RoundedSum{{FloatFormat{99, 3, 1}, {}}, 1, {}, {}};
  EXPECT_THROW(check_accumulator(spec), SpecError);
  spec = binary32_accumulator();
  spec.promotion = Promotion{0, sum_destination(spec)};
  EXPECT_THROW(check_accumulator(spec), SpecError);
}

}  // namespace
}  // namespace halfulp
