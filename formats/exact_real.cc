#include "formats/exact_real.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "formats/elementary_bounds.h"
#include "formats/ordered_format.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;
using ordered::Power;

constexpr mpfr_prec_t kFirstPrecision = 160;
constexpr std::int64_t kFunctionPrecision = 4096;
constexpr int kFractionBits = 64;

/// `significand` * 2^exponent * power, added `sign` times.
void add_power(PowerSum& sum, int sign, const Power& power, uint128 significand, int exponent) {
  if (power.is_zero || significand == 0) return;
  const int128 logarithm = int128{power.numerator} * (int128{1} << (kFractionBits - power.scale));
  const Operand value =
      power.base == ordered::PowerBase::two ? power_of_two(logarithm) : power_of_e(logarithm / 2);
  sum.add({Kind::finite, sign < 0, false, value.factor.exponent + exponent, significand},
          value.root);
}

/// The sign of both ends, or 0 when they have none in common.
int common_sign(Real& low, Real& high) {
  if (mpfr_sgn(low.get()) > 0) return 1;
  return mpfr_sgn(high.get()) < 0 ? -1 : 0;
}

/// 128 bits of an MPFR number that is not zero.
WideNumber to_wide(Real& x, bool sticky) {
  constexpr mpfr_exp_t kFar = 1 << 18;  // beyond every format either way
  WideNumber result{Kind::finite, mpfr_signbit(x.get()) != 0, sticky};
  if (mpfr_inf_p(x.get()) != 0) {
    result.exponent = kFar;
    result.significand = 1;
    return result;
  }
  const auto* limbs = static_cast<const std::uint64_t*>(mpfr_custom_get_significand(x.get()));
  result.significand = uint128{limbs[1]} << 64 | limbs[0];
  result.exponent =
      static_cast<std::int32_t>(std::clamp<mpfr_exp_t>(mpfr_get_exp(x.get()) - 128, -kFar, kFar));
  return result;
}

/// Asks binary64 first.
class RoughFirst : public ordered::ExactMagnitude {
 public:
  RoughFirst(const ExactReal& x, WideNumber bits) : x_(x), bits_(bits) { bits_.negative = false; }

  int compare_to_point(const Power& inner, const Power& outer, std::uint64_t t,
                       int k) const override {
    const std::optional<int> rough = ordered::compare_roughly(bits_, inner, outer, t, k);
    return rough ? *rough : x_.compare_to_point(inner, outer, t, k);
  }

 private:
  const ExactReal& x_;
  WideNumber bits_;
};

int leading_exponent(const Number& x) { return x.exponent + bit_width(x.significand) - 1; }

}  // namespace

bool has_irrational_values(const Format& format) {
  const auto* takum = std::get_if<TakumFormat>(&format);
  return std::holds_alternative<LogarithmicFormat>(format) ||
         (takum != nullptr && takum->logarithmic);
}

void PowerQuotient::bound(Real& low, Real& high) const {
  sum_.bound(low, high);
  if (divisor_ == 1) return;
  mpfr_div_ui(low, low, divisor_, MPFR_RNDD);
  mpfr_div_ui(high, high, divisor_, MPFR_RNDU);
}

std::int64_t PowerQuotient::last_precision() const {
  return std::numeric_limits<std::int64_t>::max();
}

int PowerQuotient::compare_to_point(const Power& inner, const Power& outer, std::uint64_t t,
                                    int k) const {
  PowerSum difference = sum_;
  const int minus = -sum_.sign();
  add_power(difference, minus, inner, uint128{divisor_} * ((std::uint64_t{1} << k) - t), -k);
  add_power(difference, minus, outer, uint128{divisor_} * t, -k);
  return -minus * difference.sign();
}

void FunctionValue::bound(Real& low, Real& high) const {
  const int above_one = std::max(0, leading_exponent(x_.number));
  const mpfr_prec_t precision = mpfr_get_prec(low.get()) + above_one + 32;
  Real x_low(precision), x_high(precision);
  PowerSum x;
  x.add(x_);
  x.bound(x_low, x_high);
  bound_function(operation_, x_low, x_high, low, high);
}

std::int64_t FunctionValue::last_precision() const {
  return kFunctionPrecision + 4 * std::abs(std::int64_t{leading_exponent(x_.number)});
}

int FunctionValue::compare_to_point(const Power& inner, const Power& outer, std::uint64_t t,
                                    int k) const {
  for (mpfr_prec_t precision = kFirstPrecision; precision <= 2 * last_precision(); precision *= 2) {
    Real low(precision), high(precision), point_low(precision), point_high(precision);
    bound(low, high);
    const int sign = common_sign(low, high);
    if (sign == 0) continue;
    mpfr_abs(low, low, MPFR_RNDN);
    mpfr_abs(high, high, MPFR_RNDN);
    if (sign < 0) mpfr_swap(low, high);
    ordered::bound_point(inner, outer, t, k, point_low, point_high);
    mpfr_mul_2si(low, low, k, MPFR_RNDN);
    mpfr_mul_2si(high, high, k, MPFR_RNDN);
    if (mpfr_cmp(low, point_high) > 0) return 1;
    if (mpfr_cmp(high, point_low) < 0) return -1;
  }
  return 0;
}

WideNumber leading_bits(const ExactReal& x) {
  Real cut_low(128), cut_high(128);
  for (mpfr_prec_t precision = kFirstPrecision;; precision *= 2) {
    Real low(precision), high(precision);
    x.bound(low, high);
    if (common_sign(low, high) != 0) {
      const bool swapped = mpfr_sgn(low.get()) < 0;
      mpfr_set(cut_low, swapped ? high : low, MPFR_RNDZ);
      mpfr_set(cut_high, swapped ? low : high, MPFR_RNDZ);
      if (mpfr_equal_p(cut_low, cut_high) != 0) return to_wide(cut_low, true);
    }
    if (precision > x.last_precision()) {
      mpfr_set(cut_low, low, MPFR_RNDN);
      return to_wide(cut_low, false);
    }
  }
}

Number round_real(const ExactReal& x, const Format& format, const RoundSpec& spec,
                  std::uint64_t random, Flags& flags) {
  check_round_spec(format, spec);
  const WideNumber cut = leading_bits(x);
  if (spec.overflow == Overflow::wrap && cut.exponent > integer_quantum(format) - 34) {
    throw std::invalid_argument("an irrational result is too large to wrap");
  }
  if (!has_irrational_values(format)) return round_to(format, spec, cut, random, flags);
  const RoughFirst exact(x, cut);
  return ordered::round_to(format, spec, cut, random, flags, &exact);
}

}  // namespace halfulp
