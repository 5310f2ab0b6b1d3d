#include <fmt/format.h>
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "sim/round_plan.h"
#include "sim/rounder.h"
#include "tests/sim/rounding_samples.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::on_every_simd_target;

const RandomStream kStream{.seed = 98, .stream = 3, .tensor = 5, .step = 6};
constexpr std::size_t kFirstIndex = 77;

std::vector<Format> formats_inside_binary64() {
  std::vector<Format> formats;
  for (const NamedFormat& row : named_formats()) formats.push_back(row.format);
  for (const char* spec :
       {"float(11,51)", "float(11,30)", "float(9,20)", "float(10,40,unsigned)",
        "float(15,10,bias=500)", "float(5,48,subnormals=off)", "float(0,52,finite)", "int54",
        "fixed(40,20)", "posit(40,2)", "posit(12,3)", "lns(6,2)", "codebook(-0.1,0.1,0.3)",
        "p3109(8,3,signed,extended)"}) {
    formats.push_back(parse_format(spec));
  }
  std::erase_if(formats, [](const Format& format) {
    try {
      make_round_plan(format, {Rounding::stochastic, Overflow::saturate, 8}, Carrier::binary64);
      return false;
    } catch (const SpecError&) {
      return true;
    }
  });
  return formats;
}

void add_with_neighbours(std::vector<double>& operands, double x) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double y : {x, std::nextafter(x, -kInfinity), std::nextafter(x, kInfinity)}) {
    operands.push_back(y);
    operands.push_back(-y);
  }
}

/// Values, midpoints and quarter points near codes spread over the range, powers of two, random
/// patterns, non-finite operands.
std::vector<double> operands_for(const Format& format) {
  std::vector<double> operands;
  std::mt19937_64 generator(1);
  const int bits = width(format);
  for (int i = 0; i < 30; ++i) {
    const Code code = generator() & (bits >= 64 ? ~0ULL : (1ULL << bits) - 1);
    const double value = to_double(decode(format, code));
    const double next = to_double(decode(format, code ^ 1));
    if (!std::isfinite(value) || !std::isfinite(next)) continue;
    for (const double weight : {0.0, 0.25, 0.5, 1.0}) {
      add_with_neighbours(operands, value + weight * (next - value));
    }
  }
  add_with_neighbours(operands, to_double(max_finite(format)));
  for (int e = -1074; e <= 1023; e += 19) add_with_neighbours(operands, std::ldexp(1.0, e));
  using Limits = std::numeric_limits<double>;
  for (const double x : {0.0, 1.0, Limits::max(), Limits::infinity(), Limits::quiet_NaN(),
                         std::bit_cast<double>(0x7FF0000000000001ULL)}) {
    operands.push_back(x);
    operands.push_back(-x);
  }
  for (int i = 0; i < 100; ++i) operands.push_back(std::bit_cast<double>(generator()));
  return operands;
}

std::vector<RoundSpec> specs_for(const Format& format) {
  std::vector<RoundSpec> specs = testing::round_specs(format);
  std::erase_if(specs, [](const RoundSpec& spec) {
    return spec.random_bits != 0 && spec.random_bits != 16 && spec.random_bits != 32;
  });
  return specs;
}

void compare(const Format& format, const RoundSpec& spec, const std::vector<double>& operands) {
  std::vector<double> expected(operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const std::uint64_t random =
        spec.random_bits == 0 ? 0 : random_bits(kStream, kFirstIndex + i, spec.random_bits);
    expected[i] = round(format, spec, operands[i], random);
  }
  const WideRounder rounder(format, spec);
  std::vector<double> first;
  on_every_simd_target([&] {
    std::vector<double> actual(operands.size());
    rounder.round(operands.data(), actual.data(), operands.size(), kStream, kFirstIndex);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const bool same =
          std::bit_cast<std::uint64_t>(actual[i]) == std::bit_cast<std::uint64_t>(expected[i]) ||
          (std::isnan(actual[i]) && std::isnan(expected[i]));
      ASSERT_TRUE(same) << to_spec(format) << " " << rounding_to_string(spec) << " "
                        << to_string(spec.overflow)
                        << fmt::format(": {:a} gave {:a}, expected {:a}", operands[i], actual[i],
                                       expected[i]);
    }
    if (first.empty()) first = actual;
    EXPECT_EQ(std::memcmp(first.data(), actual.data(), 8 * actual.size()), 0)
        << "bits differ between targets";
  });
}

bool is_listed(const Format& format) {
  return !std::holds_alternative<FloatFormat>(format) &&
         !std::holds_alternative<IntegerFormat>(format);
}

/// Takes long to make.
bool has_large_table(const Format& format) { return is_listed(format) && width(format) > 8; }

TEST(WideRounder, EqualsRoundOnCriticalOperands) {
  for (const Format& format : formats_inside_binary64()) {
    if (has_large_table(format)) continue;
    const std::vector<double> operands = operands_for(format);
    for (const RoundSpec& spec : specs_for(format)) {
      // One table a mode is enough here.
      if (is_listed(format) && spec.overflow != Overflow::saturate) continue;
      compare(format, spec, operands);
    }
    if (HasFailure()) break;
  }
}

TEST(WideRounder, EqualsRoundForEveryListedFormatAndPolicyLong) {
  for (const Format& format : formats_inside_binary64()) {
    if (!is_listed(format)) continue;
    const std::vector<double> operands = operands_for(format);
    for (const RoundSpec& spec : specs_for(format)) compare(format, spec, operands);
  }
}

TEST(WideRounder, OverflowErrorNamesTheFirstElement) {
  for (const char* name : {"e4m3fn", "posit(8,2)", "int8", "binary64"}) {
    const WideRounder rounder(parse_format(name), {Rounding::nearest_even, Overflow::error});
    std::vector<double> x(700, 1.0);
    x[3] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_NO_THROW(rounder.round(x.data(), x.data(), x.size())) << name;
    x[517] = std::numeric_limits<double>::infinity();
    try {
      rounder.round(x.data(), x.data(), x.size());
      ADD_FAILURE() << name;
    } catch (const OverflowError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("element 517 (inf)"));
    }
  }
}

TEST(WideRounder, RefusesWhatDoesNotFit) {
  EXPECT_THROW(WideRounder(parse_format("int64"), {}), SpecError);
  EXPECT_THROW(WideRounder(parse_format("float(15,10)"), {}), SpecError);
  EXPECT_THROW(WideRounder(parse_format("posit(64,2)"), {}), SpecError);
}

}  // namespace
}  // namespace halfulp
