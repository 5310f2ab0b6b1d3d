// Safe lengths: against known numbers, and by running the accumulator at them and one beyond.
#include "formats/safe_length.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/accumulate.h"
#include "formats/accumulator_spec.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

std::optional<SafeLength> of(const char* accumulator, const char* a, const char* b) {
  return safe_length(parse_accumulator(accumulator), parse_format(a), parse_format(b));
}

/// Whether a dot product of `length` extreme products overflows, as the readable definition has it.
bool overflows(const char* accumulator, const SafeLength& safe, std::int64_t length) {
  const std::vector<Number> a(static_cast<std::size_t>(length), safe.a);
  const std::vector<Number> b(static_cast<std::size_t>(length), safe.b);
  Flags flags;
  accumulate(parse_accumulator(accumulator), a, b, Number{}, {}, flags);
  return flags.overflow;
}

struct Row {
  const char* accumulator;
  const char* a;
  const char* b;
  std::int64_t length;
};

// 2147483647 / 127^2 = 133144.25; 2^31 - 1 over 2^14, 2^30, 2^28 and 2^26 is just below a power of
// two, so that operands that reach the most negative code lose one product.
const std::vector<Row> kKnown = {
    {"int32", "int8sym", "int8sym", 133144},
    {"int32", "int8", "int8", 131071},
    {"int32", "int16sym", "int16sym", 2},
    {"int32", "int16", "int16", 1},
    {"int32", "int15sym", "int15sym", 8},
    {"int32", "int15", "int15", 7},
    {"int32", "int14sym", "int14sym", 32},
    {"int32", "int14", "int14", 31},
    {"int32+wrap", "uint8", "int8", 65793},   // 2^31 / (255 * 128)
    {"int16", "int4sym", "int4sym", 668},     // 32767 / 49
    {"int16+pairwise", "int4", "int4", 511},  // 32767 / 64
    {"int16+blocked(8)", "uint4", "uint4", 145},
    {"uint8", "int4", "int4", 0},  // a negative product is out of range at once
    {"fixed(16,8)", "int4sym", "int4sym", 2},
    {"exact(int20)", "int8", "int8", 31},
};

TEST(SafeLength, HasItsKnownValuesAndIsTight) {
  for (const Row& row : kKnown) {
    const auto safe = of(row.accumulator, row.a, row.b);
    const std::string what = std::string(row.accumulator) + " " + row.a + " " + row.b;
    ASSERT_TRUE(safe.has_value()) << what;
    EXPECT_EQ(safe->length, row.length) << what;
    EXPECT_FALSE(overflows(row.accumulator, *safe, safe->length)) << what;
    EXPECT_TRUE(overflows(row.accumulator, *safe, safe->length + 1)) << what;
  }
}

// Sums of 36 in binary16 are exact to 2048, then rounded to ever coarser grids. Found by running.
TEST(SafeLength, OfFloatsIsTheLengthOfTheLargestChain) {
  for (const char* accumulator : {"binary16", "binary16+toward_zero", "e4m13", "int8"}) {
    const auto safe = of(accumulator, "e2m1fn", "e2m1fn");
    ASSERT_TRUE(safe.has_value()) << accumulator;
    EXPECT_FALSE(overflows(accumulator, *safe, safe->length)) << accumulator;
    EXPECT_TRUE(overflows(accumulator, *safe, safe->length + 1)) << accumulator;
  }
  EXPECT_EQ(of("binary16", "e4m3fn", "e4m3fn")->length, 0);  // 448^2 > 65504
  EXPECT_EQ(of("bfloat16", "int4", "int4")->length, kEveryLength);
}

TEST(SafeLength, IsNotGivenWhereTheBoundDoesNotHold) {
  for (const char* accumulator :
       {"binary16+pairwise", "binary16+stochastic(8)", "int32+product(int16)", "kahan(binary16)",
        "int16+promote(64,int32)", "aligned(binary32,16,24)"}) {
    EXPECT_FALSE(of(accumulator, "int8", "int8").has_value()) << accumulator;
  }
}

}  // namespace
}  // namespace halfulp
