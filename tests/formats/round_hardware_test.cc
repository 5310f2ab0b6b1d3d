// The CPU's own conversions as oracle: binary32 to binary16 (F16C) and binary64 to binary32, in the
// four rounding modes that hardware has.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "formats/codec.h"
#include "formats/round.h"
#include "formats/spec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace halfulp {

namespace {

struct Mode {
  int hardware;  ///< MXCSR and immediate encoding
  Rounding rounding;
};

constexpr Mode kModes[] = {{0, Rounding::nearest_even},
                           {1, Rounding::toward_negative},
                           {2, Rounding::toward_positive},
                           {3, Rounding::toward_zero}};

#if defined(__x86_64__)

/// clang 14 cannot ask for F16C itself; CPUs with AVX2 have it.
bool has_f16c() { return __builtin_cpu_supports("avx2") != 0; }

__attribute__((target("f16c"))) std::uint16_t hardware_half(float x, int mode) {
  const __m128 v = _mm_set_ss(x);
  __m128i code{};
  switch (mode) {
    case 0:
      code = _mm_cvtps_ph(v, 0);
      break;
    case 1:
      code = _mm_cvtps_ph(v, 1);
      break;
    case 2:
      code = _mm_cvtps_ph(v, 2);
      break;
    default:
      code = _mm_cvtps_ph(v, 3);
      break;
  }
  return static_cast<std::uint16_t>(_mm_extract_epi16(code, 0));
}

__attribute__((target("f16c"))) float hardware_single(std::uint16_t code) {
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(code)));
}

/// Counts the binary32 patterns from `first` in steps of `step` whose conversion differs.
std::uint64_t count_differences(std::uint64_t first, std::uint64_t step) {
  const Format half = parse_format("binary16");
  std::uint64_t differences = 0;
  for (const Mode& mode : kModes) {
    const RoundSpec spec{mode.rounding, Overflow::infinity};
    for (std::uint64_t pattern = first; pattern < std::uint64_t{1} << 32; pattern += step) {
      const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(pattern));
      if (std::isnan(x)) continue;  // hardware keeps the payload
      Flags flags;
      const Number number = round_to(half, spec, from_double(static_cast<double>(x)), 0, flags);
      const auto code = static_cast<std::uint16_t>(encode(half, number));
      if (code != hardware_half(x, mode.hardware)) ++differences;
    }
  }
  return differences;
}

TEST(RoundHardware, EveryBinary16CodeDecodesAsF16cDoes) {
  if (!has_f16c()) GTEST_SKIP() << "this CPU has no F16C";
  const Format half = parse_format("binary16");
  for (std::uint32_t code = 0; code < 0x10000; ++code) {
    const float hardware = hardware_single(static_cast<std::uint16_t>(code));
    const double ours = to_double(decode(half, code));
    if (std::isnan(hardware)) {
      ASSERT_TRUE(std::isnan(ours)) << code;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(ours),
                std::bit_cast<std::uint64_t>(static_cast<double>(hardware)))
          << code;
    }
  }
}

// 4099 is a prime, so that all low and high bits vary.
TEST(RoundHardware, Binary16RoundsAsF16cDoes) {
  if (!has_f16c()) GTEST_SKIP() << "this CPU has no F16C";
  EXPECT_EQ(count_differences(0, 4099), 0u);
  EXPECT_EQ(count_differences(0x38801000, 0x1000), 0u) << "ties and halves of the upper binades";
}

TEST(RoundHardware, LongBinary16RoundsEveryBinary32AsF16cDoes) {
  if (!has_f16c()) GTEST_SKIP() << "this CPU has no F16C";
  EXPECT_EQ(count_differences(0, 1), 0u);
}

/// In assembly, because compilers move conversions across changes of the rounding mode.
float hardware_narrowed(double x, int mode) {
  const unsigned before = _mm_getcsr();
  const unsigned with_mode = (before & ~0x6000U) | static_cast<unsigned>(mode) << 13;
  float result = 0;
  asm volatile("ldmxcsr %1\n\tcvtsd2ss %2, %0\n\tldmxcsr %3"
               : "=&x"(result)
               : "m"(with_mode), "x"(x), "m"(before));
  return result;
}

TEST(RoundHardware, Binary32RoundsAsCvtsd2ssDoes) {
  const Format single = parse_format("binary32");
  std::uint64_t word = 88172645463325252U;
  for (int i = 0; i < 400'000; ++i) {
    word ^= word << 13;  // xorshift64
    word ^= word >> 7;
    word ^= word << 17;
    // Exponents around binary32's range, subnormals and overflow included.
    const std::uint64_t exponent = 1023 - 152 + (word >> 52) % 284;
    const auto x = std::bit_cast<double>((word & 0x800FFFFFFFFFFFFFU) | exponent << 52);
    for (const Mode& mode : kModes) {
      const double ours = round(single, {mode.rounding, Overflow::infinity}, x);
      const auto hardware = static_cast<double>(hardware_narrowed(x, mode.hardware));
      ASSERT_EQ(std::bit_cast<std::uint64_t>(ours), std::bit_cast<std::uint64_t>(hardware))
          << x << " mode " << mode.hardware;
    }
  }
}

#endif

}  // namespace

}  // namespace halfulp
