// round_to against MPFR for IEEE-like formats, wide ones included.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/mpfr_round.h"

namespace halfulp {
namespace {

constexpr Rounding kModes[] = {Rounding::nearest_even, Rounding::toward_zero,
                               Rounding::toward_positive, Rounding::toward_negative};

/// Numbers where rounding is decided: exponents around both ends of the range and inside it,
/// 128-bit significands that are random, or ties, or one unit beside a tie, or carry into the next
/// binade.
WideNumber random_number(const FloatFormat& f, std::mt19937_64& generator) {
  const std::uint64_t choice = generator() % 8;
  const int p = precision(f);
  uint128 significand = uint128{generator() | (std::uint64_t{1} << 63)} << 64 | generator();
  const uint128 ulp = uint128{1} << (128 - p);
  if (choice < 6) {
    if (choice >= 3) significand |= ~(ulp - 1);
    significand = (significand & ~(ulp - 1)) + ulp / 2;
    if (choice % 3 == 1) significand += 1;
    if (choice % 3 == 2) significand -= 1;
  }
  significand >>= generator() % 2 * (generator() % 70);
  const int spread = p + 4;
  const auto offset =
      static_cast<int>(generator() % static_cast<std::uint64_t>(2 * spread)) - spread;
  int top = 0;
  switch (generator() % 3) {
    case 0:
      top = emin(f) + offset;
      break;
    case 1:
      top = emax(f) + offset / 8;
      break;
    default:
      top = offset;
      break;
  }
  return {Number::Kind::finite, generator() % 2 == 0, false, top - 127, significand};
}

std::string to_hex(std::uint64_t word) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(word));
  return text;
}

std::string describe(const WideNumber& x) {
  return (x.negative ? "-0x" : "0x") + to_hex(static_cast<std::uint64_t>(x.significand >> 64)) +
         " " + to_hex(static_cast<std::uint64_t>(x.significand)) + " 2^" +
         std::to_string(x.exponent);
}

void compare(const std::string& spec, int count) {
  SCOPED_TRACE(spec);
  const auto format = std::get<FloatFormat>(parse_format(spec));
  std::mt19937_64 generator(20240607);
  for (int i = 0; i < count; ++i) {
    const WideNumber x = random_number(format, generator);
    for (const Rounding mode : kModes) {
      const oracle::MpfrRounded want = oracle::round_by_mpfr(format, mode, x);
      Flags flags;
      const Number got = round_to(format, {mode, Overflow::infinity}, x, 0, flags);
      ASSERT_EQ(to_hex_float(got), to_hex_float(want.value))
          << to_string(mode) << " of " << describe(x);
      ASSERT_EQ(flags.inexact, want.inexact) << to_string(mode) << " of " << describe(x);
    }
  }
}

TEST(RoundMpfr, NarrowFormats) {
  for (const char* spec :
       {"e5m2", "e4m3ieee", "e3m4", "e2m1ieee", "binary16", "bfloat16", "tf32"}) {
    compare(spec, 20'000);
  }
}

TEST(RoundMpfr, WideFormats) {
  for (const char* spec : {"binary32", "binary64", "e11m60", "e15m63", "e15m48", "e2m61", "e8m40",
                           "float(11,52,bias=1000)"}) {
    compare(spec, 20'000);
  }
}

TEST(RoundMpfr, EveryExponentWidthFull) {
  for (int exponent_bits = 2; exponent_bits <= 15; ++exponent_bits) {
    for (const int trailing_bits : {1, 2, 3, 7, 10, 22, 31, 52, 62, 63}) {
      compare("float(" + std::to_string(exponent_bits) + "," + std::to_string(trailing_bits) + ")",
              20'000);
    }
  }
}

}  // namespace
}  // namespace halfulp
