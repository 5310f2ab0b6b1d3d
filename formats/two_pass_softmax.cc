#include "formats/two_pass_softmax.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "formats/arithmetic.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

constexpr double kFlushed = -127;
constexpr double kLargestExponent = 4194304.0;

/// Highest power first.
constexpr std::array kPolynomial = {0x1.0F9F9Cp-7, 0x1.573A1Ap-5, 0x1.555A80p-3,
                                    0x1.FFFDC6p-2, 0x1.FFFFF6p-1, 1.0};
constexpr double kLog2E = 0x1.71547652b82fep+0;
constexpr double kLn2 = 0x1.62e42fefa39efp-1;
constexpr double kLn2Rest = 0x1.abc9e3b39803fp-56;  ///< ln 2 - kLn2

/// p 2^n; `empty` for what adds nothing.
struct Pair {
  Number p;
  double n = 0;  ///< a whole number
  bool empty = true;
};

Number rounded(const Destination& to, double x) {
  return from_double(round(to.format, {Rounding::nearest_even, to.rounding.overflow}, x));
}

Number fused(const Destination& to, const Number& x, const Number& y, const Number& z) {
  Flags flags;
  const std::array<Number, 3> operands = {x, y, z};
  return evaluate(Operation::fma, operands, to.format, to.rounding, 0, flags);
}

Number product(const Destination& to, const Number& x, const Number& y) {
  Flags flags;
  const std::array<Number, 2> operands = {x, y};
  return evaluate(Operation::mul, operands, to.format, to.rounding, 0, flags);
}

/// 2^(n - top), or 0.
Number factor(double n, double top) {
  const double delta = n - top;
  return delta <= kFlushed ? Number{}
                           : Number{Kind::finite, false, false, static_cast<int>(delta), 1};
}

Pair exponential(const Destination& to, double argument) {
  Flags flags;
  const Number x = round_to(to.format, to.rounding, from_double(argument), 0, flags);
  const double n = std::nearbyint(to_double(product(to, x, rounded(to, kLog2E))));
  if (n < -kLargestExponent) return {};
  if (!(n <= kLargestExponent)) return {{Kind::nan}, 0, false};
  const Number minus_n = from_double(-n);
  const Number ln2_high = rounded(to, kLn2);
  const Number ln2_low = rounded(to, kLn2 - to_double(ln2_high) + kLn2Rest);
  const Number t = fused(to, minus_n, ln2_low, fused(to, minus_n, ln2_high, x));
  Number p = rounded(to, kPolynomial[0]);
  for (std::size_t i = 1; i < kPolynomial.size(); ++i) {
    p = fused(to, p, t, rounded(to, kPolynomial[i]));
  }
  return {p, n, false};
}

Pair added(const Destination& to, const Pair& sum, const Pair& term) {
  if (term.empty) return sum;
  const double top = sum.empty ? term.n : std::max(sum.n, term.n);
  const Number before = sum.empty ? Number{} : product(to, sum.p, factor(sum.n, top));
  return {fused(to, term.p, factor(term.n, top), before), top, false};
}

Pair sum_of(const TwoPassSoftmax& arithmetic, const std::vector<Pair>& terms) {
  const auto lanes = static_cast<std::size_t>(arithmetic.lanes);
  std::vector<Pair> sums(lanes);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    sums[i % lanes] = added(arithmetic.sum, sums[i % lanes], terms[i]);
  }
  for (std::size_t half = lanes / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) {
      sums[j] = added(arithmetic.sum, sums[j], sums[j + half]);
    }
  }
  return sums[0];
}

void check(const TwoPassSoftmax& arithmetic) {
  if (arithmetic.lanes < 1 || !std::has_single_bit(static_cast<unsigned>(arithmetic.lanes))) {
    throw std::invalid_argument("lanes are not a power of two");
  }
  for (const Destination& to : {arithmetic.term, arithmetic.sum}) {
    if (to.rounding.rounding == Rounding::stochastic) {
      throw std::invalid_argument("two-pass softmax has no stochastic rounding");
    }
  }
}

}  // namespace

std::vector<double> two_pass_softmax(const TwoPassSoftmax& arithmetic, std::span<const double> x) {
  check(arithmetic);
  const Destination& to = arithmetic.term;
  std::vector<Pair> terms;
  for (const double value : x) terms.push_back(exponential(to, value));
  const Pair sum = sum_of(arithmetic, terms);
  Flags flags;
  const std::array<Number, 1> divisor = {sum.p};
  const Number inverse =
      evaluate(Operation::recip, divisor, arithmetic.sum.format, arithmetic.sum.rounding, 0, flags);
  std::vector<double> out;
  for (const Pair& term : terms) {
    const Number share = product(to, term.p, inverse);
    const Number scale = term.empty ? Number{} : factor(term.n, sum.n);
    out.push_back(to_double(product(to, share, scale)));
  }
  return out;
}

}  // namespace halfulp
