// Rounding to posits, takums, logarithmic numbers and codebooks: every mode and policy against the
// table of large integers, and the rules of the standard by example.
#include <gtest/gtest.h>

#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "formats/codec.h"
#include "formats/enumerate.h"
#include "formats/named_formats.h"
#include "formats/number_text.h"
#include "formats/ordered_format.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/ordered_table.h"

namespace halfulp {
namespace {

using oracle::OrderedTable;
using oracle::Rounded;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<RoundSpec> all_round_specs(const Format& format) {
  std::vector<RoundSpec> specs;
  for (const Overflow policy :
       {Overflow::saturate, Overflow::nan, Overflow::error, Overflow::propagate}) {
    for (int mode = 0; mode <= static_cast<int>(Rounding::stochastic); ++mode) {
      RoundSpec spec{static_cast<Rounding>(mode), policy};
      if (spec.rounding == Rounding::stochastic) spec.random_bits = 3;
      try {
        check_round_spec(format, spec);
      } catch (const SpecError&) {
        continue;
      }
      specs.push_back(spec);
      if (spec.rounding != Rounding::stochastic) continue;
      spec.variant = StochasticVariant::unbiased;
      spec.random_bits = 5;
      specs.push_back(spec);
      spec.variant = StochasticVariant::rounded;
      spec.random_bits = 2;
      specs.push_back(spec);
    }
    if (specs.empty()) break;
  }
  return specs;
}

bool same_number(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

void expect_same(const Format& format, const OrderedTable& table, const RoundSpec& spec, double x,
                 std::uint64_t random) {
  const Rounded want = table.round(spec, x, random);
  Flags flags;
  const std::string what = rounding_to_string(spec) + " " + std::string(to_string(spec.overflow)) +
                           " of " + to_hex_float(from_double(x));
  Number got;
  try {
    got = round_to(format, spec, from_double(x), random, flags);
  } catch (const OverflowError&) {
    ASSERT_TRUE(want.overflow_error) << what;
    return;
  }
  ASSERT_FALSE(want.overflow_error) << what;
  ASSERT_TRUE(same_number(to_double(got), want.value))
      << what << " gave " << to_shortest_decimal(to_double(got)) << ", not " << want.value;
  ASSERT_EQ(flags, want.flags) << what << " raised " << to_string(flags) << ", not "
                               << to_string(want.flags);
}

void compare(const Format& format, std::size_t stride) {
  SCOPED_TRACE(to_spec(format));
  const OrderedTable table(format);
  const std::vector<double> inputs = table.deciding_inputs(stride);
  for (const RoundSpec& spec : all_round_specs(format)) {
    std::uint64_t random = 0;
    for (const double x : inputs) {
      random += 0x9E3779B97F4A7C15;
      expect_same(format, table, spec, x, random >> 32);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(OrderedRound, EveryNamedFormatUpTo8Bits) {
  int formats = 0;
  for (const NamedFormat& row : named_formats()) {
    if (!ordered::is_ordered(row.format) || width(row.format) > 8) continue;
    compare(row.format, std::holds_alternative<TakumFormat>(row.format) ? 3 : 1);
    ++formats;
  }
  EXPECT_GE(formats, 11);
}

TEST(OrderedRound, SmallPositsOfEveryExponentSize) {
  for (int es = 0; es <= 4; ++es) {
    for (int bits = 2; bits <= 7; ++bits) compare(PositFormat{bits, es}, 1);
  }
}

TEST(OrderedRound, SmallTakumsAndLogarithmicNumbers) {
  for (int bits = 2; bits <= 6; ++bits) {
    compare(TakumFormat{bits, false}, 1);
    compare(TakumFormat{bits, true}, 1);
    for (int fraction = 0; fraction < bits; ++fraction) {
      compare(LogarithmicFormat{bits, fraction}, 1);
    }
  }
}

TEST(OrderedRound, Codebooks) {
  for (const char* spec :
       {"power_of_two(2)", "power_of_two(4)", "quantile(1,normal)", "quantile(3,normal)",
        "codebook(-1,-0.5,0,0.5,1)", "codebook(1,2,4)", "codebook(-3,-1)", "codebook(-1,0.5,7)",
        "codebook(7,-0,0,-2,0.1)", "codebook(0,1e-300,1e300)", "codebook(-0.5,1)",
        "codebook(5e-324,1e-323,3)", "codebook(-1,-0.25,0.125,8)"}) {
    compare(parse_format(spec), 1);
  }
}

TEST(OrderedRound, PositsUpTo12BitsFull) {
  for (int es = 0; es <= 4; ++es) {
    for (int bits = 8; bits <= 12; ++bits) compare(PositFormat{bits, es}, 1);
  }
}

TEST(OrderedRound, TakumsAndLogarithmicNumbersFull) {
  for (int bits = 7; bits <= 11; ++bits) {
    compare(TakumFormat{bits, false}, 1);
    compare(TakumFormat{bits, true}, 1);
    for (int fraction = 0; fraction < bits; fraction += 2) {
      compare(LogarithmicFormat{bits, fraction}, 1);
    }
  }
}

TEST(OrderedRound, SixteenBitsStrided) { compare(PositFormat{16, 1}, 997); }

TEST(OrderedRound, SixteenBitsFull) {
  for (const Format& format :
       {Format(PositFormat{16, 1}), Format(PositFormat{16, 2}), Format(TakumFormat{16, false})}) {
    compare(format, 17);
  }
}

/// An exact value of the oracle as a number of up to 128 bits.
WideNumber wide(oracle::Scaled x) {
  WideNumber result{Number::Kind::finite};
  result.negative = x < 0;
  x = abs(x);
  const auto zeros = static_cast<unsigned>(lsb(x));
  x >>= zeros;
  result.exponent = static_cast<std::int32_t>(zeros) - 1400;
  result.significand = static_cast<uint128>(static_cast<std::uint64_t>(x >> 64)) << 64 |
                       static_cast<std::uint64_t>(x & ~std::uint64_t{0});
  return result;
}

TEST(OrderedRound, TiesOfWidePositsAndTakums) {
  std::mt19937_64 generator(17);
  for (int i = 0; i < 6000; ++i) {
    const int bits = i % 2 == 0 ? 32 : 64;
    const int es = i % 5;
    const bool takum = i % 7 == 0;
    const Format format = takum ? Format(TakumFormat{bits, false}) : Format(PositFormat{bits, es});
    std::uint64_t code = generator() >> (64 - bits);
    if (i % 3 == 0) code >>= generator() % static_cast<unsigned>(bits - 2);
    const std::uint64_t nar = std::uint64_t{1} << (bits - 1);
    const std::uint64_t next = (code + 1) & (~std::uint64_t{0} >> (64 - bits));
    if (code == 0 || code == nar || next == 0 || next == nar) continue;
    const std::string middle = oracle::bits_of(code, bits) + "1";
    const WideNumber tie =
        wide(takum ? oracle::takum_value(middle, false) : oracle::posit_value(middle, es));
    const auto nearest = [&](const WideNumber& x) {
      Flags flags;
      return static_cast<std::uint64_t>(encode(format, round_to(format, {}, x, 0, flags)));
    };
    ASSERT_EQ(nearest(tie), code % 2 == 0 ? code : next) << middle << " es " << es;
    WideNumber outside = tie;  // a little further from zero
    outside.sticky = true;
    ASSERT_EQ(nearest(outside), tie.negative ? code : next) << middle;
    WideNumber inside = tie;
    const int room = 127 - bit_width(tie.significand);
    inside.significand = (tie.significand << room) - 1;
    inside.exponent -= room;
    ASSERT_EQ(nearest(inside), tie.negative ? next : code) << middle;
  }
}

TEST(OrderedRound, VectorsOfUniversalAndLibtakum) {
  std::ifstream file(HALFULP_SOURCE_DIR "/tests/formats/vectors/tapered_nearest.txt");
  int vectors = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string spec;
    std::string operand;
    std::string code;
    words >> spec >> operand >> code;
    const Format format = parse_format(spec);
    Flags flags;
    const Number rounded = round_to(format, {}, *parse_number(operand), 0, flags);
    EXPECT_EQ(static_cast<std::uint64_t>(encode(format, rounded)), std::stoull(code, nullptr, 16))
        << line;
    ++vectors;
  }
  EXPECT_EQ(vectors, 480);
}

TEST(OrderedRound, BelowTheSmallestPosit) {
  const Format posit = parse_format("posit(8,2)");
  const double least = 0x1p-24;
  const auto with = [&](Rounding rounding, double x) { return round(posit, {rounding}, x); };
  for (const double x : {least / 1e9, least / 2, least * 0.99, 1e-300}) {
    EXPECT_EQ(with(Rounding::nearest_even, x), least);  // 2022 standard 4.1: never zero
    EXPECT_EQ(with(Rounding::nearest_away, -x), -least);
    EXPECT_EQ(with(Rounding::toward_zero, x), 0);  // still a bound
    EXPECT_EQ(with(Rounding::toward_negative, x), 0);
    EXPECT_EQ(with(Rounding::toward_positive, x), least);
    EXPECT_EQ(with(Rounding::toward_negative, -x), -least);
    EXPECT_EQ(with(Rounding::toward_positive, -x), 0);
    EXPECT_EQ(with(Rounding::to_odd, x), least);
  }
  int ups = 0;
  for (std::uint64_t r = 0; r < 256; ++r) {
    const RoundSpec spec{Rounding::stochastic, Overflow::saturate, 8};
    if (round(posit, spec, least / 4, r) == least) ++ups;
  }
  EXPECT_EQ(ups, 64);  // the mean is the operand
}

TEST(OrderedRound, StochasticIsByValueWhereTheGapIsGeometric) {
  // posit(4,1): 4 and 16 are neighbours; nearest splits at 8 (the posit of 5 bits), chance at the
  // value.
  const Format posit = parse_format("posit(4,1)");
  EXPECT_EQ(round(posit, {}, 8), 4);  // a tie of codes 0110 and 0111
  EXPECT_EQ(round(posit, {}, 8.001), 16);
  int ups = 0;
  for (std::uint64_t r = 0; r < 16; ++r) {
    if (round(posit, {Rounding::stochastic, Overflow::saturate, 4}, 7, r) == 16) ++ups;
  }
  EXPECT_EQ(ups, 4);  // (7 - 4) / (16 - 4)
}

TEST(OrderedRound, InfinityAndNaN) {
  for (const char* spec : {"posit(8,0)", "takum_log8", "takum_linear16"}) {
    const Format format = parse_format(spec);
    Flags flags;
    EXPECT_EQ(round_to(format, {}, from_double(-kInfinity), 0, flags).kind, Number::Kind::nan);
    EXPECT_EQ(flags, (Flags{.invalid = true}));
    flags = {};
    EXPECT_EQ(
        round_to(format, {}, from_double(std::numeric_limits<double>::quiet_NaN()), 0, flags).kind,
        Number::Kind::nan);
    EXPECT_EQ(flags, Flags{});
    EXPECT_THROW(check_round_spec(format, {Rounding::nearest_even, Overflow::nan}), SpecError);
    EXPECT_THROW(check_round_spec(format, {Rounding::nearest_even, Overflow::infinity}), SpecError);
    EXPECT_THROW(check_round_spec(format, {Rounding::nearest_even, Overflow::wrap}), SpecError);
  }
  EXPECT_EQ(round(parse_format("nf4"), {}, kInfinity), 1);
  EXPECT_EQ(round(parse_format("nf4"), {}, std::numeric_limits<double>::quiet_NaN()), 1);
  EXPECT_TRUE(
      std::isnan(round(parse_format("lns(8,3)"), {Rounding::nearest_even, Overflow::nan}, 1e9)));
}

TEST(OrderedRound, TiesOfListsGoToAnEvenDistanceFromZero) {
  const Format list = parse_format("codebook(-2,-1,0,1,2,3)");
  EXPECT_EQ(round(list, {}, 0.5), 0);
  EXPECT_EQ(round(list, {}, -0.5), 0);
  EXPECT_EQ(round(list, {}, 1.5), 2);
  EXPECT_EQ(round(list, {}, -1.5), -2);
  EXPECT_EQ(round(list, {}, 2.5), 2);
  EXPECT_EQ(round(list, {Rounding::nearest_away}, -0.5), -1);
  const Format binary = parse_format("binary");
  EXPECT_EQ(round(binary, {}, 0), 1);
  EXPECT_EQ(round(binary, {}, -0.0), 1);
  EXPECT_EQ(round(binary, {Rounding::toward_zero}, -0.3), -1);
  EXPECT_EQ(round(binary, {Rounding::toward_negative}, 0.3), -1);
}

TEST(OrderedRound, BruteForceNearestOfLists) {
  using Rational = boost::multiprecision::cpp_rational;
  std::mt19937 generator(3);
  for (const char* spec : {"nf4", "bnb_fp4", "quantile(5,normal)"}) {
    const Format format = parse_format(spec);
    const std::vector<double> values = finite_values(format);
    for (int i = 0; i < 1000; ++i) {
      const std::size_t at = generator() % (values.size() - 1);
      double x = values[at] +
                 (values[at + 1] - values[at]) * static_cast<double>(generator() % 257) / 256.0;
      if (i % 4 == 0) x = values[at] + (values[at + 1] - values[at]) / 2;
      const double got = round(format, {}, x);
      const Rational distance = abs(Rational(got) - Rational(x));
      for (const double value : values) {
        ASSERT_LE(distance, abs(Rational(value) - Rational(x))) << spec << " " << x;
      }
    }
  }
}

TEST(OrderedRound, StickyCutsOfIrrationalValuesAreTheirCodes) {
  for (const char* spec : {"lns(8,3)", "lns(16,10)", "takum_log8", "takum_log16"}) {
    const Format format = parse_format(spec);
    for (std::uint64_t code = 1; code < std::uint64_t{1} << width(format); code += 37) {
      const Number x = decode(format, code);
      for (const Rounding rounding :
           {Rounding::nearest_even, Rounding::toward_zero, Rounding::toward_positive}) {
        Flags flags;
        const Number y = round_to(format, {rounding}, x, 0, flags);
        ASSERT_EQ(flags, Flags{}) << spec << " " << code;
        ASSERT_TRUE(x.kind == Number::Kind::nan || encode(format, y) == code);
      }
    }
  }
}

TEST(OrderedRound, ShortStickyNumbersAreRefused) {
  Flags flags;
  const Number one_and_more{Number::Kind::finite, false, true, 0, 1};  // in (1, 2)
  for (const char* spec : {"posit(16,1)", "takum_linear8", "takum_log8", "lns(8,3)", "nf4"}) {
    const Format format = parse_format(spec);
    if (std::string(spec) == "nf4") {
      EXPECT_EQ(to_double(round_to(format, {}, one_and_more, 0, flags)), 1);
    } else {
      EXPECT_THROW(round_to(format, {}, one_and_more, 0, flags), std::invalid_argument) << spec;
    }
  }
  const Number three_and_more{Number::Kind::finite, false, true, 0, 3};  // in (3, 4)
  for (const char* spec : {"posit(16,1)", "takum_log8", "lns(8,3)", "codebook(3,3.5,4)"}) {
    EXPECT_THROW(round_to(parse_format(spec), {}, three_and_more, 0, flags), std::invalid_argument);
  }
  const Number all_ones{Number::Kind::finite, false, true, -64, ~std::uint64_t{0}};  // below 1
  EXPECT_EQ(to_double(round_to(parse_format("lns(8,3)"), {}, all_ones, 0, flags)), 1);
  EXPECT_EQ(to_double(round_to(parse_format("takum_log8"), {}, all_ones, 0, flags)), 1);
  EXPECT_EQ(to_double(round_to(parse_format("nf4"), {}, all_ones, 0, flags)), 1);
}

}  // namespace
}  // namespace halfulp
