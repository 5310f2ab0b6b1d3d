// Rounding on inputs that people disagree about, and the decisions of round.h one by one.
#include "formats/round.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "formats/spec.h"

namespace halfulp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Case {
  const char* format;
  Overflow overflow;
  double x;
  double want;
};

void expect_case(const Case& c, Rounding rounding = Rounding::nearest_even) {
  const double got = round(parse_format(c.format), {rounding, c.overflow}, c.x);
  const bool same = std::isnan(c.want) ? std::isnan(got) : got == c.want;
  EXPECT_TRUE(same) << c.format << " " << to_string(c.overflow) << " " << c.x << " gave " << got
                    << ", not " << c.want;
}

// Where libraries give different answers: OFP8 1.0 (round, then compare with 448; ties to even),
// ml_dtypes (NaN), ONNX and AMD (saturate), the IEEE-like 240 type (infinity).
TEST(Round, DisputedInputs) {
  const Case cases[] = {
      {"e4m3fn", Overflow::saturate, 449, 448},
      {"e4m3fn", Overflow::nan, 449, 448},
      {"e4m3fn", Overflow::saturate, 464, 448},
      {"e4m3fn", Overflow::nan, 464, 448},
      {"e4m3fn", Overflow::saturate, 464.0001, 448},
      {"e4m3fn", Overflow::nan, 464.0001, kNaN},
      {"e4m3fn", Overflow::saturate, 465, 448},
      {"e4m3fn", Overflow::nan, 465, kNaN},
      {"e4m3fn", Overflow::saturate, 500, 448},
      {"e4m3fn", Overflow::nan, 500, kNaN},
      {"e4m3fn", Overflow::saturate, kInfinity, 448},
      {"e4m3fn", Overflow::nan, kInfinity, kNaN},
      {"e4m3fn", Overflow::saturate, -kInfinity, -448},
      {"e4m3fn", Overflow::nan, -kInfinity, kNaN},
      {"e4m3fn", Overflow::saturate, kNaN, kNaN},
      {"e4m3fn", Overflow::saturate, 4.25, 4},
      {"e4m3fn", Overflow::saturate, 4.75, 5},
      {"e4m3fn", Overflow::saturate, 0x1p-10, 0},
      {"e4m3fn", Overflow::saturate, 3 * 0x1p-10, 0x1p-8},
      {"e4m3ieee", Overflow::infinity, 247.9, 240},
      {"e4m3ieee", Overflow::infinity, 248, kInfinity},
      {"e4m3ieee", Overflow::infinity, 449, kInfinity},
      {"e4m3ieee", Overflow::saturate, 449, 240},
      {"e4m3fnuz", Overflow::nan, 247.9, 240},
      {"e4m3fnuz", Overflow::nan, 248, kNaN},
      {"e5m2", Overflow::infinity, 61439, 57344},
      {"e5m2", Overflow::infinity, 61440, kInfinity},
      {"e5m2", Overflow::saturate, 61440, 57344},
      {"e5m2", Overflow::nan, 61440, kNaN},
      {"e5m2", Overflow::infinity, -kInfinity, -kInfinity},
      {"binary16", Overflow::infinity, 65519.99, 65504},
      {"binary16", Overflow::infinity, 65520, kInfinity},
      {"e2m1fn", Overflow::saturate, 5, 4},
      {"e2m1fn", Overflow::saturate, 447, 6},
      {"e2m1fn", Overflow::saturate, kNaN, 6},
      {"e2m1fn", Overflow::saturate, 0.25, 0},
      {"e2m1fn", Overflow::saturate, 0.75, 1},
      {"e2m1fn", Overflow::saturate, 1.25, 1},
      {"int8", Overflow::saturate, 2.5, 2},
      {"int8", Overflow::saturate, 3.5, 4},
      {"int8", Overflow::saturate, 127.5, 127},
      {"int8", Overflow::saturate, -128.5, -128},
      {"int8", Overflow::saturate, kNaN, 0},
      {"int8", Overflow::wrap, 128, -128},
      {"int8", Overflow::wrap, -129, 127},
      {"int8", Overflow::wrap, 127.5, -128},
      {"int8", Overflow::wrap, 0x1p70, 0},
      {"int8", Overflow::wrap, 0x1p200, 0},
      {"uint8", Overflow::wrap, -1, 255},
      {"uint8", Overflow::saturate, -1, 0},
      {"int8sym", Overflow::saturate, -128, -127},
  };
  for (const Case& c : cases) expect_case(c);
}

TEST(Round, OverflowByModeFollowsIeee754Clause74) {
  const auto both = [](Rounding rounding, double positive, double negative) {
    expect_case({"e5m2", Overflow::infinity, 1e9, positive}, rounding);
    expect_case({"e5m2", Overflow::infinity, -1e9, negative}, rounding);
    expect_case({"e5m2", Overflow::infinity, kInfinity, kInfinity}, rounding);
  };
  both(Rounding::nearest_even, kInfinity, -kInfinity);
  both(Rounding::nearest_away, kInfinity, -kInfinity);
  both(Rounding::toward_zero, 57344, -57344);
  both(Rounding::toward_positive, kInfinity, -57344);
  both(Rounding::toward_negative, 57344, -kInfinity);
  both(Rounding::to_odd, 57344, -57344);
}

TEST(Round, TiesAtPrecisionOneUseTheParityOfTheCode) {
  // e8m0fnu: 2^k has code k + 127, so 2^0 is odd and 2^1 even.
  const Format format = parse_format("e8m0fnu");
  EXPECT_EQ(round(format, {}, 1.5), 2);
  EXPECT_EQ(round(format, {}, 3), 2);
  EXPECT_EQ(round(format, {}, 6), 8);
  EXPECT_EQ(round(format, {}, 2.999), 2);
  EXPECT_EQ(round(format, {Rounding::to_odd}, 2.001), 4);
  EXPECT_EQ(round(format, {Rounding::to_odd}, 1.999), 1);
}

TEST(Round, FormatsWithoutZeroGiveTheSmallestNumber) {
  const Format format = parse_format("e8m0fnu");
  for (const double x : {0.0, -0.0, 1e-300, 0x1.fffp-128}) {
    Flags flags;
    const Number y = round_to(format, {Rounding::toward_zero}, from_double(x), 0, flags);
    EXPECT_EQ(to_double(y), 0x1p-127) << x;
    EXPECT_EQ(to_string(flags), "inexact,underflow") << x;
  }
  EXPECT_EQ(round(format, {}, -3), 0x1p-127);
  EXPECT_TRUE(std::isnan(round(format, {Rounding::nearest_even, Overflow::nan}, -3)));
}

TEST(Round, NegativeNumbersIntoUnsignedFormats) {
  const Format format = parse_format("ue4m3");
  Flags flags;
  EXPECT_EQ(to_double(round_to(format, {}, from_double(-5), 0, flags)), 0);
  EXPECT_EQ(to_string(flags), "inexact,overflow");
  EXPECT_TRUE(std::isnan(round(format, {Rounding::nearest_even, Overflow::nan}, -5)));
  EXPECT_THROW(round(format, {Rounding::nearest_even, Overflow::error}, -5), OverflowError);
  EXPECT_FALSE(std::signbit(round(format, {}, -0.0)));
  // Too small to leave zero is inside the range.
  flags = {};
  const RoundSpec error{Rounding::nearest_even, Overflow::error};
  EXPECT_EQ(to_double(round_to(format, error, from_double(-1e-9), 0, flags)), 0);
  EXPECT_EQ(to_string(flags), "inexact,underflow");
  EXPECT_THROW(round(format, {Rounding::toward_negative, Overflow::error}, -1e-9), OverflowError);
}

TEST(Round, WithoutSubnormalsTheHalfwayPointGoesToZero) {
  const Format format = parse_format("float(4,3,fn,subnormals=off)");
  EXPECT_EQ(round(format, {}, 0x1p-7), 0);
  EXPECT_EQ(round(format, {}, std::nextafter(0x1p-7, 1)), 0x1p-6);
  EXPECT_EQ(round(format, {Rounding::nearest_away}, 0x1p-7), 0x1p-6);
  EXPECT_EQ(round(format, {Rounding::to_odd}, 1e-9), 0x1p-6);
  EXPECT_EQ(round(format, {Rounding::toward_positive}, 1e-9), 0x1p-6);
  EXPECT_TRUE(std::signbit(round(format, {}, -0x1p-7)));
}

TEST(Round, FlushedInputsAreZeroWhateverTheMode) {
  const Format format = parse_format("float(4,3,fn,subnormals=flush_input)");
  EXPECT_EQ(round(format, {Rounding::toward_positive}, 0x1.ffp-7), 0);
  EXPECT_EQ(round(format, {Rounding::toward_positive}, 0x1p-6), 0x1p-6);
}

TEST(Round, FlagsSayWhatHappened) {
  const auto flags_of = [](const char* format, double x, Overflow overflow) {
    Flags flags;
    round_to(parse_format(format), {Rounding::nearest_even, overflow}, from_double(x), 0, flags);
    return to_string(flags);
  };
  EXPECT_EQ(flags_of("e4m3fn", 1.5, Overflow::saturate), "-");
  EXPECT_EQ(flags_of("e4m3fn", 1.51, Overflow::saturate), "inexact");
  EXPECT_EQ(flags_of("e4m3fn", 464, Overflow::saturate), "inexact");
  EXPECT_EQ(flags_of("e4m3fn", 465, Overflow::saturate), "inexact,overflow");
  EXPECT_EQ(flags_of("e4m3fn", 0x1p-9, Overflow::saturate), "-");
  EXPECT_EQ(flags_of("e4m3fn", 0x1.8p-9, Overflow::saturate), "inexact,underflow");
  // Tiny is decided before rounding: this one becomes the smallest normal number.
  EXPECT_EQ(flags_of("e4m3fn", 0x1.ffp-7, Overflow::saturate), "inexact,underflow");
  EXPECT_EQ(flags_of("e5m2", kInfinity, Overflow::infinity), "-");
  EXPECT_EQ(flags_of("e5m2", kInfinity, Overflow::saturate), "inexact,overflow");
  EXPECT_EQ(flags_of("e5m2", kNaN, Overflow::infinity), "-");
  EXPECT_EQ(flags_of("e2m1fn", kNaN, Overflow::saturate), "invalid");
  EXPECT_EQ(flags_of("int8", 0.25, Overflow::saturate), "inexact");
  EXPECT_EQ(flags_of("int8", kInfinity, Overflow::wrap), "invalid");
  EXPECT_EQ(flags_of("e0m7finite", 1e-9, Overflow::saturate), "inexact");
}

TEST(Round, FlagsAccumulate) {
  Flags flags;
  flags.divide_by_zero = true;
  round_to(parse_format("e4m3fn"), {}, from_double(1.51), 0, flags);
  EXPECT_EQ(to_string(flags), "inexact,divzero");
}

TEST(Round, ErrorPolicyThrows) {
  const RoundSpec spec{Rounding::nearest_even, Overflow::error};
  EXPECT_THROW(round(parse_format("e4m3fn"), spec, 465), OverflowError);
  EXPECT_THROW(round(parse_format("int8"), spec, kInfinity), OverflowError);
  EXPECT_EQ(round(parse_format("e4m3fn"), spec, 464), 448);
}

TEST(Round, ImpossibleSpecsNameTheRemedy) {
  const auto message = [](const char* format, const RoundSpec& spec) -> std::string {
    try {
      check_round_spec(parse_format(format), spec);
    } catch (const SpecError& error) {
      return error.what();
    }
    return "";
  };
  const Rounding even = Rounding::nearest_even;
  EXPECT_EQ(message("e4m3fn", {even, Overflow::infinity}),
            "e4m3fn has no infinity; use overflow saturate or nan");
  EXPECT_EQ(message("e2m1fn", {even, Overflow::infinity}),
            "e2m1fn has no infinity; use overflow saturate");
  EXPECT_EQ(message("int8", {even, Overflow::nan}), "int8 has no NaN; use overflow saturate");
  EXPECT_EQ(message("e5m2", {even, Overflow::wrap}),
            "overflow wrap is for integers; use saturate for e5m2");
  EXPECT_NE(message("int8sym", {even, Overflow::wrap}), "");
  EXPECT_NE(message("e5m2", {Rounding::stochastic, Overflow::saturate, 0}), "");
  EXPECT_NE(message("e5m2", {Rounding::stochastic, Overflow::saturate, 33}), "");
  EXPECT_NE(message("e5m2", {even, Overflow::saturate, 8}), "");
  EXPECT_EQ(message("e5m2", {Rounding::stochastic, Overflow::nan, 32}), "");
}

TEST(Round, StickyDecidesTiesAndNeedsEnoughBits) {
  const Format format = parse_format("e4m3fn");
  Flags flags;
  Number tie{Number::Kind::finite, false, false, -4, 0x44};  // 4.25
  EXPECT_EQ(to_double(round_to(format, {}, tie, 0, flags)), 4);
  tie.sticky = true;
  EXPECT_EQ(to_double(round_to(format, {}, tie, 0, flags)), 4.5);
  const Number exact_and_more{Number::Kind::finite, false, true, 0, 8};
  EXPECT_EQ(to_double(round_to(format, {Rounding::toward_positive}, exact_and_more, 0, flags)), 9);
  EXPECT_THROW(round_to(format, {}, exact_and_more, 0, flags), std::invalid_argument);
  const Number short_one{Number::Kind::finite, false, true, 0, 1};
  EXPECT_THROW(round_to(format, {Rounding::toward_zero}, short_one, 0, flags),
               std::invalid_argument);
}

TEST(Round, NumbersBeyondEveryBinary64Exponent) {
  Flags flags;
  const Number huge{Number::Kind::finite, true, false, 900'000, 3};
  const Number least{Number::Kind::finite, true, false, -900'000, 3};
  EXPECT_EQ(to_double(round_to(parse_format("e4m3fn"), {}, huge, 0, flags)), -448);
  EXPECT_EQ(to_double(round_to(parse_format("int8"), {}, huge, 0, flags)), -128);
  EXPECT_EQ(to_double(round_to(parse_format("e4m3fn"), {}, least, 0, flags)), 0);
  EXPECT_EQ(to_double(round_to(parse_format("e0m3finite"), {}, huge, 0, flags)), -1.75);
  // Shifts by multiples of the word length.
  const Number five{Number::Kind::finite, false, false, 128, 5};
  EXPECT_EQ(to_double(round_to(parse_format("int8"), {}, five, 0, flags)), 127);
  const RoundSpec wrap{Rounding::nearest_even, Overflow::wrap};
  EXPECT_EQ(to_double(round_to(parse_format("int8"), wrap, five, 0, flags)), 0);
  const Number five_above_grid{Number::Kind::finite, false, false, 126, 5};
  EXPECT_EQ(to_double(round_to(parse_format("e0m3finite"), {}, five_above_grid, 0, flags)), 1.75);
  EXPECT_EQ(to_double(huge), -kInfinity);
  EXPECT_TRUE(std::signbit(to_double(least)));
}

TEST(Number, ToDoubleRoundsOnceToNearestEven) {
  const auto value = [](std::uint64_t significand, int exponent, bool sticky) {
    return to_double({Number::Kind::finite, false, sticky, exponent, significand});
  };
  EXPECT_EQ(value((std::uint64_t{1} << 53) + 1, 0, false), 0x1p53);
  EXPECT_EQ(value((std::uint64_t{1} << 54) + 2, 0, true), 0x1p54 + 4);
  EXPECT_EQ(value((std::uint64_t{1} << 53) + 3, 0, false), 0x1p53 + 4);
  EXPECT_EQ(value(3, -1075, false), 0x1p-1073);
  EXPECT_EQ(value(1, -1075, false), 0);
  EXPECT_EQ(value(~std::uint64_t{0}, 960, false), kInfinity);
  EXPECT_EQ(value(1, 1023, false), 0x1p1023);
}

TEST(Round, IdempotentAndMonotonic) {
  for (const char* spec : {"e4m3fn", "e5m2", "e8m0fnu", "int5", "float(3,2,subnormals=off)"}) {
    const Format format = parse_format(spec);
    for (int mode = 0; mode < 6; ++mode) {
      const RoundSpec round_spec{static_cast<Rounding>(mode)};
      double before = -kInfinity;
      for (int i = -4000; i <= 4000; ++i) {
        const double x = std::copysign(std::exp2(std::abs(i) / 100.0 - 20), i);
        const double y = round(format, round_spec, x);
        ASSERT_GE(y, before) << spec << " " << x;
        ASSERT_EQ(round(format, round_spec, y), y) << spec << " " << x;
        before = y;
      }
    }
  }
}

TEST(Round, FlagsOfEarlierRoundingsStay) {
  // A fixed grid never underflows, and says so without a word about what came before.
  for (const char* name : {"float(0,3,finite)", "e5m2", "int8", "lns(8,3)", "posit(8,2)", "nf4"}) {
    const Format format = parse_format(name);
    for (const double x : {0x1p-900, 0.0, 1.0, 1e300}) {
      Flags flags{true, true, true, true, true};
      round_to(format, {}, from_double(x), 0, flags);
      EXPECT_EQ(to_string(flags), "inexact,overflow,underflow,invalid,divzero") << name << " " << x;
    }
  }
}

}  // namespace
}  // namespace halfulp
