#include "tests/oracle/mpfr_round.h"

#include <mpfr.h>

#include <stdexcept>
#include <string>
#include <utility>

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

/// The variables of one computation.
class Reals {
 public:
  Reals(std::span<const Number> numbers, int result_bits) {
    mpfr_init2(result_, result_bits);
    for (std::size_t i = 0; i < 3; ++i) {
      mpfr_init2(operands_[i], 64);
      mpfr_set_zero(operands_[i], 1);
      if (i >= numbers.size()) continue;
      const Number& x = numbers[i];
      if (x.kind == Number::Kind::finite) {
        mpfr_set_ui_2exp(operands_[i], x.significand, x.exponent, MPFR_RNDN);
      }
      mpfr_setsign(operands_[i], operands_[i], x.negative ? 1 : 0, MPFR_RNDN);
    }
  }

  ~Reals() {
    mpfr_clear(result_);
    for (auto& operand : operands_) mpfr_clear(operand);
  }

  Reals(const Reals&) = delete;
  Reals& operator=(const Reals&) = delete;

  mpfr_ptr result() { return result_; }

  mpfr_ptr operand(std::size_t i) { return operands_[i]; }

 private:
  mpfr_t result_, operands_[3];
};

/// Makes `x` its sigmoid, cut to 2000 bits. Never exact but at 0, so the last bit stands for the
/// rest.
void make_sigmoid(mpfr_ptr x) {
  if (mpfr_zero_p(x)) {
    mpfr_set_d(x, 0.5, MPFR_RNDN);
    return;
  }
  mpfr_prec_round(x, 2000, MPFR_RNDN);
  mpfr_neg(x, x, MPFR_RNDN);
  mpfr_exp(x, x, MPFR_RNDU);
  mpfr_add_ui(x, x, 1, MPFR_RNDU);
  mpfr_ui_div(x, 1, x, MPFR_RNDZ);
  if (mpfr_min_prec(x) < 1000) mpfr_nextabove(x);  // a tie or a number of the format, and a little
}

using UnaryFunction = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

int apply(std::string_view name, Reals& r, mpfr_rnd_t mode) {
  mpfr_ptr x = r.operand(0), y = r.operand(1), z = r.operand(2);
  if (name == "add") return mpfr_add(r.result(), x, y, mode);
  if (name == "sub") return mpfr_sub(r.result(), x, y, mode);
  if (name == "mul") return mpfr_mul(r.result(), x, y, mode);
  if (name == "div") return mpfr_div(r.result(), x, y, mode);
  if (name == "fma") return mpfr_fma(r.result(), x, y, z, mode);
  if (name == "rem") return mpfr_remainder(r.result(), x, y, mode);
  if (name == "recip") return mpfr_ui_div(r.result(), 1, x, mode);
  if (name == "sigmoid") return mpfr_set(r.result(), x, mode);
  if (name == "faa") {
    mpfr_ptr terms[] = {x, y, z};
    return mpfr_sum(r.result(), terms, 3, mode);
  }
  constexpr std::pair<std::string_view, UnaryFunction> kFunctions[] = {
      {"sqrt", mpfr_sqrt}, {"rsqrt", mpfr_rec_sqrt}, {"exp", mpfr_exp}, {"exp2", mpfr_exp2},
      {"log", mpfr_log},   {"log2", mpfr_log2},      {"sin", mpfr_sin}, {"cos", mpfr_cos},
      {"tanh", mpfr_tanh}, {"erf", mpfr_erf}};
  for (const auto& [known, function] : kFunctions) {
    if (known == name) return function(r.result(), x, mode);
  }
  throw std::logic_error("no MPFR function " + std::string(name));
}

}  // namespace

MpfrRounded compute_by_mpfr(const FloatFormat& format, Rounding rounding, std::string_view name,
                            std::span<const Number> operands) {
  const mpfr_rnd_t mode = mpfr_mode(rounding);
  const int emin = 1 - format.bias;
  const int emax = (1 << format.exponent_bits) - 2 - format.bias;
  Reals reals(operands, format.trailing_bits + 1);
  if (name == "sigmoid") make_sigmoid(reals.operand(0));
  int ternary = 0;
  {
    const ScopedExponentRange range(emin - format.trailing_bits + 1, emax + 1);
    ternary = apply(name, reals, mode);
    ternary = mpfr_check_range(reals.result(), ternary, mode);
    ternary = mpfr_subnormalize(reals.result(), ternary, mode);
  }
  if (mpfr_nan_p(reals.result())) return {{Number::Kind::nan}, false};
  return {to_number(reals.result()), ternary != 0};
}

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
