// evaluate() against the CPU: binary32 and binary64 under every rounding direction it has, binary16
// through F16C where there is one.
#include <gtest/gtest.h>

#include <bit>
#include <cfenv>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "formats/arithmetic.h"
#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "tests/oracle/exact_result.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace halfulp {
namespace {

struct Direction {
  Rounding rounding;
  int cpu_mode;
};

constexpr Direction kDirections[] = {{Rounding::nearest_even, FE_TONEAREST},
                                     {Rounding::toward_zero, FE_TOWARDZERO},
                                     {Rounding::toward_positive, FE_UPWARD},
                                     {Rounding::toward_negative, FE_DOWNWARD}};

constexpr Operation kOperations[] = {
    Operation::add, Operation::sub,  Operation::mul, Operation::div, Operation::fma,
    Operation::rem, Operation::sqrt, Operation::lt,  Operation::ge,  Operation::eq};

/// The CPU's result; volatile keeps the compiler from computing it under another mode.
template <typename Real>
Real compute(Operation operation, Real a, Real b, Real c) {
  const volatile Real x = a, y = b, z = c;
  volatile Real result = 0;
  if (operation == Operation::add) result = x + y;
  if (operation == Operation::sub) result = x - y;
  if (operation == Operation::mul) result = x * y;
  if (operation == Operation::div) result = x / y;
  if (operation == Operation::fma) result = std::fma(x, y, z);
  if (operation == Operation::rem) result = std::remainder(x, y);
  if (operation == Operation::sqrt) result = std::sqrt(x);
  if (operation == Operation::lt) result = x < y ? Real(1) : Real(0);
  if (operation == Operation::ge) result = x >= y ? Real(1) : Real(0);
  if (operation == Operation::eq) result = x == y ? Real(1) : Real(0);
  return result;
}

/// Random codes with many zeros, subnormals, powers of two, infinities and NaNs.
template <typename Bits>
Bits draw(std::mt19937_64& generator, int trailing_bits) {
  const auto bits = static_cast<Bits>(generator());
  const auto trailing = static_cast<Bits>((Bits{1} << trailing_bits) - 1);
  const auto sign = static_cast<Bits>(Bits{1} << (sizeof(Bits) * 8 - 1));
  const auto infinity = static_cast<Bits>(~(sign | trailing));
  switch (generator() % 12) {
    case 0:
      return static_cast<Bits>(bits & ~trailing);  // a power of two, zero or infinity
    case 1:
      return static_cast<Bits>(bits | trailing);
    case 2:
      return static_cast<Bits>(bits & (trailing | sign));  // subnormal
    case 3:
      return static_cast<Bits>((bits & sign) | infinity);
    case 4:
      return static_cast<Bits>(bits & sign);  // zero
    default:
      return bits;
  }
}

template <typename Real, typename Bits>
class Comparison {
 public:
  Comparison(const FloatFormat& format, std::uint64_t seed) : format_(format), generator_(seed) {}

  void run(int count) {
    for (int i = 0; i < count; ++i) {
      const Bits a = draw<Bits>(generator_, format_.trailing_bits);
      Bits b = draw<Bits>(generator_, format_.trailing_bits);
      const Bits near = static_cast<Bits>(generator_() % 40) << format_.trailing_bits;
      if (i % 2 == 0) b = (a ^ (b & (~Bits{0} >> (sizeof(Bits) * 8 - 9)))) + near;
      Bits c = draw<Bits>(generator_, format_.trailing_bits);
      if (i % 3 == 0) {  // the sum nearly cancels the product
        const Real product = -(std::bit_cast<Real>(a) * std::bit_cast<Real>(b));
        c = std::bit_cast<Bits>(product) + static_cast<Bits>(generator_() % 3) - 1;
      }
      for (const Operation operation : kOperations) {
        check(operation, quiet(a), quiet(b), quiet(c));
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }

 private:
  /// Signaling NaNs, which raise invalid by being read, are not modelled.
  Real quiet(Bits bits) const {
    const Bits quiet_bit = Bits{1} << (format_.trailing_bits - 1);
    return std::bit_cast<Real>(std::isnan(std::bit_cast<Real>(bits)) ? bits | quiet_bit : bits);
  }

  void check(Operation operation, Real a, Real b, Real c) {
    const Number numbers[] = {from_double(static_cast<double>(a)),
                              from_double(static_cast<double>(b)),
                              from_double(static_cast<double>(c))};
    const auto arity = static_cast<std::size_t>(describe(operation).arity);
    for (const Direction& direction : kDirections) {
      // The C library's remainder is exact, but written for rounding to nearest.
      if (operation == Operation::rem && direction.cpu_mode != FE_TONEAREST) continue;
      std::fesetround(direction.cpu_mode);
      std::feclearexcept(FE_ALL_EXCEPT);
      const Real want = compute(operation, a, b, c);
      const int raised = std::fetestexcept(FE_ALL_EXCEPT);
      std::fesetround(FE_TONEAREST);
      Flags flags;
      const RoundSpec spec{direction.rounding, Overflow::infinity};
      const auto got = static_cast<Real>(
          to_double(evaluate(operation, std::span(numbers).first(arity), format_, spec, 0, flags)));
      const std::string text = std::string(describe(operation).name) + " " +
                               std::string(to_string(direction.rounding)) + " " +
                               to_hex_float(numbers[0]) + " " + to_hex_float(numbers[1]) + " " +
                               to_hex_float(numbers[2]) + ": " + to_string(flags);
      // glibc 2.36: remainder(0x1.4a61147c046fdp-802, 0x1p-974) is -0, against IEEE 754 5.3.1.
      const bool is_zero_rest = operation == Operation::rem && want == 0;
      if (std::isnan(want)) {
        ASSERT_TRUE(std::isnan(got)) << text;
      } else if (is_zero_rest) {
        ASSERT_TRUE(got == 0 && std::signbit(got) == std::signbit(a)) << text;
      } else {
        ASSERT_EQ(std::bit_cast<Bits>(got), std::bit_cast<Bits>(want)) << text;
      }
      const bool is_open = operation == Operation::fma && std::isnan(c);  // 0 * inf + NaN
      const bool invalid = is_open ? flags.invalid : (raised & FE_INVALID) != 0;
      ASSERT_EQ(flags.invalid, invalid) << text;
      if (operation == Operation::rem) continue;
      ASSERT_EQ(flags.inexact, (raised & FE_INEXACT) != 0) << text;
      ASSERT_EQ(flags.overflow, (raised & FE_OVERFLOW) != 0) << text;
      ASSERT_EQ(flags.divide_by_zero, (raised & FE_DIVBYZERO) != 0) << text;
      // x86 looks for tiny results after rounding, Arm and this library before.
      const bool became_normal = std::fabs(got) == std::numeric_limits<Real>::min();
      const bool underflow = became_normal ? flags.underflow : (raised & FE_UNDERFLOW) != 0;
      ASSERT_EQ(flags.underflow, underflow) << text;
    }
  }

  FloatFormat format_;
  std::mt19937_64 generator_;
};

constexpr FloatFormat kBinary16{5, 10, 15};
constexpr FloatFormat kBinary32{8, 23, 127};
constexpr FloatFormat kBinary64{11, 52, 1023};

TEST(ArithmeticHardware, Binary32) { Comparison<float, std::uint32_t>(kBinary32, 32).run(10'000); }

TEST(ArithmeticHardware, Binary64) { Comparison<double, std::uint64_t>(kBinary64, 64).run(10'000); }

TEST(ArithmeticHardware, Binary32Full) {
  Comparison<float, std::uint32_t>(kBinary32, 3232).run(300'000);
}

TEST(ArithmeticHardware, Binary64Full) {
  Comparison<double, std::uint64_t>(kBinary64, 6464).run(300'000);
}

#if defined(__x86_64__)

/// Rounds to binary16 in hardware.
__attribute__((target("f16c"))) std::uint16_t to_binary16(float x, Rounding rounding) {
  const __m128 v = _mm_set_ss(x);
  __m128i half;
  if (rounding == Rounding::nearest_even) {
    half = _mm_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT);
  } else if (rounding == Rounding::toward_zero) {
    half = _mm_cvtps_ph(v, _MM_FROUND_TO_ZERO);
  } else if (rounding == Rounding::toward_positive) {
    half = _mm_cvtps_ph(v, _MM_FROUND_TO_POS_INF);
  } else {
    half = _mm_cvtps_ph(v, _MM_FROUND_TO_NEG_INF);
  }
  return static_cast<std::uint16_t>(_mm_extract_epi16(half, 0));
}

/// Cut to binary32 and made odd unless exact: 24 bits are enough before a rounding to 11.
float to_odd_float(double x) {
  auto cut = static_cast<float>(x);
  if (static_cast<double>(cut) == x || std::isnan(x)) return cut;
  if (std::fabs(static_cast<double>(cut)) > std::fabs(x)) cut = std::nextafterf(cut, 0.0F);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(cut) | 1);
}

TEST(ArithmeticHardware, Binary16ThroughF16c) {
  // Every CPU with AVX2 has F16C, for which clang 14 has no name.
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "this CPU may lack F16C";
  std::mt19937_64 generator(16);
  for (int i = 0; i < 20'000; ++i) {
    Number x[3];
    double v[3];
    for (int j = 0; j < 3; ++j) {
      x[j] = decode(kBinary16, draw<std::uint16_t>(generator, 10));
      v[j] = to_double(x[j]);
    }
    for (const Operation operation : {Operation::add, Operation::mul, Operation::div,
                                      Operation::fma, Operation::faa, Operation::sqrt}) {
      const oracle::ExactResult exact =
          oracle::exact_result(describe(operation).name, v[0], v[1], v[2]);
      for (const Direction& direction : kDirections) {
        double value = exact.value;
        const bool down = direction.rounding == Rounding::toward_negative;
        if (exact.is_exact_zero_sum && down) value = -0.0;
        const std::uint16_t want = to_binary16(to_odd_float(value), direction.rounding);
        Flags flags;
        const auto arity = static_cast<std::size_t>(describe(operation).arity);
        const Number got = evaluate(operation, std::span(x).first(arity), kBinary16,
                                    {direction.rounding, Overflow::infinity}, 0, flags);
        if (got.kind == Number::Kind::nan) {
          ASSERT_GT(want & 0x7FFF, 0x7C00);
          continue;
        }
        ASSERT_EQ(static_cast<std::uint16_t>(encode(kBinary16, got)), want)
            << describe(operation).name << " " << to_string(direction.rounding) << " " << v[0]
            << " " << v[1] << " " << v[2];
      }
    }
  }
}

#endif

}  // namespace
}  // namespace halfulp
