#include "tests/oracle/exact_result.h"

#include <mpfr.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace halfulp::oracle {

namespace {

using boost::multiprecision::cpp_int;

double make_odd(double truncated) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(truncated) | 1);
}

bool is_ordinary(double x) { return std::isfinite(x) && x != 0; }

/// The CPU's result where it is exact: an operand is NaN, infinite or zero.
ExactResult special(double hardware, std::initializer_list<double> operands) {
  ExactResult result;
  result.value = hardware;
  bool has_nan = false;
  bool has_infinity = false;
  for (const double x : operands) {
    has_nan = has_nan || std::isnan(x);
    has_infinity = has_infinity || std::isinf(x);
  }
  result.invalid = std::isnan(hardware) && !has_nan;
  result.divide_by_zero = std::isinf(hardware) && !has_infinity;
  return result;
}

/// A sum whose nonzero terms cancel, or of zeros.
ExactResult zero_sum(std::initializer_list<double> terms) {
  ExactResult result;
  bool has_positive = false;
  bool has_negative = false;
  for (const double x : terms) (std::signbit(x) ? has_negative : has_positive) = true;
  const bool only_zeros = [&] {
    for (const double x : terms) {
      if (x != 0) return false;
    }
    return true;
  }();
  if (only_zeros && has_negative && !has_positive) {
    result.value = -0.0;
  } else {
    result.is_exact_zero_sum = !only_zeros || has_negative;
  }
  return result;
}

ExactResult sum(std::initializer_list<double> terms) {
  Rational total = 0;
  double hardware = 0;
  for (const double x : terms) hardware += x;
  if (!std::isfinite(hardware)) return special(hardware, terms);
  for (const double x : terms) total += to_rational(x);
  if (total == 0) return zero_sum(terms);
  return {round_to_odd(total)};
}

ExactResult product_sum(double x, double y, double z) {
  if (!std::isfinite(x) || !std::isfinite(y) || !std::isfinite(z)) {
    ExactResult result = special(std::fma(x, y, z), {x, y, z});
    // With a NaN to add, the standard leaves the flag of 0 * inf open; ours is raised.
    const bool zero_times_infinity = (x == 0 && std::isinf(y)) || (std::isinf(x) && y == 0);
    result.invalid = result.invalid || zero_times_infinity;
    return result;
  }
  const Rational total = to_rational(x) * to_rational(y) + to_rational(z);
  if (total != 0) return {round_to_odd(total)};
  const double sign = std::signbit(x) != std::signbit(y) ? -1.0 : 1.0;
  return zero_sum({x == 0 || y == 0 ? 0.0 * sign : sign, z});
}

/// sqrt(x), or 1 / sqrt(x), of a positive number: the largest binary64 number not above it, made
/// odd unless exact.
double root(double x, bool reciprocal) {
  const Rational target = reciprocal ? Rational(1) / to_rational(x) : to_rational(x);
  double candidate = reciprocal ? 1 / std::sqrt(x) : std::sqrt(x);
  const auto square = [](double c) -> Rational { return to_rational(c) * to_rational(c); };
  while (square(candidate) > target) candidate = std::nextafter(candidate, 0.0);
  while (square(std::nextafter(candidate, INFINITY)) <= target) {
    candidate = std::nextafter(candidate, INFINITY);
  }
  return square(candidate) == target ? candidate : make_odd(candidate);
}

ExactResult square_root(double x, bool reciprocal) {
  if (is_ordinary(x) && x > 0) return {root(x, reciprocal)};
  return special(reciprocal ? 1 / std::sqrt(x) : std::sqrt(x), {x});
}

using MpfrFunction = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

MpfrFunction mpfr_function(std::string_view name) {
  if (name == "exp") return mpfr_exp;
  if (name == "exp2") return mpfr_exp2;
  if (name == "log") return mpfr_log;
  if (name == "log2") return mpfr_log2;
  if (name == "sin") return mpfr_sin;
  if (name == "cos") return mpfr_cos;
  if (name == "tanh") return mpfr_tanh;
  if (name == "erf") return mpfr_erf;
  throw std::invalid_argument("no function " + std::string(name));
}

/// A 500-bit number cut to binary64 and made odd unless exact; far beyond the range of every format
/// under test it stays on its side.
double cut_to_odd(mpfr_srcptr x, bool inexact) {
  if (mpfr_zero_p(x) && inexact) return make_odd(std::ldexp(1.0, -1000));
  if (!mpfr_regular_p(x)) return mpfr_get_d(x, MPFR_RNDZ);
  const double sign = mpfr_signbit(x) != 0 ? -1 : 1;
  if (mpfr_get_exp(x) > 1000) return sign * make_odd(std::ldexp(1.0, 1000));
  if (mpfr_get_exp(x) < -1000) return sign * make_odd(std::ldexp(1.0, -1000));
  const double cut = mpfr_get_d(x, MPFR_RNDZ);
  return inexact || mpfr_cmp_d(x, cut) != 0 ? make_odd(cut) : cut;
}

double elementary_value(std::string_view name, double x) {
  mpfr_t operand, result;
  mpfr_init2(operand, 53);
  mpfr_init2(result, 500);
  mpfr_set_d(operand, x, MPFR_RNDN);
  int inexact = 1;
  if (name == "sigmoid") {  // 1 + e^-x from above, so that a result below 1 stays below
    mpfr_neg(operand, operand, MPFR_RNDN);
    mpfr_exp(result, operand, MPFR_RNDU);
    mpfr_add_ui(result, result, 1, MPFR_RNDU);
    mpfr_ui_div(result, 1, result, MPFR_RNDZ);
  } else {
    inexact = mpfr_function(name)(result, operand, MPFR_RNDZ);
  }
  const double value = cut_to_odd(result, inexact != 0);
  mpfr_clears(operand, result, static_cast<mpfr_ptr>(nullptr));
  return value;
}

}  // namespace

Rational to_rational(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  const cpp_int whole(static_cast<std::int64_t>(std::ldexp(fraction, 53)));
  exponent -= 53;
  return exponent >= 0 ? Rational(whole << exponent) : Rational(whole, cpp_int(1) << -exponent);
}

double round_to_odd(const Rational& x) {
  cpp_int n = abs(numerator(x));
  cpp_int d = denominator(x);
  const int shift = 54 - static_cast<int>(msb(n)) + static_cast<int>(msb(d));
  if (shift > 0) n <<= shift;
  if (shift < 0) d <<= -shift;
  cpp_int quotient, rest;
  divide_qr(n, d, quotient, rest);  // 54 or 55 bits
  const int extra = static_cast<int>(msb(quotient)) - 52;
  const bool exact = rest == 0 && static_cast<int>(lsb(quotient)) >= extra;
  const auto cut = static_cast<std::uint64_t>(quotient >> extra);
  const double magnitude = std::ldexp(static_cast<double>(exact ? cut : cut | 1), extra - shift);
  return x < 0 ? -magnitude : magnitude;
}

ExactResult exact_result(std::string_view name, double x, double y, double z) {
  if (name == "add") return sum({x, y});
  if (name == "sub") return sum({x, -y});
  if (name == "faa") return sum({x, y, z});
  if (name == "fma") return product_sum(x, y, z);
  if (name == "sqrt") return square_root(x, false);
  if (name == "rsqrt") return square_root(x, true);
  if (name == "rem") return special(std::remainder(x, y), {x, y});
  if (name == "mul") {
    if (!is_ordinary(x) || !is_ordinary(y)) return special(x * y, {x, y});
    return {round_to_odd(to_rational(x) * to_rational(y))};
  }
  const double dividend = name == "recip" ? 1 : x;
  const double divisor = name == "recip" ? x : y;
  if (name != "recip" && name != "div") throw std::invalid_argument("no operation");
  if (!is_ordinary(dividend) || !is_ordinary(divisor)) {
    return special(dividend / divisor, {dividend, divisor});
  }
  return {round_to_odd(to_rational(dividend) / to_rational(divisor))};
}

ExactResult exact_elementary(std::string_view name, double x) {
  const bool is_log = name == "log" || name == "log2";
  ExactResult result;
  if (name == "sigmoid" && !is_ordinary(x)) {
    result.value = std::isnan(x) ? x : x == 0 ? 0.5 : x > 0 ? 1 : 0;
    return result;
  }
  result.value = elementary_value(name, x);
  result.divide_by_zero = is_log && x == 0;
  result.invalid = std::isnan(result.value) && !std::isnan(x);
  return result;
}

}  // namespace halfulp::oracle
