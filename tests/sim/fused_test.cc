// FusedMulAdd on every SIMD target against MPFR's fused multiply-add, which shares no code with it.
#include <gtest/gtest.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/sim/fused_test.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstddef>

#include "sim/fused-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// n must be a multiple of 16.
template <class T>
void FusedMulAddArrays(const T* a, const T* b, const T* c, std::size_t n, T* out) {
  const hn::ScalableTag<T> d;
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    hn::StoreU(FusedMulAdd(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i), hn::LoadU(d, c + i)), d,
               out + i);
  }
}

void FusedFloats(const float* a, const float* b, const float* c, std::size_t n, float* out) {
  FusedMulAddArrays(a, b, c, n, out);
}

void FusedDoubles(const double* a, const double* b, const double* c, std::size_t n, double* out) {
  FusedMulAddArrays(a, b, c, n, out);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <mpfr.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

HWY_EXPORT(FusedFloats);
HWY_EXPORT(FusedDoubles);

template <class T>
struct Operands {
  std::vector<T> a, b, c;

  void add(T x, T y, T z) {
    a.push_back(x);
    b.push_back(y);
    c.push_back(z);
  }

  void add_signs(T x, T y, T z) {
    for (int signs = 0; signs < 8; ++signs) {
      add((signs & 1) != 0 ? -x : x, (signs & 2) != 0 ? -y : y, (signs & 4) != 0 ? -z : z);
    }
  }

  void pad() {
    while (a.size() % 16 != 0) add(1, 1, 1);
  }
};

/// a * b + c rounded once to the IEEE format with the given precision and exponent range.
template <class T>
class Oracle {
 public:
  Oracle() : emin_(mpfr_get_emin()), emax_(mpfr_get_emax()) {
    for (auto* x : {&a_, &b_, &c_, &r_}) mpfr_init2(*x, std::numeric_limits<T>::digits);
  }

  ~Oracle() {
    for (auto* x : {&a_, &b_, &c_, &r_}) mpfr_clear(*x);
    mpfr_set_emin(emin_);
    mpfr_set_emax(emax_);
  }

  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  T operator()(T a, T b, T c) {
    mpfr_set_d(a_, static_cast<double>(a), MPFR_RNDN);
    mpfr_set_d(b_, static_cast<double>(b), MPFR_RNDN);
    mpfr_set_d(c_, static_cast<double>(c), MPFR_RNDN);
    // MPFR's significands lie in [1/2, 1): exponents are one more than IEEE's.
    mpfr_set_emin(std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits + 1);
    mpfr_set_emax(std::numeric_limits<T>::max_exponent);
    const int ternary = mpfr_fma(r_, a_, b_, c_, MPFR_RNDN);
    mpfr_subnormalize(r_, ternary, MPFR_RNDN);
    const T result = static_cast<T>(mpfr_get_d(r_, MPFR_RNDN));
    mpfr_set_emin(emin_);
    mpfr_set_emax(emax_);
    return result;
  }

 private:
  mpfr_exp_t emin_, emax_;
  mpfr_t a_, b_, c_, r_;
};

bool same_bits(float x, float y) {
  return (std::isnan(x) && std::isnan(y)) ||
         std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
}

bool same_bits(double x, double y) {
  return (std::isnan(x) && std::isnan(y)) ||
         std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
}

void run(const Operands<float>& x, std::vector<float>& out) {
  HWY_DYNAMIC_DISPATCH(FusedFloats)(x.a.data(), x.b.data(), x.c.data(), x.a.size(), out.data());
}

void run(const Operands<double>& x, std::vector<double>& out) {
  HWY_DYNAMIC_DISPATCH(FusedDoubles)(x.a.data(), x.b.data(), x.c.data(), x.a.size(), out.data());
}

template <class T>
void expect_correctly_rounded(Operands<T> x) {
  x.pad();
  std::vector<T> expected(x.a.size());
  Oracle<T> oracle;
  for (std::size_t i = 0; i < x.a.size(); ++i) expected[i] = oracle(x.a[i], x.b[i], x.c[i]);
  testing::on_every_simd_target([&] {
    std::vector<T> out(x.a.size());
    run(x, out);
    int mismatches = 0;
    for (std::size_t i = 0; i < out.size() && mismatches < 5; ++i) {
      if (same_bits(out[i], expected[i])) continue;
      ++mismatches;
      ADD_FAILURE() << std::hexfloat << x.a[i] << " * " << x.b[i] << " + " << x.c[i] << " gave "
                    << out[i] << ", exact arithmetic " << expected[i];
    }
  });
}

template <class T>
T power_of_two(int exponent) {
  return static_cast<T>(std::ldexp(1.0, exponent));
}

/// Random sign and significand, of which low bits are often clear so that ties come up.
template <class T>
T random_value(std::mt19937_64& rng, int exponent) {
  constexpr int kBits = std::numeric_limits<T>::digits - 1;
  std::uint64_t fraction = rng() >> (64 - kBits);
  if (rng() % 2 == 0) fraction &= ~std::uint64_t{0} << (rng() % kBits);
  const double significand = 1.0 + std::ldexp(static_cast<double>(fraction), -kBits);
  const double value = std::ldexp(significand, exponent);
  return static_cast<T>(rng() % 2 == 0 ? value : -value);
}

int random_exponent(std::mt19937_64& rng, int low, int high) {
  return low + static_cast<int>(rng() % static_cast<std::uint64_t>(high - low + 1));
}

/// c near the product's size, near minus the product, or far below or above it.
template <class T>
Operands<T> related_operands(std::size_t count, int exponent_limit) {
  std::mt19937_64 rng(20240607);
  Operands<T> x;
  for (std::size_t i = 0; i < count; ++i) {
    const int ea = random_exponent(rng, -exponent_limit, exponent_limit - 1);
    const int eb = random_exponent(rng, -exponent_limit, exponent_limit - 1);
    const T a = random_value<T>(rng, ea);
    const T b = random_value<T>(rng, eb);
    const int reach = 2 * std::numeric_limits<T>::digits + 8;
    const int ec = std::clamp(ea + eb + random_exponent(rng, -reach, reach),
                              std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits,
                              std::numeric_limits<T>::max_exponent - 1);
    const T c = random_value<T>(rng, ec);
    x.add(a, b, i % 4 == 0 ? static_cast<T>(-(a * b)) : c);
  }
  return x;
}

TEST(FusedMulAdd, RandomOperandsEqualExactArithmetic) {
  expect_correctly_rounded(related_operands<float>(200000, 40));
}

TEST(FusedMulAdd, ExtremeExponentsEqualExactArithmetic) {
  expect_correctly_rounded(related_operands<float>(200000, 127));
}

TEST(FusedMulAdd, AnyBitPatternsEqualExactArithmetic) {
  std::mt19937 rng(7);
  const auto any = [&] { return std::bit_cast<float>(static_cast<std::uint32_t>(rng())); };
  Operands<float> x;
  for (int i = 0; i < 100000; ++i) {
    const float a = any();
    const float b = any();
    x.add(a, b, any());
  }
  expect_correctly_rounded(x);
}

TEST(FusedMulAdd, TiesBrokenByTheLastBitOfTheExactSum) {
  // a * b is a tie between two binary32 values; c, however small, decides it.
  Operands<float> x;
  for (const float odd : {0x1.000001p0F * 1, 0x1.000002p0F, 0x1.fffffep0F, 0x1.555556p0F}) {
    for (int shift = 1; shift <= 24; ++shift) {
      const float factor = 1.0F + power_of_two<float>(-shift);
      for (int tiny = -149; tiny <= 24; ++tiny) {
        x.add_signs(odd, factor, power_of_two<float>(tiny));
        x.add_signs(odd, power_of_two<float>(tiny), factor);
        // c + half an ulp of c, and a product just above or below that.
        x.add_signs(power_of_two<float>(-24), 1.0F + power_of_two<float>(-shift), odd);
        x.add_signs(power_of_two<float>(-24), 1.0F - power_of_two<float>(-shift), odd);
      }
    }
  }
  expect_correctly_rounded(x);
}

TEST(FusedMulAdd, SubnormalResultsRoundOnce) {
  std::mt19937_64 rng(11);
  Operands<float> x;
  for (int total = -180; total <= -120; ++total) {
    for (int i = 0; i < 400; ++i) {
      const int ea = random_exponent(rng, -90, -30);
      const float a = random_value<float>(rng, ea);
      const float b = random_value<float>(rng, total - ea);
      x.add(a, b, 0.0F);
      x.add(a, b, static_cast<float>(rng() % 16) * FLT_TRUE_MIN);
      x.add(a, b, -random_value<float>(rng, random_exponent(rng, -149, -120)));
    }
  }
  expect_correctly_rounded(x);
}

TEST(FusedMulAdd, SubnormalTiesBrokenByTheLastBitOfTheExactSum) {
  // The product is half of the smallest subnormal, give or take a relative 2^-46 or nothing.
  constexpr float kAbove = 1 + 0x1p-23F;
  constexpr float kBelow = 1 - 0x1p-23F;
  Operands<float> x;
  for (int exponent = 30; exponent <= 120; ++exponent) {
    const auto first = power_of_two<float>(-exponent);
    const auto second = power_of_two<float>(exponent - 150);
    for (int bits = 0; bits <= 23; ++bits) {
      for (const float odd : {0.0F, FLT_TRUE_MIN}) {
        const float c = power_of_two<float>(bits - 149) + odd;
        x.add_signs(first * kAbove, second * kBelow, c);
        x.add_signs(first * kAbove, second * kAbove, c);
        x.add_signs(first, second, c);
      }
    }
  }
  expect_correctly_rounded(x);
}

TEST(FusedMulAdd, OverflowStartsHalfAnUlpAboveTheLargest) {
  Operands<float> x;
  for (int exponent = 60; exponent <= 127; ++exponent) {
    x.add_signs(power_of_two<float>(exponent), power_of_two<float>(103 - exponent), FLT_MAX);
    x.add_signs(power_of_two<float>(exponent) * 0x1.fffffep-1F, power_of_two<float>(103 - exponent),
                FLT_MAX);
    x.add_signs(power_of_two<float>(exponent), 0x1.fffffep127F, -FLT_MAX);
    x.add_signs(power_of_two<float>(exponent), power_of_two<float>(128 - exponent), FLT_MAX);
  }
  expect_correctly_rounded(x);
}

TEST(FusedMulAdd, SpecialValuesFollowIeee754) {
  const float values[] = {0.0F,
                          1.0F,
                          0x1p-149F,
                          0x1p-126F,
                          0x1.fffffcp-127F,
                          FLT_MAX,
                          0x1p64F,
                          1.5F,
                          std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()};
  Operands<float> x;
  for (const float a : values) {
    for (const float b : values) {
      for (const float c : values) x.add_signs(a, b, c);
    }
  }
  expect_correctly_rounded(x);
}

TEST(FusedMulAdd, DoubleLanesEqualExactArithmetic) {
  expect_correctly_rounded(related_operands<double>(40000, 300));
  expect_correctly_rounded(related_operands<double>(20000, 1023));
}

}  // namespace
}  // namespace halfulp

#endif  // HWY_ONCE
