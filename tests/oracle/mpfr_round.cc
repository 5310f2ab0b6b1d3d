#include "tests/oracle/mpfr_round.h"

#include <mpfr.h>

#include <stdexcept>

namespace halfulp::oracle {

namespace {

mpfr_rnd_t mpfr_mode(Rounding rounding) {
  switch (rounding) {
    case Rounding::nearest_even:
      return MPFR_RNDN;
    case Rounding::toward_zero:
      return MPFR_RNDZ;
    case Rounding::toward_positive:
      return MPFR_RNDU;
    case Rounding::toward_negative:
      return MPFR_RNDD;
    case Rounding::nearest_away:
    case Rounding::to_odd:
    case Rounding::stochastic:
      break;
  }
  throw std::logic_error("mode without an MPFR counterpart");
}

/// The exponent range is state of the thread: restored at the end of the scope.
class ScopedExponentRange {
 public:
  ScopedExponentRange(mpfr_exp_t lowest, mpfr_exp_t highest)
      : lowest_(mpfr_get_emin()), highest_(mpfr_get_emax()) {
    mpfr_set_emin(lowest);
    mpfr_set_emax(highest);
  }

  ~ScopedExponentRange() {
    mpfr_set_emin(lowest_);
    mpfr_set_emax(highest_);
  }

  ScopedExponentRange(const ScopedExponentRange&) = delete;
  ScopedExponentRange& operator=(const ScopedExponentRange&) = delete;

 private:
  mpfr_exp_t lowest_, highest_;
};

Number to_number(mpfr_srcptr x) {
  const bool negative = mpfr_signbit(x) != 0;
  if (mpfr_zero_p(x)) return {Number::Kind::zero, negative};
  if (mpfr_inf_p(x)) return {Number::Kind::infinity, negative};
  // Scale the significand to a whole number of 64 bits, which every precision here fits.
  mpfr_t whole;
  mpfr_init2(whole, 64);
  const mpfr_exp_t exponent = mpfr_get_exp(x);
  mpfr_abs(whole, x, MPFR_RNDN);
  mpfr_mul_2si(whole, whole, 64 - exponent, MPFR_RNDN);
  const auto significand = static_cast<std::uint64_t>(mpfr_get_ui(whole, MPFR_RNDZ));
  mpfr_clear(whole);
  return {Number::Kind::finite, negative, false, static_cast<std::int32_t>(exponent - 64),
          significand};
}

}  // namespace

MpfrRounded round_by_mpfr(const FloatFormat& format, Rounding rounding, const WideNumber& x) {
  const mpfr_rnd_t mode = mpfr_mode(rounding);
  const int emin = 1 - format.bias;
  const int emax = (1 << format.exponent_bits) - 2 - format.bias;
  mpfr_t exact, rounded;
  mpfr_init2(exact, 128);
  mpfr_init2(rounded, format.trailing_bits + 1);
  mpfr_set_ui_2exp(exact, static_cast<std::uint64_t>(x.significand >> 64), 64, MPFR_RNDN);
  mpfr_add_ui(exact, exact, static_cast<std::uint64_t>(x.significand), MPFR_RNDN);
  mpfr_mul_2si(exact, exact, x.exponent, MPFR_RNDN);
  if (x.negative) mpfr_neg(exact, exact, MPFR_RNDN);
  int ternary = 0;
  {
    // MPFR's significands are in [1/2, 1): one more than the format's exponents.
    const ScopedExponentRange range(emin - format.trailing_bits + 1, emax + 1);
    ternary = mpfr_set(rounded, exact, mode);
    ternary = mpfr_check_range(rounded, ternary, mode);
    ternary = mpfr_subnormalize(rounded, ternary, mode);
  }
  const MpfrRounded result{to_number(rounded), ternary != 0};
  mpfr_clears(exact, rounded, static_cast<mpfr_ptr>(nullptr));
  return result;
}

double read_decimal_by_mpfr(const char* text, Rounding rounding) {
  mpfr_t x;
  mpfr_init2(x, 53);
  double result = 0;
  {
    const ScopedExponentRange range(-1073, 1024);
    const mpfr_rnd_t mode = mpfr_mode(rounding);
    const int ternary = mpfr_strtofr(x, text, nullptr, 10, mode);
    mpfr_subnormalize(x, ternary, mode);
    result = mpfr_get_d(x, mode);
  }
  mpfr_clear(x);
  return result;
}

}  // namespace halfulp::oracle
