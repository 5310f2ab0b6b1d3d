#include "formats/round_text.h"

#include <gtest/gtest.h>

#include <string>

#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

double rounded(const char* spec, Rounding rounding, const std::string& text) {
  Flags flags;
  return to_double(round_text(parse_format(spec), {rounding}, text, *parse_number(text), 0, flags));
}

// By Python's decimal module with 300 digits: 2^(1/8), and the mean of 1 and that.
const std::string kValue =
    "1."
    "090507732665257659207010655760707978992702718540067121785667647683300530848841840338211140494"
    "203";
const std::string kMean =
    "1."
    "045253866332628829603505327880353989496351359270033560892833823841650265424420920169105570247"
    "101";

TEST(RoundText, DigitsBeyond128BitsDecideBesideAnIrrationalValue) {
  const double value = 1.0905077326652577;
  const std::string below = kValue + "0";
  const std::string above = kValue + "2";
  for (const std::string sign : {"", "-"}) {
    const double s = sign.empty() ? 1 : -1;
    EXPECT_EQ(rounded("lns(8,3)", Rounding::toward_zero, sign + above), s * value);
    EXPECT_EQ(rounded("lns(8,3)", Rounding::toward_zero, sign + below), s * 1);
    EXPECT_EQ(rounded("lns(8,3)", Rounding::nearest_even, sign + below), s * value);
    EXPECT_EQ(rounded("lns(8,3)", Rounding::nearest_even, sign + above), s * value);
  }
}

TEST(RoundText, DigitsBeyond128BitsDecideBesideABoundary) {
  EXPECT_EQ(rounded("lns(8,3)", Rounding::nearest_even, kMean + "4"), 1);
  EXPECT_EQ(rounded("lns(8,3)", Rounding::nearest_even, kMean + "6"), 1.0905077326652577);
}

TEST(RoundText, ShortNumbersRoundAsRoundToDoes) {
  EXPECT_EQ(rounded("lns(8,3)", Rounding::nearest_even, "2"), 2);
  EXPECT_EQ(rounded("lns(8,3)", Rounding::toward_zero, "0.3"), to_double([] {
              Flags flags;
              return round_to(parse_format("lns(8,3)"), {Rounding::toward_zero},
                              *parse_number("0.3"), 0, flags);
            }()));
  EXPECT_EQ(rounded("e4m3fn", Rounding::nearest_even, "4.2500000000000000000000000000000000000001"),
            4.5);
  EXPECT_GT(rounded("takum_log16", Rounding::nearest_even, "1e-99999"), 0);
}

}  // namespace
}  // namespace halfulp
