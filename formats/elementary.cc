#include "formats/elementary.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "formats/elementary_bounds.h"
#include "formats/exact_sum.h"
#include "formats/real.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

static_assert(sizeof(mp_limb_t) == 8 && sizeof(unsigned long) == 8, "64-bit limbs are read below");

/// Beyond this exponent every format overflows, below its negative every format underflows: floats
/// reach 2^165,600 (bias and exponent bits), the others less.
constexpr std::int32_t kFar = 1 << 18;

/// Any finite number is an MPFR number of 64 bits.
void set(Real& real, const Number& x) {
  mpfr_set_ui_2exp(real.get(), x.significand, x.exponent, MPFR_RNDN);
  if (x.negative) mpfr_neg(real.get(), real.get(), MPFR_RNDN);
}

/// `real` of 64 or 128 bits; `sticky` when it was cut.
WideNumber to_wide(Real& real, bool sticky) {
  mpfr_srcptr x = real.get();
  const bool negative = mpfr_signbit(x) != 0;
  if (mpfr_zero_p(x) != 0) {
    // A nonzero result below MPFR's range is cut to zero.
    if (sticky) return {Kind::finite, negative, true, -kFar, 1};
    return {Kind::zero, negative};
  }
  const mpfr_exp_t top = mpfr_get_exp(x);
  const auto* limbs = static_cast<const std::uint64_t*>(mpfr_custom_get_significand(x));
  const bool two_limbs = mpfr_get_prec(x) > 64;
  WideNumber result{Kind::finite, negative, sticky};
  result.significand = two_limbs ? uint128{limbs[1]} << 64 | limbs[0] : uint128{limbs[0]};
  result.exponent =
      static_cast<std::int32_t>(std::clamp<mpfr_exp_t>(top - (two_limbs ? 128 : 64), -kFar, kFar));
  return result;
}

using Function = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

WideNumber cut_off(Function function, const Number& x, int bits) {
  Real operand(64), result(bits);
  set(operand, x);
  const int ternary = function(result.get(), operand.get(), MPFR_RNDZ);
  return to_wide(result, ternary != 0);
}

/// A bound of 1 / (1 + e^-x), from below for MPFR_RNDD, from above for MPFR_RNDU.
void bound_sigmoid(Real& bound, Real& minus_x, mpfr_rnd_t direction) {
  const mpfr_rnd_t opposite = direction == MPFR_RNDD ? MPFR_RNDU : MPFR_RNDD;
  mpfr_exp(bound.get(), minus_x.get(), opposite);
  mpfr_add_ui(bound.get(), bound.get(), 1, opposite);
  mpfr_ui_div(bound.get(), 1, bound.get(), direction);
}

/// Never exact: e^x is irrational for every rational x but 0. The leading bits are known as soon as
/// both bounds have the same.
WideNumber finite_sigmoid(const Number& x, int bits) {
  Real minus_x(64);
  set(minus_x, x);
  mpfr_neg(minus_x.get(), minus_x.get(), MPFR_RNDN);
  if (mpfr_cmp_si(minus_x.get(), -100) < 0) {  // 1 - e^-x: more than 128 leading ones
    const uint128 ones = bits > 64 ? ~uint128{0} : uint128{~std::uint64_t{0}};
    return {Kind::finite, false, true, -bits, ones};
  }
  if (mpfr_cmp_si(minus_x.get(), kFar) > 0) return {Kind::finite, false, true, -kFar, 1};
  Real low(bits), high(bits);
  for (mpfr_prec_t working = bits + 32;; working *= 2) {
    Real bound(working);
    bound_sigmoid(bound, minus_x, MPFR_RNDD);
    mpfr_set(low.get(), bound.get(), MPFR_RNDZ);
    bound_sigmoid(bound, minus_x, MPFR_RNDU);
    mpfr_set(high.get(), bound.get(), MPFR_RNDZ);
    if (mpfr_equal_p(low.get(), high.get()) != 0) return to_wide(low, true);
  }
}

/// Results at 0 and at the infinities (IEEE 754-2019 9.2.1).
enum class Special : std::uint8_t {
  zero,
  same_zero,  ///< with the sign of the operand
  half,
  one,
  minus_one,
  infinity,
  invalid,
  pole,           ///< infinity of the operand's sign, divide_by_zero
  negative_pole,  ///< minus infinity, divide_by_zero
};

struct FunctionRow {
  Operation operation;
  Function function;  ///< null: sigmoid
  bool takes_negative;
  Special at_zero, at_infinity, at_minus_infinity;
};

constexpr FunctionRow kFunctions[] = {
    {Operation::sqrt, mpfr_sqrt, false, Special::same_zero, Special::infinity, Special::invalid},
    {Operation::rsqrt, mpfr_rec_sqrt, false, Special::pole, Special::zero, Special::invalid},
    {Operation::exp, mpfr_exp, true, Special::one, Special::infinity, Special::zero},
    {Operation::exp2, mpfr_exp2, true, Special::one, Special::infinity, Special::zero},
    {Operation::log, mpfr_log, false, Special::negative_pole, Special::infinity, Special::invalid},
    {Operation::log2, mpfr_log2, false, Special::negative_pole, Special::infinity,
     Special::invalid},
    {Operation::sin, mpfr_sin, true, Special::same_zero, Special::invalid, Special::invalid},
    {Operation::cos, mpfr_cos, true, Special::one, Special::invalid, Special::invalid},
    {Operation::tanh, mpfr_tanh, true, Special::same_zero, Special::one, Special::minus_one},
    {Operation::sigmoid, nullptr, true, Special::half, Special::one, Special::zero},
    {Operation::erf, mpfr_erf, true, Special::same_zero, Special::one, Special::minus_one},
};

const FunctionRow& row_of(Operation operation) {
  for (const FunctionRow& row : kFunctions) {
    if (row.operation == operation) return row;
  }
  throw std::invalid_argument(std::string(describe(operation).name) + " is no such function");
}

WideNumber special_result(Special special, bool negative, Flags& flags) {
  switch (special) {
    case Special::zero:
      return {};
    case Special::same_zero:
      return {Kind::zero, negative};
    case Special::half:
      return {Kind::finite, false, false, -1, 1};
    case Special::one:
    case Special::minus_one:
      return {Kind::finite, special == Special::minus_one, false, 0, 1};
    case Special::infinity:
      return {Kind::infinity};
    case Special::invalid:
      break;
    case Special::pole:
    case Special::negative_pole:
      flags.divide_by_zero = true;
      return {Kind::infinity, negative || special == Special::negative_pole};
  }
  flags.invalid = true;
  return {Kind::nan};
}

/// |f(a) - f(b)| <= |a - b| for sin and cos.
void bound_wave(Function function, Real& x_low, Real& x_high, Real& low, Real& high) {
  Real width(32);
  mpfr_sub(width, x_high, x_low, MPFR_RNDU);
  function(low, x_low, MPFR_RNDD);
  function(high, x_low, MPFR_RNDU);
  mpfr_sub(low, low, width, MPFR_RNDD);
  mpfr_add(high, high, width, MPFR_RNDU);
}

}  // namespace

void bound_function(Operation operation, Real& x_low, Real& x_high, Real& low, Real& high) {
  const FunctionRow& row = row_of(operation);
  if (operation == Operation::sin || operation == Operation::cos) {
    bound_wave(row.function, x_low, x_high, low, high);
  } else if (operation == Operation::sigmoid) {
    mpfr_neg(x_low, x_low, MPFR_RNDN);
    mpfr_neg(x_high, x_high, MPFR_RNDN);
    bound_sigmoid(low, x_low, MPFR_RNDD);
    bound_sigmoid(high, x_high, MPFR_RNDU);
  } else if (operation == Operation::rsqrt) {
    row.function(low, x_high, MPFR_RNDD);
    row.function(high, x_low, MPFR_RNDU);
  } else {
    row.function(low, x_low, MPFR_RNDD);
    row.function(high, x_high, MPFR_RNDU);
  }
}

WideNumber elementary(Operation operation, const Number& x, int bits, Flags& flags) {
  if (x.sticky) throw std::invalid_argument(kIrrational);
  const FunctionRow& row = row_of(operation);
  switch (x.kind) {
    case Kind::nan:
      return {Kind::nan};
    case Kind::zero:
      return special_result(row.at_zero, x.negative, flags);
    case Kind::infinity:
      return special_result(x.negative ? row.at_minus_infinity : row.at_infinity, x.negative,
                            flags);
    case Kind::finite:
      break;
  }
  if (x.negative && !row.takes_negative) return special_result(Special::invalid, false, flags);
  return row.function == nullptr ? finite_sigmoid(x, bits) : cut_off(row.function, x, bits);
}

}  // namespace halfulp
