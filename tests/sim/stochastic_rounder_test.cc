#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "sim/rounder.h"
#include "tests/sim/rounder_comparison.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::compare;
using testing::kFirstIndex;
using testing::kStream;
using testing::on_every_simd_target;
using testing::random_of;

TEST(StochasticRounder, ResultsDoNotDependOnChunks) {
  std::vector<float> x(1000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.0137F * static_cast<float>(i) - 3.0F;
  for (const char* name : {"e4m3fn", "bfloat16", "int4", "e8m0fnu", "binary16"}) {
    const Rounder rounder(parse_format(name), {Rounding::stochastic, Overflow::saturate, 16});
    std::vector<float> whole(x.size());
    rounder.round(x.data(), whole.data(), x.size(), kStream, kFirstIndex);
    for (const std::size_t chunk : {1U, 7U, 64U, 130U}) {
      std::vector<float> parts(x.size());
      for (std::size_t i = 0; i < x.size(); i += chunk) {
        rounder.round(x.data() + i, parts.data() + i, std::min(chunk, x.size() - i), kStream,
                      kFirstIndex + i);
      }
      EXPECT_EQ(parts, whole) << name << " " << chunk;
    }
  }
}

// The counter of a block has its high bits in another word.
TEST(StochasticRounder, EqualsRoundWhereTheBlockCountPasses32Bits) {
  const std::vector<float> x(600, 1.03F);
  for (const char* name : {"e4m3fn", "binary16", "int4"}) {
    for (const int bits : {16, 20}) {
      const RoundSpec spec{Rounding::stochastic, Overflow::saturate, bits};
      const Format format = parse_format(name);
      for (const std::uint64_t first :
           {(std::uint64_t{1} << 35) - 300, (std::uint64_t{1} << 34) - 300}) {
        on_every_simd_target([&] {
          std::vector<float> y(x.size());
          Rounder(format, spec).round(x.data(), y.data(), x.size(), kStream, first);
          for (std::size_t i = 0; i < x.size(); ++i) {
            const std::uint64_t random = random_bits(kStream, first + i, bits);
            ASSERT_EQ(static_cast<double>(y[i]),
                      round(format, spec, static_cast<double>(x[i]), random))
                << name << " " << i;
          }
        });
      }
    }
  }
}

// Fractions that the draw just carries, and just does not, above small and large multiples of the
// smallest spacing and of the range's top.
TEST(StochasticRounder, EqualsRoundWhereTheDrawDecides) {
  for (const char* name : {"e4m3fn", "binary16", "bfloat16", "int8", "uint8", "fixed(8,4)",
                           "float(0,7,finite)", "e5m22", "float(5,2,unsigned)", "tf32"}) {
    const Format format = parse_format(name);
    const double step = to_double(min_positive(format));
    const double largest = to_double(max_finite(format));
    for (const int bits : {1, 5, 15, 16, 17, 24}) {
      const RoundSpec spec{Rounding::stochastic, Overflow::saturate, bits};
      std::vector<float> operands;
      for (std::size_t i = 0; i < 4000; ++i) {
        const auto draw = static_cast<double>(random_of(spec, kFirstIndex + i));
        const double multiple = static_cast<double>(i / 16 % 40) + 1 - std::ldexp(draw, -bits);
        double x = std::min(std::ldexp(multiple * step, static_cast<int>(i / 8 % 2 * 5)), largest);
        if (i / 4 % 2 == 1) x = largest - multiple * step;
        auto single = static_cast<float>(x);
        if (i % 2 == 1) single = std::nextafterf(single, 0.0F);
        operands.push_back(i / 2 % 2 == 1 ? -single : single);
      }
      compare(format, spec, operands);
      if (HasFailure()) return;
    }
  }
}

// Share of upward roundings of a number 0.3 of the way up. Its N-bit fraction f gives f / 2^N for
// the truncating variant and (f' + 1) / 2 or so for the unbiased one; the bound is four standard
// errors.
double share_rounded_up(int bits, StochasticVariant variant) {
  constexpr std::size_t kCount = 200000;
  const std::vector<float> x(kCount, 1.0F + 0.3F / 8);
  std::vector<float> y(kCount);
  Rounder(parse_format("e4m3fn"), {Rounding::stochastic, Overflow::saturate, bits, variant})
      .round(x.data(), y.data(), kCount, kStream);
  const auto up = std::count(y.begin(), y.end(), 1.125F);
  EXPECT_EQ(up + std::count(y.begin(), y.end(), 1.0F), static_cast<std::ptrdiff_t>(kCount));
  return static_cast<double>(up) / kCount;
}

TEST(StochasticRounder, ShareRoundedUpIsTheFractionOfTheUlp) {
  const double nu = (static_cast<double>(1.0F + 0.3F / 8) - 1) * 8;
  const double error = 4 * std::sqrt(0.3 * 0.7 / 200000);
  for (const int bits : {2, 4, 8, 16, 24, 32}) {
    const double truncated = std::floor(std::ldexp(nu, bits)) / std::ldexp(1.0, bits);
    EXPECT_NEAR(share_rounded_up(bits, StochasticVariant::truncate), truncated, error) << bits;
    // Up when 2 R + 1 >= 2^(N+1) - f with f of N + 1 bits.
    const double fraction = std::floor(std::ldexp(nu, bits + 1));
    const double unbiased = std::ceil((fraction - 1) / 2 + 0.5) / std::ldexp(1.0, bits);
    EXPECT_NEAR(share_rounded_up(bits, StochasticVariant::unbiased),
                std::floor((fraction + 1) / 2) / std::ldexp(1.0, bits), error)
        << bits << " " << unbiased;
  }
}

}  // namespace
}  // namespace halfulp
