// accumulate() against exact integers and value tables: random accumulators, formats, orders,
// lengths, with subnormals, cancellation, overflow, NaN and infinities.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "formats/accumulate.h"
#include "formats/accumulator_spec.h"
#include "formats/codec.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/formats/random_accumulator.h"
#include "tests/oracle/dot_product.h"

namespace halfulp {
namespace {

using oracle::DotInput;

std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

const std::vector<Format>& operand_formats() {
  static const std::vector<Format> list = [] {
    std::vector<Format> formats;
    for (const char* name : {"e4m3fn", "e2m1fn", "e3m2fn", "int8", "e4m3fnuz", "e5m2", "binary16",
                             "bfloat16", "posit(8,2)", "e8m9"}) {
      formats.push_back(parse_format(name));
    }
    return formats;
  }();
  return list;
}

/// How the numbers of one dot product are chosen.
enum class Kind { codes, ordinary, small, large, cancelling, special };

double random_value(const Format& format, Kind kind, std::mt19937_64& random) {
  const RoundSpec nearest{Rounding::nearest_even, Overflow::saturate};
  const Code code = random() & low_code_bits(width(format));
  const double any = to_double(decode(format, code));
  if (kind == Kind::special && random() % 8 == 0) return any;
  if (kind == Kind::codes && std::isfinite(any)) return any;
  double x = std::ldexp(static_cast<double>(random() % 4096) - 2048.0, -10);
  if (kind == Kind::small) x = std::ldexp(x, -static_cast<int>(random() % 40));
  if (kind == Kind::large) x = std::ldexp(x, static_cast<int>(random() % 20));
  if (random() % 16 == 0) x = random() % 2 == 0 ? 0.0 : -0.0;
  return round(format, nearest, x);
}

DotInput random_input(const AccumulatorSpec& spec, std::mt19937_64& random) {
  const auto kind = static_cast<Kind>(random() % 6);
  const auto* aligned = std::get_if<AlignedSum>(&spec.method);
  // Exact sums of products are of narrow operands.
  const bool is_narrow = aligned != nullptr && aligned->exact_products > 1;
  const std::size_t formats = is_narrow ? 6 : operand_formats().size();
  const Format& a = operand_formats()[random() % formats];
  const Format& b = operand_formats()[random() % formats];
  DotInput input;
  const std::size_t length = random() % 41;
  for (std::size_t k = 0; k < length; ++k) {
    input.a.push_back(random_value(a, kind, random));
    input.b.push_back(random_value(b, kind, random));
    if (kind != Kind::cancelling || k == 0 || random() % 2 == 0) continue;
    const std::size_t other = random() % k;
    input.a[k] = -input.a[other];
    input.b[k] = input.b[other];
  }
  input.addend = random() % 3 == 0 ? 0.0 : random_value(b, kind, random);
  if (aligned == nullptr || random() % 3 != 0) return input;
  input.block = static_cast<std::size_t>(aligned->exact_products) << (random() % 4);
  input.scale_exponent = random() % 2 == 0 ? -127 : -6;
  for (std::size_t k = 0; k < length; k += input.block) {
    input.scale_a.push_back(std::ldexp(1.0, static_cast<int>(random() % 20) - 10));
    input.scale_b.push_back(std::ldexp(static_cast<double>(random() % 16), -9));
  }
  return input;
}

std::vector<Number> numbers(const std::vector<double>& values) {
  std::vector<Number> result;
  for (const double x : values) result.push_back(from_double(x));
  return result;
}

bool same(double x, double y) {
  return (std::isnan(x) && std::isnan(y)) ||
         std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
}

std::string text_of(const DotInput& input) {
  std::string text = "addend " + std::to_string(input.addend) + ";";
  for (std::size_t k = 0; k < input.a.size(); ++k) {
    char pair[64];
    std::snprintf(pair, sizeof pair, " %a*%a", input.a[k], input.b[k]);
    text += pair;
  }
  for (std::size_t i = 0; i < input.scale_a.size(); ++i) {
    char pair[64];
    std::snprintf(pair, sizeof pair, " [%a %a]", input.scale_a[i], input.scale_b[i]);
    text += pair;
  }
  return text;
}

/// `specs` accumulators, `inputs` dot products under each. Returns the number of mismatches.
int compare(std::uint64_t seed, int specs, int inputs) {
  std::mt19937_64 random(seed);
  int mismatches = 0;
  for (int s = 0; s < specs; ++s) {
    const AccumulatorSpec spec = random_accumulator(random);
    for (int i = 0; i < inputs; ++i) {
      const DotInput input = random_input(spec, random);
      const std::uint64_t key = random();
      const auto draw = [key](std::uint64_t j) { return mixed(key + j); };
      const oracle::DotResult expected = oracle::dot_product(spec, input, draw);
      Flags flags;
      const std::vector<Number> scale_a = numbers(input.scale_a);
      const std::vector<Number> scale_b = numbers(input.scale_b);
      const Number got =
          accumulate(spec, numbers(input.a), numbers(input.b), from_double(input.addend), draw,
                     flags, {scale_a, scale_b, input.block, input.scale_exponent});
      if (same(to_double(got), expected.value) && flags == expected.flags) continue;
      if (++mismatches > 5) continue;
      ADD_FAILURE() << to_spec(spec) << "\n  " << text_of(input) << "\n  got " << to_double(got)
                    << " " << to_string(flags) << ", expected " << expected.value << " "
                    << to_string(expected.flags);
    }
  }
  return mismatches;
}

TEST(AccumulateOracle, RandomAccumulators) { EXPECT_EQ(compare(1, 5000, 20), 0); }

TEST(AccumulateOracle, FullRandomAccumulators) { EXPECT_EQ(compare(2, 50'000, 20), 0); }

TEST(AccumulateOracle, LongTenMillionDotProducts) { EXPECT_EQ(compare(3, 500'000, 20), 0); }

}  // namespace
}  // namespace halfulp
