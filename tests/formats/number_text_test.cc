#include "formats/number_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <random>
#include <string>

#include "formats/codec.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/mpfr_round.h"

namespace halfulp {
namespace {

double to_binary64(std::string_view text, Rounding rounding = Rounding::nearest_even) {
  const std::optional<WideNumber> x = parse_number(text);
  if (!x) {
    ADD_FAILURE() << text;
    return 0;
  }
  Flags flags;
  return to_double(
      round_to(parse_format("binary64"), {rounding, Overflow::infinity}, *x, 0, flags));
}

/// A decimal of 1 to 60 digits with an exponent that reaches both ends of binary64.
std::string random_decimal(std::mt19937_64& generator) {
  std::string text = generator() % 2 == 0 ? "-" : "";
  const std::size_t digits = 1 + generator() % (generator() % 4 == 0 ? 60 : 20);
  for (std::size_t i = 0; i < digits; ++i) {
    text += static_cast<char>('0' + generator() % 10);
    if (generator() % 8 == 0 && text.find('.') == std::string::npos) text += '.';
  }
  const int reach = generator() % 2 == 0 ? 20 : 340;
  const auto exponent =
      static_cast<int>(generator() % static_cast<std::uint64_t>(2 * reach)) - reach;
  if (generator() % 4 != 0) text += "e" + std::to_string(exponent);
  return text;
}

TEST(ParseNumber, DecimalsRoundOnceInEveryMode) {
  std::mt19937_64 generator(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_decimal(generator);
    for (const Rounding mode : {Rounding::nearest_even, Rounding::toward_zero,
                                Rounding::toward_positive, Rounding::toward_negative}) {
      const double want = oracle::read_decimal_by_mpfr(text.c_str(), mode);
      ASSERT_EQ(to_hex_float(from_double(to_binary64(text, mode))), to_hex_float(from_double(want)))
          << text << " " << to_string(mode);
    }
  }
}

TEST(ParseNumber, ADecimalJustBesideATieIsDecidedByItsLastDigit) {
  const Format format = parse_format("e4m3fn");
  const auto cast = [&](const std::string& text) {
    Flags flags;
    return to_double(round_to(format, {}, *parse_number(text), 0, flags));
  };
  const std::string zeros(400, '0');
  EXPECT_EQ(cast("4.25"), 4);
  EXPECT_EQ(cast("4.25" + zeros), 4);
  EXPECT_EQ(cast("4.25" + zeros + "1"), 4.5);
  EXPECT_EQ(cast("4.24" + std::string(400, '9')), 4);
  EXPECT_EQ(cast("4.75" + zeros), 5);
  EXPECT_EQ(cast("4.74" + std::string(400, '9')), 4.5);
  EXPECT_EQ(cast("425" + zeros + "1e-403"), 4.5);
  // Through binary64 these would be ties: 1 + 2^-4 + 2^-60 and its mirror.
  EXPECT_EQ(cast("0x1.10000000000000001p0"), 1.125);
  EXPECT_EQ(cast("0x1.1" + std::string(60, '0') + "1p0"), 1.125);
  EXPECT_EQ(cast("0x1.1" + std::string(60, '0') + "p0"), 1);
  EXPECT_EQ(cast("0x1.0ffffffffffffffffp0"), 1);
}

TEST(ParseNumber, ExactValues) {
  const std::optional<WideNumber> tenth = parse_number("0.1");
  EXPECT_TRUE(tenth->sticky);
  EXPECT_EQ(bit_width(tenth->significand), 128);
  const std::optional<WideNumber> eighth = parse_number("0.125");
  EXPECT_FALSE(eighth->sticky);
  EXPECT_FALSE(parse_number("123456789012345678901234567890")->sticky);
  EXPECT_FALSE(parse_number("1e-0")->sticky);
  EXPECT_EQ(to_binary64("0x.8p1"), 1);
  EXPECT_EQ(to_binary64("0X1P-1074"), 0x1p-1074);
  EXPECT_EQ(to_binary64("-0x10p0"), -16);
  EXPECT_EQ(to_binary64(".5"), 0.5);
  EXPECT_EQ(to_binary64("5."), 5);
  EXPECT_EQ(to_binary64("+1E2"), 100);
  EXPECT_EQ(to_binary64("000.000e99"), 0);
  EXPECT_TRUE(std::signbit(to_binary64("-0")));
  EXPECT_EQ(to_binary64("1e999999999999999999999"), HUGE_VAL);
  EXPECT_EQ(to_binary64("1e-999999999999999999999"), 0);
  EXPECT_EQ(to_binary64("1e-999999999999", Rounding::toward_positive), 0x1p-1074);
  EXPECT_EQ(to_binary64("-Infinity"), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(to_binary64("NaN")));
}

TEST(ParseNumber, RefusesWhatIsNoNumber) {
  for (const char* text :
       {"",     "-",    ".",   "e5",      "1e",   "1e+", "1.2.3", "1,5",       "0x", "0x1",
        "0xp1", "0x1p", "1p3", "infinit", "nan1", "1 2", "--1",   "0x1.8p0.5", "1f", "\xFF"}) {
    EXPECT_FALSE(parse_number(text).has_value()) << text;
  }
}

TEST(ParseNumber, ReadsDecimalsOfFormatsBeyondBinary64) {
  // The leading 64 bits of 10^4000, from Python's integers.
  Flags flags;
  const Number x = round_to(parse_format("e15m63"), {}, *parse_number("1e4000"), 0, flags);
  EXPECT_EQ(to_hex_float(x), "0x1.a3750647fcab18c2p+13287");
}

TEST(ShortestDecimal, ReadsBackAndIsWrittenAsPeopleDo) {
  EXPECT_EQ(to_shortest_decimal(448), "448");
  EXPECT_EQ(to_shortest_decimal(100000), "100000");
  EXPECT_EQ(to_shortest_decimal(0.1), "0.1");
  EXPECT_EQ(to_shortest_decimal(-0.001953125), "-0.001953125");
  EXPECT_EQ(to_shortest_decimal(1e16), "10000000000000000");
  EXPECT_EQ(to_shortest_decimal(1e17), "1e+17");
  EXPECT_EQ(to_shortest_decimal(1.5e300), "1.5e+300");
  EXPECT_EQ(to_shortest_decimal(5e-324), "5e-324");
  EXPECT_EQ(to_shortest_decimal(0.00001), "0.00001");
  EXPECT_EQ(to_shortest_decimal(-0.0), "-0");
  EXPECT_EQ(to_shortest_decimal(-HUGE_VAL), "-inf");
  EXPECT_EQ(to_shortest_decimal(std::nan("")), "nan");
  std::mt19937_64 generator(5);
  for (int i = 0; i < 20'000; ++i) {
    const auto x = std::bit_cast<double>(generator());
    if (!std::isfinite(x)) continue;
    const std::string text = to_shortest_decimal(x);
    double back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(back, x) << text;
  }
}

TEST(HexFloat, IsExact) {
  EXPECT_EQ(to_hex_float(from_double(12)), "0x1.8p+3");
  EXPECT_EQ(to_hex_float(from_double(-0x1p-1074)), "-0x1p-1074");
  EXPECT_EQ(to_hex_float(from_double(-0.0)), "-0x0p+0");
  EXPECT_EQ(to_hex_float({Number::Kind::finite, false, false, 0, ~std::uint64_t{0}}),
            "0x1.fffffffffffffffep+63");
}

TEST(ToText, IsHexadecimalOnlyWhereBinary64IsTooSmall) {
  EXPECT_EQ(to_text(from_double(0.1)), "0.1");
  EXPECT_EQ(to_text({Number::Kind::finite, false, false, 0, ~std::uint64_t{0}}),
            "0x1.fffffffffffffffep+63");
  EXPECT_EQ(to_text({Number::Kind::finite, true, false, 2000, 1}), "-0x1p+2000");
  EXPECT_EQ(to_text({Number::Kind::infinity, true}), "-inf");
}

// 2^(n / 2^f) to 64 bits, by Python's decimal module with 120 digits.
TEST(ToText, IrrationalNumbersBeyondBinary64AreHexadecimalFloatsOfTheNearest64Bits) {
  const auto text = [](const char* spec, Code code) {
    return to_text(decode(parse_format(spec), code));
  };
  EXPECT_EQ(text("lns(24,10)", 0x19f3db), "0x1.f35605cce16136fp+1660");
  EXPECT_EQ(text("lns(24,10)", 0x99f3db), "-0x1.f35605cce16136fp+1660");
  EXPECT_EQ(text("lns(24,10)", 0x660c25), "0x1.067e197e26c140cap-1661");
  EXPECT_EQ(text("lns(24,10)", 0x3fffff), "0x1.ffa74ea381efc218p+4095");
  EXPECT_EQ(text("lns(24,10)", 0x400001), "0x1.002c605e2e8cec5p-4096");
  EXPECT_EQ(text("lns(64,50)", 0x3fffffffffffffff), "0x1.ffffffffffffa746p+4095");
  EXPECT_EQ(text("lns(64,50)", 0x4000000000000001), "0x1.0000000000002c5cp-4096");
  EXPECT_EQ(text("lns(64,52)", 0x4000000000000001), "0x1.0000000000000b18p-1024");
  EXPECT_EQ(text("lns(20,1)", 0x3ffff), "0x1.6a09e667f3bcc908p+131071");
  EXPECT_EQ(text("lns(64,52)", 0x3fffffffffffffff), "1.7976931348623157e+308");
  EXPECT_EQ(to_hex_float(decode(parse_format("lns(24,10)"), 0x3fffff)),
            "0x1.ffa74ea381efc218p+4095");
}

TEST(ToExactText, HasAllBits) {
  EXPECT_EQ(to_exact_text(widen(from_double(-0.1))), "-0.1");
  EXPECT_EQ(to_exact_text(WideNumber{Number::Kind::infinity, true}), "-inf");
  EXPECT_EQ(to_exact_text({Number::Kind::finite, false, false, -127, uint128{3} << 126}), "1.5");
  EXPECT_EQ(to_exact_text({Number::Kind::finite, true, false, 0, ~uint128{0}}),
            "-0x1.fffffffffffffffffffffffffffffffep+127");
  EXPECT_EQ(to_exact_text({Number::Kind::finite, false, false, -127, uint128{1} << 127 | 1}),
            "0x1.00000000000000000000000000000002p+0");
}

}  // namespace
}  // namespace halfulp
