#include "experiments/store/utf8.h"

#include <gtest/gtest.h>

namespace halfulp {
namespace {

// The boundary cases of RFC 3629, section 4 (table "Syntax of UTF-8 Byte Sequences").
TEST(ValidUtf8, KeepsEveryWellFormedBoundary) {
  for (const char* const text :
       {"", "plain", "\x01\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(valid_utf8(text), text);
  }
}

TEST(ValidUtf8, ReplacesEachByteThatIsNot) {
  const std::string mark = "\xef\xbf\xbd";
  for (const char* const text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xf0\x9f\x98"}) {
    std::string marks;
    for (const char* c = text; *c != '\0'; ++c) marks += mark;
    EXPECT_EQ(valid_utf8(text), marks);
  }
  EXPECT_EQ(valid_utf8(std::string("a\0b", 3)), "a" + mark + "b");
  EXPECT_EQ(valid_utf8("a\xe2\x82z"), "a" + mark + mark + "z");
}

}  // namespace
}  // namespace halfulp
