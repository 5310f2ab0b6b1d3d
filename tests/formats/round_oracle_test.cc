// round_to against the value table: every mode, every policy, every decisive input.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "formats/named_formats.h"
#include "formats/number_text.h"
#include "formats/ordered_format.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/value_table.h"

namespace halfulp {
namespace {

using oracle::deciding_inputs;
using oracle::Rounded;
using oracle::ValueTable;

const std::vector<std::string>& unnamed_formats() {
  static const std::vector<std::string> specs = {
      "e3m0",
      "e3m0finite",
      "e4m0fn",
      "e5m0fnuz",
      "e0m3finite",
      "e0m7fn",
      "e0m5fnuz",
      "e1m2finite",
      "e1m3fn",
      "e1m0finite",
      "e2m0ieee",
      "e2m1ieee",
      "e3m2ieee",
      "e3m2fnuz",
      "e6m1",
      "float(3,2,fn)",
      "float(2,3,unsigned)",
      "float(4,3,bias=-3,fn)",
      "float(4,3,bias=40)",
      "float(4,2,fn,subnormals=off)",
      "float(4,3,subnormals=off)",
      "float(3,0,subnormals=off)",
      "float(1,3,finite,subnormals=off)",
      "float(4,3,fnuz,subnormals=flush_input)",
      "float(5,2,subnormals=flush_input)",
      "float(3,2,unsigned,subnormals=off)",
      "float(3,2,fn,unsigned,nozero)",
      "float(3,2,finite,nozero)",
      "float(2,0,finite,nozero)",
      "float(0,0,finite,nozero)",
      "float(0,2,fn,unsigned,nozero)",
      "float(3,1,unsigned,nozero)",
      "int1",
      "int2",
      "int2sym",
      "int5",
      "int8sym",
      "uint1",
      "uint7",
      "fixed(8,6)",
      "fixed(8,6,sym)",
      "fixed(6,-3)",
      "fixed(5,40)",
      "fixed(7,-40,sym)",
      "ufixed(8,8)",
      "ufixed(4,-2)",
  };
  return specs;
}

std::vector<RoundSpec> all_round_specs(const Format& format) {
  std::vector<RoundSpec> specs;
  for (int mode = 0; mode <= static_cast<int>(Rounding::stochastic); ++mode) {
    for (int policy = 0; policy <= static_cast<int>(Overflow::sat_none); ++policy) {
      RoundSpec spec{static_cast<Rounding>(mode), static_cast<Overflow>(policy)};
      const bool stochastic = spec.rounding == Rounding::stochastic;
      if (stochastic) spec.random_bits = 3;
      try {
        check_round_spec(format, spec);
      } catch (const SpecError&) {
        continue;
      }
      specs.push_back(spec);
      if (!stochastic) continue;
      spec.variant = StochasticVariant::unbiased;
      spec.random_bits = 5;
      specs.push_back(spec);
      spec.variant = StochasticVariant::rounded;
      spec.random_bits = 4;
      specs.push_back(spec);
    }
  }
  return specs;
}

bool same_number(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

std::string describe(const RoundSpec& spec, double x, double got, const Flags& flags) {
  return rounding_to_string(spec) + " " + std::string(to_string(spec.overflow)) + " of " +
         to_hex_float(from_double(x)) + " gave " + to_shortest_decimal(got) + " " +
         to_string(flags);
}

void expect_same(const Format& format, const ValueTable& table, const RoundSpec& spec, double x,
                 std::uint64_t random) {
  const Rounded want = table.round(spec, x, random);
  Flags flags;
  Number got;
  try {
    got = round_to(format, spec, from_double(x), random, flags);
  } catch (const OverflowError&) {
    ASSERT_TRUE(want.overflow_error) << describe(spec, x, 0, flags);
    return;
  }
  ASSERT_FALSE(want.overflow_error) << describe(spec, x, to_double(got), flags);
  ASSERT_TRUE(same_number(to_double(got), want.value))
      << describe(spec, x, to_double(got), flags) << ", not " << want.value;
  ASSERT_EQ(flags, want.flags) << describe(spec, x, to_double(got), flags) << ", not "
                               << to_string(want.flags);
}

void compare(const Format& format, std::size_t stride) {
  SCOPED_TRACE(to_spec(format));
  const ValueTable table(format);
  const std::vector<double> inputs = deciding_inputs(table, stride);
  for (const RoundSpec& spec : all_round_specs(format)) {
    std::uint64_t random = 0;
    for (const double x : inputs) {
      random += 0x9E3779B97F4A7C15;  // every residue of the few bits used
      expect_same(format, table, spec, x, random >> 32);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(RoundOracle, EveryNamedFormatUpTo8Bits) {
  int formats = 0;
  for (const NamedFormat& row : named_formats()) {
    // The other families are in ordered_round_test.cc.
    if (width(row.format) > 8 || ordered::is_ordered(row.format)) continue;
    compare(row.format, 1);
    ++formats;
  }
  EXPECT_EQ(formats, 19);
}

TEST(RoundOracle, UnnamedFormats) {
  for (const std::string& spec : unnamed_formats()) {
    const Format format = parse_format(spec);
    ASSERT_LE(width(format), 8) << spec;
    compare(format, 1);
  }
}

TEST(RoundOracle, SixteenBitFormatsStrided) {
  for (const char* spec :
       {"binary16", "bfloat16", "int16", "fixed(16,15)", "e10m5", "float(5,10,subnormals=off)"}) {
    compare(parse_format(spec), 331);
  }
}

TEST(RoundOracle, SixteenBitFormatsFull) {
  for (const char* spec :
       {"binary16", "bfloat16", "int16", "uint16", "fixed(16,9)", "ufixed(16,20)", "e10m5",
        "e6m9fn", "float(5,10,subnormals=off)", "float(8,7,subnormals=flush_input)"}) {
    compare(parse_format(spec), 1);
  }
}

}  // namespace
}  // namespace halfulp
