#include "sim/simd_target.h"

#include <cfenv>
#include <cstdlib>
#include <stdexcept>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/sim/simd_target_test.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

// A kernel of another translation unit than the one that forces the target.
HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

struct Seen {
  long long target;
  std::size_t float_lanes;
};

Seen see_target() { return {HWY_TARGET, hwy::HWY_NAMESPACE::Lanes(HWY_FULL(float)())}; }

long long see_target_bits() { return see_target().target; }

std::size_t see_float_lanes() { return see_target().float_lanes; }

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <gmock/gmock.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

HWY_EXPORT(see_target_bits);
HWY_EXPORT(see_float_lanes);

TEST(SimdTarget, ListEndsWithThePortableFallback) {
  ASSERT_FALSE(simd_targets().empty());
  EXPECT_EQ(simd_targets().back(), "scalar");
}

TEST(SimdTarget, TheBestOneIsInUseUnlessForced) {
  force_simd_target("");
  EXPECT_EQ(simd_target(), simd_targets().front());
}

TEST(SimdTarget, ForcedTargetRunsInKernelsOfOtherFiles) {
  for (const std::string& name : simd_targets()) {
    force_simd_target(name);
    EXPECT_EQ(simd_target(), name);
    const long long bits = HWY_DYNAMIC_DISPATCH(see_target_bits)();
    const std::size_t lanes = HWY_DYNAMIC_DISPATCH(see_float_lanes)();
    if (name == "avx3") {
      EXPECT_EQ(bits, HWY_AVX3);
      EXPECT_EQ(lanes, 16U);
    } else if (name == "avx2") {
      EXPECT_EQ(bits, HWY_AVX2);
      EXPECT_EQ(lanes, 8U);
    } else if (name == "sse4") {
      EXPECT_EQ(bits, HWY_SSE4);
      EXPECT_EQ(lanes, 4U);
    } else if (name == "ssse3") {
      EXPECT_EQ(bits, HWY_SSSE3);
      EXPECT_EQ(lanes, 4U);
    } else if (name == "scalar") {
      EXPECT_TRUE(bits == HWY_SCALAR || bits == HWY_EMU128);
    }
  }
  force_simd_target("");
}

TEST(SimdTarget, ListDoesNotShrinkWhileOneIsForced) {
  const auto all = simd_targets();
  force_simd_target("scalar");
  EXPECT_EQ(simd_targets(), all);
  force_simd_target("");
}

TEST(SimdTarget, UnknownNameIsRefusedWithTheChoices) {
  try {
    force_simd_target("avx9");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("avx9"));
    EXPECT_THAT(error.what(), HasSubstr("scalar"));
  }
  EXPECT_EQ(simd_target(), simd_targets().front());
}

TEST(InitializeNumerics, EnvironmentVariableForcesATarget) {
  setenv("HALFULP_SIMD", "scalar", 1);
  initialize_numerics();
  EXPECT_EQ(simd_target(), "scalar");
  unsetenv("HALFULP_SIMD");
  force_simd_target("");
}

TEST(InitializeNumerics, UnknownEnvironmentTargetNamesTheVariable) {
  setenv("HALFULP_SIMD", "mmx", 1);
  try {
    initialize_numerics();
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("HALFULP_SIMD"));
  }
  unsetenv("HALFULP_SIMD");
}

TEST(InitializeNumerics, RefusesEveryOtherRoundingMode) {
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    bool refused = false;
    try {
      initialize_numerics();
    } catch (const std::runtime_error&) {
      refused = true;
    }
    std::fesetround(FE_TONEAREST);
    EXPECT_TRUE(refused) << mode;
  }
  EXPECT_NO_THROW(initialize_numerics());
}

#if defined(__x86_64__)
TEST(InitializeNumerics, RefusesFlushToZeroAndDenormalsAreZero) {
  for (const unsigned int bit : {0x8000U, 0x0040U}) {
    const unsigned int saved = _mm_getcsr();
    _mm_setcsr(saved | bit);
    bool refused = false;
    try {
      initialize_numerics();
    } catch (const std::runtime_error&) {
      refused = true;
    }
    _mm_setcsr(saved);
    EXPECT_TRUE(refused) << bit;
  }
}
#endif

}  // namespace
}  // namespace halfulp

#endif  // HWY_ONCE
