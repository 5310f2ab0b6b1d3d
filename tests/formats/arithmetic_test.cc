// Facts of the standards and cases that go wrong easily, typed by hand.
#include "formats/arithmetic.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

Number number(const std::string& text) {
  WideNumber x = *parse_number(text);
  while (bit_width(x.significand) > 64) {
    x.significand >>= 1;
    ++x.exponent;
  }
  return {x.kind, x.negative, x.sticky, x.exponent, static_cast<std::uint64_t>(x.significand)};
}

/// "fma 1 2 3" in a format: the result as an exact hexadecimal float, and the flags.
std::string eval(std::string_view line, const char* format, Rounding rounding, Overflow overflow) {
  std::vector<std::string> words;
  for (std::size_t start = 0; start < line.size();) {
    const std::size_t end = std::min(line.find(' ', start), line.size());
    words.emplace_back(line.substr(start, end - start));
    start = end + 1;
  }
  std::vector<Number> operands;
  for (std::size_t i = 1; i < words.size(); ++i) operands.push_back(number(words[i]));
  Flags flags;
  const Number result = evaluate(parse_operation(words[0]), operands, parse_format(format),
                                 {rounding, overflow}, 0, flags);
  return to_hex_float(result) + " " + to_string(flags);
}

std::string eval(std::string_view line, const char* format,
                 Overflow overflow = Overflow::saturate) {
  return eval(line, format, Rounding::nearest_even, overflow);
}

TEST(Arithmetic, FusedOperationsRoundOnce) {
  // 0x1.000001p0 squared is 1 + 2^-23 + 2^-48; in two roundings the sum would be 0.
  EXPECT_EQ(eval("fma 0x1.000002p0 0x1.000002p0 -0x1.000004p0", "binary32"), "0x1p-46 -");
  // The product is a tie of binary32, the addend breaks it from far below.
  EXPECT_EQ(eval("fma 0x1.000001p0 1 0x1p-140", "binary32"), "0x1.000002p+0 inexact");
  EXPECT_EQ(eval("fma 0x1.000001p0 1 -0x1p-140", "binary32"), "0x1p+0 inexact");
  EXPECT_EQ(eval("faa 0x1p127 1 -0x1p127", "binary32"), "0x1p+0 -");
  EXPECT_EQ(eval("faa 1 0x1p-24 0x1p-140", "binary32"), "0x1.000002p+0 inexact");
}

TEST(Arithmetic, WidestFormatUnderCancellationAndGaps) {
  const char* wide = "e15m63";
  EXPECT_EQ(eval("fma 0x1.fffffffffffffffep0 0x1.fffffffffffffffep0 -0x1.fffffffffffffffcp1", wide),
            "0x1p-126 -");
  EXPECT_EQ(eval("fma 0x1p8000 0x1p8000 -0x1p16000", wide), "0x0p+0 -");
  EXPECT_EQ(
      eval("fma 0x1p8191 0x1p8191 0x1p-16382", wide, Rounding::toward_positive, Overflow::infinity),
      "0x1.0000000000000002p+16382 inexact");
  EXPECT_EQ(
      eval("fma 0x1p8191 0x1p8191 -0x1p-16445", wide, Rounding::toward_zero, Overflow::infinity),
      "0x1.fffffffffffffffep+16381 inexact");
  EXPECT_EQ(eval("faa 0x1p16383 0x1p-16445 -0x1p16383", wide), "0x1p-16445 -");
  EXPECT_EQ(eval("add 0x1p16383 0x1p16383", wide, Overflow::infinity), "inf inexact,overflow");
  EXPECT_EQ(eval("rem 0x1p16383 0x1.8p-16382", wide), "0x1p-16383 -");
  EXPECT_EQ(eval("div 1 3", wide), "0x1.5555555555555556p-2 inexact");
  EXPECT_EQ(eval("sqrt 2", wide), "0x1.6a09e667f3bcc908p+0 inexact");
}

TEST(Arithmetic, SignsOfZero) {
  EXPECT_EQ(eval("add 1 -1", "binary16"), "0x0p+0 -");
  EXPECT_EQ(eval("add 1 -1", "binary16", Rounding::toward_negative, Overflow::infinity),
            "-0x0p+0 -");
  EXPECT_EQ(eval("sub -0 0", "binary16"), "-0x0p+0 -");
  EXPECT_EQ(eval("sub 0 0", "binary16", Rounding::toward_negative, Overflow::infinity),
            "-0x0p+0 -");
  EXPECT_EQ(eval("fma -1 0 -0", "binary16"), "-0x0p+0 -");
  EXPECT_EQ(eval("fma -1 0 0", "binary16"), "0x0p+0 -");
  EXPECT_EQ(eval("faa -0 -0 -0", "binary16"), "-0x0p+0 -");
  EXPECT_EQ(eval("mul -3 0", "binary16"), "-0x0p+0 -");
  EXPECT_EQ(eval("mul -3 0", "e4m3fnuz"), "0x0p+0 -");
  EXPECT_EQ(eval("rem -4 2", "binary16"), "-0x0p+0 -");
  EXPECT_EQ(eval("sqrt -0", "binary16"), "-0x0p+0 -");
  EXPECT_EQ(eval("maximum -0 0", "binary16"), "0x0p+0 -");
  EXPECT_EQ(eval("minimum 0 -0", "binary16"), "-0x0p+0 -");
}

TEST(Arithmetic, DivisionByZeroInEveryKindOfFormat) {
  EXPECT_EQ(eval("div -1 0", "e5m2", Overflow::infinity), "-inf divzero");
  EXPECT_EQ(eval("div 1 -0", "e5m2"), "-0x1.cp+15 inexact,overflow,divzero");
  EXPECT_EQ(eval("recip 0", "e4m3fn"), "0x1.cp+8 inexact,overflow,divzero");
  EXPECT_EQ(eval("recip 0", "e4m3fn", Overflow::nan), "nan inexact,overflow,divzero");
  EXPECT_EQ(eval("div 1 0", "e2m1fn"), "0x1.8p+2 inexact,overflow,divzero");
  EXPECT_EQ(eval("div 1 0", "e4m3fnuz"), "nan divzero");
  EXPECT_EQ(eval("rsqrt 0", "e4m3fnuz"), "nan divzero");
  EXPECT_EQ(eval("rsqrt -0", "binary32", Overflow::infinity), "-inf divzero");
  EXPECT_EQ(eval("div 1 0", "int8"), "0x0p+0 invalid,divzero");
  EXPECT_EQ(eval("div 1 0", "posit(8,2)"), "nan divzero");
  EXPECT_EQ(eval("div 1 0", "Binary8p3se", Overflow::infinity), "nan divzero");
  EXPECT_EQ(eval("log 0", "e4m3fnuz"), "-0x1.ep+7 inexact,overflow,divzero");
  EXPECT_EQ(eval("log 0", "e5m2", Overflow::infinity), "-inf divzero");
  EXPECT_EQ(eval("div 0 0", "e5m2"), "nan invalid");
  EXPECT_EQ(eval("div 0 0", "e2m1fn"), "0x1.8p+2 invalid");
}

TEST(Arithmetic, NeighboursInEveryKindOfFormat) {
  EXPECT_EQ(eval("next_up 448", "e4m3fn"), "0x1.cp+8 -");
  EXPECT_EQ(eval("next_up 448", "e4m3fn", Overflow::nan), "nan -");
  EXPECT_EQ(eval("next_up 57344", "e5m2"), "inf -");
  EXPECT_EQ(eval("next_up nan", "e4m3fn"), "nan -");
  EXPECT_EQ(eval("next_up nan", "int8"), "0x0p+0 invalid");
  EXPECT_EQ(eval("next_down nan", "e2m1fn"), eval("neg nan", "e2m1fn"));
  EXPECT_EQ(eval("next_up -inf", "e5m2"), "-0x1.cp+15 -");
  EXPECT_EQ(eval("next_up -0x1p-9", "e4m3fn"), "-0x0p+0 -");
  EXPECT_EQ(eval("next_up -0", "e4m3fn"), "0x1p-9 -");
  EXPECT_EQ(eval("next_down 0", "int8"), "-0x1p+0 -");
  EXPECT_EQ(eval("next_down -128", "int8"), "-0x1p+7 -");
  EXPECT_EQ(eval("next_down 0", "uint8"), "0x0p+0 -");
  EXPECT_EQ(eval("next_down 0", "int1"), "-0x1p+0 -");
  EXPECT_EQ(eval("next_up 0", "posit(64,2)"), "0x1p-248 -");
  EXPECT_EQ(eval("next_down 0", "takum_linear8"), "-0x1p-239 -");
  EXPECT_EQ(eval("next_up 0x1p248", "posit(64,2)"), "0x1p+248 -");
  EXPECT_EQ(eval("next_up 0x1p248", "posit(64,2)", Overflow::nan), "nan -");
  EXPECT_EQ(eval("next_up 0", "float(4,3,subnormals=flush_input)"), "0x1p-6 -");
  EXPECT_EQ(eval("next_down 1.03", "e4m3fn"), "0x1p+0 -") << "from a number outside the format";
}

TEST(Arithmetic, FixedPoint) {
  const auto wrap = [](const char* line, const char* format) {
    return eval(line, format, Rounding::toward_zero, Overflow::wrap);
  };
  EXPECT_EQ(eval("div 0.5 0x1p-63", "fixed(64,63)"), "0x1.fffffffffffffffcp-1 inexact,overflow");
  EXPECT_EQ(eval("div 0x1p-63 0.75", "fixed(64,63)"), "0x1p-63 inexact");
  EXPECT_EQ(wrap("mul 7.75 7.75", "fixed(8,4)"), "-0x1.f8p+1 inexact,overflow");  // 60.0625 - 64
  EXPECT_EQ(wrap("fma 0x1p200 1 0.3125", "fixed(8,4)"), "0x1.4p-2 inexact,overflow");
  EXPECT_THROW(wrap("div 0x1p200 3", "fixed(8,4)"), std::invalid_argument);
}

TEST(Arithmetic, PredicatesAreZeroOrOne) {
  EXPECT_EQ(eval("lt 1 2", "e2m1fn"), "0x1p+0 -");
  EXPECT_EQ(eval("lt nan 2", "binary32"), "0x0p+0 invalid");
  EXPECT_EQ(eval("eq nan nan", "binary32"), "0x0p+0 -");
  EXPECT_EQ(eval("ne nan nan", "binary32"), "0x1p+0 -");
  EXPECT_EQ(eval("eq 0 -0", "binary32"), "0x1p+0 -");
  EXPECT_EQ(eval("unordered 1 nan", "binary32"), "0x1p+0 -");
}

TEST(Arithmetic, SigmoidFarOut) {
  EXPECT_EQ(eval("sigmoid 0x1p16000", "e15m63", Rounding::toward_zero, Overflow::infinity),
            "0x1.fffffffffffffffep-1 inexact");
  EXPECT_EQ(eval("sigmoid -0x1p16000", "e15m63", Rounding::toward_positive, Overflow::infinity),
            "0x1p-16445 inexact,underflow");
  EXPECT_EQ(eval("sigmoid 0x1p-16000", "e15m63", Rounding::toward_positive, Overflow::infinity),
            "0x1.0000000000000002p-1 inexact");
  EXPECT_EQ(eval("exp -0x1p16000", "e15m63", Rounding::toward_positive, Overflow::infinity),
            "0x1p-16445 inexact,underflow");
  EXPECT_EQ(eval("exp 0x1p16000", "e15m63", Overflow::infinity), "inf inexact,overflow");
}

TEST(Arithmetic, Refusals) {
  Flags flags;
  const Format format = parse_format("int8");
  const RoundSpec wrap{Rounding::nearest_even, Overflow::wrap};
  const Number one = number("1");
  const Number hundred = number("100");
  const Number third = number("0.1");
  const Number both[] = {one, third};
  EXPECT_THROW(evaluate(Operation::add, {both, 1}, format, wrap, 0, flags), std::invalid_argument);
  EXPECT_THROW(evaluate(Operation::add, both, format, wrap, 0, flags), std::invalid_argument);
  EXPECT_THROW(evaluate(Operation::div, both, format, wrap, 0, flags), std::invalid_argument);
  EXPECT_THROW(evaluate(Operation::exp, {&third, 1}, format, wrap, 0, flags),
               std::invalid_argument);
  EXPECT_THROW(evaluate(Operation::exp, {&hundred, 1}, format, wrap, 0, flags),
               std::invalid_argument);
  EXPECT_THROW(parse_operation("ad"), SpecError);
  EXPECT_EQ(parse_operation("Next-Up"), Operation::next_up);
}

TEST(Arithmetic, FlagsOfEarlierOperationsStay) {
  Flags flags;
  flags.divide_by_zero = true;
  const Number operands[] = {number("1"), number("0x1p-30")};
  evaluate(Operation::add, operands, parse_format("binary32"), {}, 0, flags);
  EXPECT_EQ(to_string(flags), "inexact,divzero");
}

}  // namespace
}  // namespace halfulp
