// evaluate() against MPFR for IEEE-like formats, wide ones included; elementary functions also
// against Boost.Multiprecision, which computes them by other algorithms.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <random>
#include <string>
#include <vector>

#include "formats/arithmetic.h"
#include "formats/elementary.h"
#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/mpfr_round.h"

namespace halfulp {
namespace {

constexpr Rounding kModes[] = {Rounding::nearest_even, Rounding::toward_zero,
                               Rounding::toward_positive, Rounding::toward_negative};

/// Draws operands of one format where rounding, cancellation and the ends of the range are decided.
class Operands {
 public:
  explicit Operands(const FloatFormat& f) : format_(f) {}

  std::uint64_t next() { return generator_(); }

  /// A number of the format: anywhere, or near `exponent`; significands of few, many or random
  /// bits.
  Number number(int exponent, bool anywhere) {
    const int p = format_.trailing_bits + 1;
    const int lowest = 1 - format_.bias;
    const int highest = (1 << format_.exponent_bits) - 2 - format_.bias;
    if (anywhere) {
      const auto span = static_cast<std::uint64_t>(highest - lowest + p);
      exponent = lowest - p + static_cast<int>(next() % span);
    }
    exponent = std::clamp(exponent, lowest - p + 1, highest);
    std::uint64_t significand = next() >> (64 - p) | std::uint64_t{1} << (p - 1);
    const std::uint64_t kind = next() % 4;
    if (kind == 0) significand = std::uint64_t{1} << (p - 1);
    if (kind == 1) significand = (~std::uint64_t{0} >> (64 - p)) - next() % 3;
    if (kind == 2) significand &= ~std::uint64_t{0} << (p / 2);
    const int lost = std::max(0, lowest - exponent);  // subnormal
    return {Number::Kind::finite, next() % 2 == 0, false, exponent - p + 1 + lost,
            significand >> lost};
  }

 private:
  FloatFormat format_;
  std::mt19937_64 generator_{20261122};
};

int exponent_of(const Number& x) { return x.exponent + bit_width(x.significand) - 1; }

/// The third operand of a sum is drawn around the exact sum of the others, often cancelling it.
Number cancelling(Operands& draw, const FloatFormat& f, const WideNumber& exact) {
  if (exact.kind != Number::Kind::finite) return draw.number(0, true);
  Flags flags;
  const RoundSpec zero{Rounding::toward_zero, Overflow::infinity};
  Number z = round_to(f, zero, exact, 0, flags);
  if (z.kind != Number::Kind::finite) return draw.number(0, true);
  z.negative = !z.negative;
  if (draw.next() % 2 == 0) return z;
  return draw.number(exponent_of(z) + static_cast<int>(draw.next() % 5) - 2, false);
}

std::vector<Number> draw_operands(Operands& draw, const FloatFormat& f, Operation operation) {
  const bool anywhere = draw.next() % 4 == 0;
  const bool elementary_function = operation >= Operation::exp;
  Number x = draw.number(static_cast<int>(draw.next() % 8) - 4, anywhere && !elementary_function);
  if (elementary_function && anywhere)
    x = draw.number(static_cast<int>(draw.next() % 60) - 50, false);
  const bool needs_positive = operation == Operation::sqrt || operation == Operation::rsqrt ||
                              operation == Operation::log || operation == Operation::log2;
  if (needs_positive) x.negative = false;
  std::vector<Number> operands{x};
  const int arity = describe(operation).arity;
  const int gap = static_cast<int>(draw.next() % 140) - 70;
  if (arity >= 2) operands.push_back(draw.number(exponent_of(x) + gap / 4, anywhere));
  if (arity < 3) return operands;
  if (draw.next() % 3 == 0) {
    operands.push_back(draw.number(exponent_of(x) + gap, anywhere));
    return operands;
  }
  Flags flags;
  const RoundSpec spec;
  const WideNumber exact = operation == Operation::fma ? multiply(x, operands[1], flags)
                                                       : add(x, operands[1], f, spec, flags);
  operands.push_back(cancelling(draw, f, exact));
  if (operation == Operation::faa && draw.next() % 2 == 0) {
    // Two huge terms cancel, what remains is the tiny third.
    operands[2] = operands[0];
    operands[2].negative = !operands[0].negative;
  }
  return operands;
}

void compare(const std::string& name, int count, Operation first, Operation last) {
  SCOPED_TRACE(name);
  const auto f = std::get<FloatFormat>(parse_format(name));
  Operands draw(f);
  for (const OperationRow& row : operations()) {
    const Operation operation = row.operation;
    const bool rounds = operation <= Operation::recip || operation >= Operation::exp;
    if (!rounds || operation < first || operation > last) continue;
    for (int i = 0; i < count; ++i) {
      const std::vector<Number> operands = draw_operands(draw, f, operation);
      for (const Rounding mode : kModes) {
        const oracle::MpfrRounded want = oracle::compute_by_mpfr(f, mode, row.name, operands);
        Flags flags;
        const Number got = evaluate(operation, operands, f, {mode, Overflow::infinity}, 0, flags);
        std::string text = std::string(row.name) + " " + std::string(to_string(mode));
        for (const Number& x : operands) text += " " + to_hex_float(x);
        ASSERT_EQ(to_hex_float(got), to_hex_float(want.value)) << text;
        ASSERT_EQ(flags.inexact, want.inexact) << text;
      }
    }
  }
}

constexpr const char* kFormats[] = {"binary16", "bfloat16", "binary32", "binary64", "e8m40",
                                    "e11m60",   "e15m63",   "e15m48",   "e4m3ieee"};

TEST(ArithmeticMpfr, BasicOperations) {
  for (const char* name : kFormats) compare(name, 1000, Operation::add, Operation::recip);
}

TEST(ArithmeticMpfr, ElementaryFunctions) {
  for (const char* name : kFormats) compare(name, 40, Operation::exp, Operation::erf);
}

TEST(ArithmeticMpfr, BasicOperationsFull) {
  for (const char* name : kFormats) compare(name, 30'000, Operation::add, Operation::recip);
}

TEST(ArithmeticMpfr, ElementaryFunctionsFull) {
  for (const char* name : kFormats) compare(name, 4'000, Operation::exp, Operation::erf);
}

using Real = boost::multiprecision::cpp_bin_float_100;  // 334 bits

/// 2 / sqrt(pi) * (x - x^3 / 3 + x^5 / (2! 5) - ...), for |x| up to 4.
Real erf_series(const Real& x) {
  Real sum = 0, power = x;
  for (int n = 0; n < 400; ++n) {
    sum += power / (2 * n + 1);
    power *= -x * x / (n + 1);
  }
  return sum * 2 / sqrt(acos(Real(-1)));
}

Real by_boost(Operation operation, const Real& x) {
  const Real ln2 = log(Real(2));
  if (operation == Operation::sqrt) return sqrt(x);
  if (operation == Operation::rsqrt) return 1 / sqrt(x);
  if (operation == Operation::exp) return exp(x);
  if (operation == Operation::exp2) return exp(x * ln2);
  if (operation == Operation::log) return log(x);
  if (operation == Operation::log2) return log(x) / ln2;
  if (operation == Operation::sin) return sin(x);
  if (operation == Operation::cos) return cos(x);
  if (operation == Operation::tanh) return 1 - 2 / (exp(2 * x) + 1);
  if (operation == Operation::sigmoid) return 1 / (1 + exp(-x));
  return erf_series(x);
}

Real to_real(std::uint64_t significand, int exponent) { return ldexp(Real(significand), exponent); }

TEST(Elementary, LeadingBitsAgreeWithBoost) {
  std::mt19937_64 generator(1122);
  const Operation all[] = {Operation::sqrt, Operation::rsqrt,   Operation::exp, Operation::exp2,
                           Operation::log,  Operation::log2,    Operation::sin, Operation::cos,
                           Operation::tanh, Operation::sigmoid, Operation::erf};
  for (const Operation operation : all) {
    for (int i = 0; i < 60; ++i) {
      const bool negative = operation >= Operation::sin && i % 2 == 0;
      const int exponent = static_cast<int>(generator() % 12) - 10 - 63;
      const std::uint64_t significand = generator() | std::uint64_t{1} << 63 | 1;
      const Number x{Number::Kind::finite, negative, false, exponent, significand};
      Real want = by_boost(operation, to_real(significand, exponent) * (negative ? -1 : 1));
      for (const int bits : {64, 128}) {
        Flags flags;
        const WideNumber got = elementary(operation, x, bits, flags);
        const Real cut = to_real(static_cast<std::uint64_t>(got.significand >> 64), 64) +
                         to_real(static_cast<std::uint64_t>(got.significand), 0);
        // How many units of the last kept bit the exact result lies above the kept ones.
        const Real rest = ldexp(abs(want), -got.exponent) - cut;
        EXPECT_EQ(got.negative, want < 0) << describe(operation).name << " " << to_hex_float(x);
        EXPECT_TRUE(got.sticky && rest > 0 && rest < 1)
            << describe(operation).name << " " << to_hex_float(x) << " bits " << bits << " rest "
            << rest;
        EXPECT_EQ(bit_width(got.significand), bits);
      }
    }
  }
}

}  // namespace
}  // namespace halfulp
