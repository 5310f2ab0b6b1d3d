#include "sim/rounder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstring>
#include <map>
#include <thread>

#include "sim/aligned_vector.h"
#include "tests/sim/rounder_comparison.h"
#include "tests/sim/rounding_samples.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::bits_of;
using testing::compare;
using testing::critical_operands;
using testing::describe;
using testing::formats_inside_binary32;
using ::testing::HasSubstr;
using testing::is_possible;
using testing::kFirstIndex;
using testing::kStream;
using testing::on_every_simd_target;
using testing::random_of;
using testing::round_specs;
using testing::same;

TEST(Rounder, EqualsRoundOnCriticalOperandsForEveryFormatModeAndPolicy) {
  for (const Format& format : formats_inside_binary32()) {
    const std::vector<float> operands = critical_operands(format, 60, 300);
    for (const RoundSpec& spec : round_specs(format)) compare(format, spec, operands);
    if (HasFailure()) break;
  }
}

TEST(Rounder, EqualsRoundOnCriticalOperandsOfAllCodesLong) {
  for (const Format& format : formats_inside_binary32()) {
    const std::vector<float> operands = critical_operands(format, 4096, 20000);
    for (const RoundSpec& spec : round_specs(format)) compare(format, spec, operands);
    if (HasFailure()) break;
  }
}

// Every high half of a binary32 pattern, with low halves around ties of 16 dropped bits.
std::vector<float> all_high_halves() {
  std::vector<float> operands;
  for (std::uint32_t high = 0; high < 65536; ++high) {
    for (const std::uint32_t low : {0x0000U, 0x7FFFU, 0x8001U}) {
      operands.push_back(std::bit_cast<float>(high << 16 | low));
    }
  }
  return operands;
}

TEST(Rounder, NearestEvenEqualsRoundOnEveryHighHalf) {
  const std::vector<float> operands = all_high_halves();
  for (const char* name : {"e4m3fn", "e5m2", "e2m1fn", "bfloat16", "int8", "e8m0fnu", "posit(16,2)",
                           "posit(8,0)", "nf4", "bnb_dynamic8"}) {
    compare(parse_format(name), {}, operands);
  }
}

// All signs and exponents, with significands around those of one or all but one bit.
std::vector<float> all_binades() {
  constexpr std::uint32_t kFractions = 1U << 23;
  std::vector<float> operands;
  for (std::uint32_t field = 0; field < 512; ++field) {
    for (std::uint32_t bit = 1; bit <= kFractions; bit *= 2) {
      for (const std::uint32_t fraction : {bit - 1, bit, bit + 1, kFractions - bit, 3 * bit - 1,
                                           3 * bit, 3 * bit + 1, kFractions - 2 * bit + 1}) {
        operands.push_back(std::bit_cast<float>(field << 23 | fraction % kFractions));
      }
    }
  }
  return operands;
}

// Without subnormals, precision 1, 23 and 24, without zero: other magic numbers.
TEST(Rounder, NearestEvenEqualsRoundInEveryBinade) {
  const std::vector<float> operands = all_binades();
  for (const char* name :
       {"float(4,3,fn,subnormals=off)", "float(4,3,fn,subnormals=flush_input)",
        "float(8,7,subnormals=off)", "float(5,2,unsigned,subnormals=off)", "e3m0",
        "float(4,0,bias=8)", "float(5,0,unsigned)", "e5m22", "e5m23", "e8m0fnu"}) {
    compare(parse_format(name), {}, operands);
    if (HasFailure()) break;
  }
  for (const char* name : {"float(4,3,subnormals=off)", "float(4,0)", "e5m22", "e5m23"}) {
    compare(parse_format(name), {Rounding::nearest_even, Overflow::infinity}, operands);
  }
}

TEST(Rounder, EveryFormatEqualsRoundOnEveryHighHalfLong) {
  const std::vector<float> operands = all_high_halves();
  for (const Format& format : formats_inside_binary32()) {
    for (const RoundSpec& spec : round_specs(format)) {
      if (spec.overflow == Overflow::saturate) compare(format, spec, operands);
    }
  }
}

// All 2^32 operands; the scalar side in as many threads as there are cores.
void compare_all_operands(const Format& format, const RoundSpec& spec) {
  const Rounder rounder(format, spec);
  const unsigned int threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::uint64_t> failures(threads, 0);
  std::vector<std::thread> pool;
  for (unsigned int t = 0; t < threads; ++t) {
    pool.emplace_back([&, t] {
      std::vector<float> operands(65536);
      std::vector<float> actual(65536);
      for (std::uint32_t high = t; high < 65536; high += threads) {
        for (std::uint32_t low = 0; low < 65536; ++low) {
          operands[low] = std::bit_cast<float>(high << 16 | low);
        }
        rounder.round(operands.data(), actual.data(), 65536);
        for (std::uint32_t low = 0; low < 65536; ++low) {
          const double x = static_cast<double>(operands[low]);
          if (!same(actual[low], static_cast<float>(round(format, spec, x)))) ++failures[t];
        }
      }
    });
  }
  for (std::thread& thread : pool) thread.join();
  for (const std::uint64_t count : failures) EXPECT_EQ(count, 0U) << describe(format, spec);
}

TEST(Rounder, AllOperandsToE4m3fnLong) { compare_all_operands(parse_format("e4m3fn"), {}); }

TEST(Rounder, AllOperandsToE5m2Long) {
  compare_all_operands(parse_format("e5m2"), {Rounding::nearest_even, Overflow::infinity});
}

TEST(Rounder, AllOperandsToBfloat16Long) { compare_all_operands(parse_format("bfloat16"), {}); }

TEST(Rounder, AllOperandsToPosit16Long) { compare_all_operands(parse_format("posit(16,2)"), {}); }

TEST(Rounder, AllOperandsToNf4Long) { compare_all_operands(parse_format("nf4"), {}); }

TEST(Rounder, AllOperandsToE2m1fnLong) { compare_all_operands(parse_format("e2m1fn"), {}); }

// ---- the shipped build rounds at all (fast-math would delete the magic addition)

TEST(Rounder, ResultsLieOnTheGrid) {
  on_every_simd_target([] {
    std::vector<float> x(1000);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.001F * static_cast<float>(i) + 1.0F;
    Rounder(parse_format("e4m3fn"), {}).round(x.data(), x.data(), x.size());
    for (const float y : x) ASSERT_EQ(y, std::floor(y * 8) / 8) << y;
  });
}

TEST(Rounder, KnownResultsOfE4m3fn) {
  const std::vector<float> x = {448.0F,  464.0F,        465.0F, 1e30F,
                                -500.0F, 0.0009765625F, 0.001F, -0.0F};
  std::vector<float> y(x.size());
  Rounder(parse_format("e4m3fn"), {}).round(x.data(), y.data(), x.size());
  EXPECT_THAT(
      y, ::testing::ElementsAre(448.0F, 448.0F, 448.0F, 448.0F, -448.0F, 0.0F, 0.001953125F, 0.0F));
  EXPECT_TRUE(std::signbit(y.back()));
}

// ---- length, alignment, aliasing

TEST(Rounder, EveryLengthAndOffsetInPlaceTouchesItsElementsOnly) {
  const Format format = parse_format("e3m2fn");
  const std::vector<RoundSpec> specs = {{}, {Rounding::stochastic, Overflow::saturate, 16}};
  on_every_simd_target([&] {
    for (const RoundSpec& spec : specs) {
      const Rounder rounder(format, spec);
      for (std::size_t n = 0; n < 80; n += n < 40 ? 1 : 13) {
        for (const std::size_t offset : {0U, 1U, 3U}) {
          std::vector<float> x(n + offset + 1);
          for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.37F * static_cast<float>(i);
          const std::vector<float> original = x;
          rounder.round(x.data() + offset, x.data() + offset, n, kStream, kFirstIndex);
          for (std::size_t i = 0; i < x.size(); ++i) {
            const bool inside = i >= offset && i < offset + n;
            const double expected = inside ? round(format, spec, static_cast<double>(original[i]),
                                                   random_of(spec, kFirstIndex + i - offset))
                                           : static_cast<double>(original[i]);
            ASSERT_EQ(static_cast<double>(x[i]), expected) << n << " " << offset << " " << i;
          }
        }
      }
    }
  });
}

TEST(Rounder, LargeArraysThatPrefetchEqualSmallOnes) {
  const std::size_t n = (std::size_t{1} << 20) + 5;
  AlignedVector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = 1e-3F * static_cast<float>(i % 100003);
  AlignedVector<float> whole(n);
  const Rounder rounder(parse_format("e5m2"), {});
  rounder.round(x.data(), whole.data(), n);
  for (std::size_t i = 0; i < n; i += 1000) {
    const std::size_t count = std::min<std::size_t>(1000, n - i);
    rounder.round(x.data() + i, x.data() + i, count);
  }
  EXPECT_TRUE(x == whole);
}

// ---- scaling

TEST(Rounder, ScaledEqualsProductRoundedProduct) {
  const std::vector<Format> formats = {parse_format("e4m3fn"), parse_format("bfloat16"),
                                       parse_format("int4"), parse_format("e8m0fnu")};
  const std::vector<RoundSpec> specs = {
      {}, {Rounding::toward_zero}, {Rounding::stochastic, Overflow::saturate, 12}};
  for (const Format& format : formats) {
    std::vector<float> x = critical_operands(format, 60, 300);
    std::vector<float> multiplier(x.size());
    std::vector<float> scale(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      multiplier[i] = 0.1F * static_cast<float>(i % 17 + 1);
      scale[i] = 0.3F * static_cast<float>(i % 5 + 1);
    }
    for (const RoundSpec& spec : specs) {
      on_every_simd_target([&] {
        const Rounder rounder(format, spec);
        std::vector<float> same_scale(x.size());
        std::vector<float> own_scale(x.size());
        rounder.round_scaled(x.data(), same_scale.data(), x.size(), 0.7F, 1.3F, kStream,
                             kFirstIndex);
        rounder.round_scaled_each(x.data(), own_scale.data(), x.size(), multiplier.data(),
                                  scale.data(), kStream, kFirstIndex);
        for (std::size_t i = 0; i < x.size(); ++i) {
          const auto one = [&](float m, float s) {
            const float product = x[i] * m;
            const double rounded =
                round(format, spec, static_cast<double>(product), random_of(spec, kFirstIndex + i));
            return static_cast<float>(rounded) * s;
          };
          ASSERT_TRUE(same(same_scale[i], one(0.7F, 1.3F))) << describe(format, spec) << x[i];
          ASSERT_TRUE(same(own_scale[i], one(multiplier[i], scale[i]))) << describe(format, spec);
        }
      });
    }
  }
}

// ---- overflow as an error

TEST(Rounder, OverflowErrorNamesTheFirstElementAndItsValue) {
  on_every_simd_target([] {
    for (const char* name : {"e4m3fn", "bfloat16", "int8", "e8m0fnu", "e2m1fn"}) {
      const Format format = parse_format(name);
      const Rounder rounder(format, {Rounding::nearest_even, Overflow::error});
      std::vector<float> x(700, 1.0F);
      x[3] = std::numeric_limits<float>::quiet_NaN();
      std::vector<float> y(700);
      EXPECT_NO_THROW(rounder.round(x.data(), y.data(), x.size())) << name;
      EXPECT_EQ(y[699], 1.0F);
      x[517] = std::numeric_limits<float>::infinity();
      x[600] = std::numeric_limits<float>::infinity();
      try {
        rounder.round(x.data(), y.data(), x.size());
        ADD_FAILURE() << name;
      } catch (const OverflowError& error) {
        EXPECT_THAT(error.what(), HasSubstr("element 517 (inf)"));
        EXPECT_THAT(error.what(), HasSubstr(name));
      }
    }
  });
}

TEST(Rounder, RefusesWhatDoesNotFitAndWhatCannotBe) {
  EXPECT_THROW(Rounder(parse_format("binary64"), {}), SpecError);
  EXPECT_THROW(Rounder(parse_format("int32"), {}), SpecError);
  EXPECT_THROW(Rounder(parse_format("lns(8,3)"), {}), SpecError);
  EXPECT_THROW(Rounder(parse_format("e2m1fn"), {Rounding::nearest_even, Overflow::infinity}),
               SpecError);
}

TEST(Rounder, KeepsSignAndPayloadOfNanQuieted) {
  on_every_simd_target([] {
    for (const char* name : {"e4m3fn", "bfloat16", "e5m2"}) {
      const float x = std::bit_cast<float>(0xFF812345U);
      float y = 0;
      Rounder(parse_format(name), {}).round(&x, &y, 1);
      EXPECT_EQ(bits_of(y), 0xFFC12345U) << name;
    }
  });
}

// ---- amax

TEST(Amax, IsTheLargestMagnitudeAndNanWins) {
  on_every_simd_target([] {
    EXPECT_EQ(amax(nullptr, 0), 0.0F);
    for (const std::size_t n : {1U, 3U, 16U, 64U, 65U, 200U}) {
      for (std::size_t at = 0; at < n; ++at) {
        std::vector<float> x(n, -1.5F);
        x[at] = -2.5F;
        ASSERT_EQ(amax(x.data(), n), 2.5F) << n << " " << at;
        x[at] = -std::numeric_limits<float>::infinity();
        ASSERT_EQ(amax(x.data(), n), std::numeric_limits<float>::infinity());
        x[at] = std::bit_cast<float>(0xFF800001U);
        x[0] = at == 0 ? x[0] : std::numeric_limits<float>::infinity();
        ASSERT_TRUE(std::isnan(amax(x.data(), n)));
      }
    }
  });
}

}  // namespace
}  // namespace halfulp
