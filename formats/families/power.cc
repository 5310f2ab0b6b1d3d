#include "formats/families/power.h"

#include <array>
#include <bit>
#include <cmath>
#include <optional>

#include "formats/families/place.h"
#include "formats/real.h"

namespace halfulp::ordered {

namespace {

// Binary64 decides first, where it is clear: the functions of the C library are wrong by a few
// 2^-53 of their result, and this is what they are trusted for. The result never depends on them.
constexpr double kTrust = 0x1p-32;

constexpr mpfr_prec_t kFirstPrecision = 160;
/// A sticky number has at most 128 bits: what this does not tell apart, its bits do not decide.
constexpr mpfr_prec_t kLastPrecisionForSticky = 1024;

/// Exact: the precision of `out` must reach.
void set_integer(Real& out, uint128 x) {
  mpfr_set_uj(out, static_cast<std::uint64_t>(x >> 64), MPFR_RNDN);
  mpfr_mul_2si(out, out, 64, MPFR_RNDN);
  Real low(64);
  mpfr_set_uj(low, static_cast<std::uint64_t>(x), MPFR_RNDN);
  mpfr_add(out, out, low, MPFR_RNDN);
}

/// The lower end of where x lies, and the upper end when it is sticky (else the same).
void set_ends(const WideNumber& x, Real& low, Real& high) {
  set_integer(low, x.significand);
  mpfr_mul_2si(low, low, x.exponent, MPFR_RNDN);
  mpfr_set(high, low, MPFR_RNDN);
  if (!x.sticky) return;
  Real unit(2);
  mpfr_set_ui_2exp(unit, 1, x.exponent, MPFR_RNDN);
  mpfr_add(high, high, unit, MPFR_RNDN);
}

/// The power, rounded as told to the precision of `out`. Returns MPFR's ternary value.
int evaluate(const Power& power, mpfr_rnd_t rounding, Real& out) {
  if (power.is_zero) return mpfr_set_zero(out, 1), 0;
  Real exponent(64);
  mpfr_set_sj_2exp(exponent, power.numerator, -power.scale, MPFR_RNDN);
  if (power.base == PowerBase::two) return mpfr_exp2(out, exponent, rounding);
  mpfr_div_2ui(exponent, exponent, 1, MPFR_RNDN);
  return mpfr_exp(out, exponent, rounding);
}

bool is_rational(const Power& power) {
  if (power.is_zero || power.numerator == 0) return true;
  const auto mask = (std::int64_t{1} << power.scale) - 1;
  return power.base == PowerBase::two && (power.numerator & mask) == 0;
}

/// inner (2^k - t) + outer t, rounded in one direction at every step.
void evaluate_point(const Power& inner, const Power& outer, std::uint64_t t, int k,
                    mpfr_rnd_t rounding, Real& out) {
  Real part(mpfr_get_prec(out));
  evaluate(inner, rounding, out);
  mpfr_mul_ui(out, out, (std::uint64_t{1} << k) - t, rounding);
  evaluate(outer, rounding, part);
  mpfr_mul_ui(part, part, t, rounding);
  mpfr_add(out, out, part, rounding);
}

mpfr_prec_t next_precision(const WideNumber& x, mpfr_prec_t precision) {
  if (x.sticky && precision >= kLastPrecisionForSticky) refuse_short();
  return 2 * precision;
}

double approximate_value(const Power& power) {
  if (power.is_zero) return 0;
  const double exponent = std::ldexp(static_cast<double>(power.numerator), -power.scale);
  return power.base == PowerBase::two ? std::exp2(exponent) : std::exp(exponent / 2);
}

/// Sticky, and not known to the precision that binary64 is trusted for.
bool is_short(const WideNumber& x) { return x.sticky && bit_width(x.significand) < 48; }

/// 64 significant bits, sticky unless they are all.
Number compute_cut(const Power& power, mpfr_rnd_t rounding) {
  Real value(64);
  const int ternary = evaluate(power, rounding, value);
  const auto exponent = static_cast<std::int32_t>(mpfr_get_exp(value)) - 64;
  mpfr_mul_2si(value, value, -exponent, MPFR_RNDN);
  return {Number::Kind::finite, false, ternary != 0, exponent, mpfr_get_uj(value, MPFR_RNDZ)};
}

}  // namespace

Number cut_value(const Power& power) {
  if (power.is_zero) return {};

  // Casting and tables ask for the same values again and again.
  struct Remembered {
    Power power;
    Number value;
  };

  thread_local std::array<Remembered, 4096> memory;
  const auto key = static_cast<std::uint64_t>(power.numerator) * 0x9E3779B97F4A7C15;
  Remembered& entry = memory[static_cast<std::size_t>(key >> 52)];
  const bool known = entry.value.kind == Number::Kind::finite && entry.power.base == power.base &&
                     entry.power.numerator == power.numerator && entry.power.scale == power.scale;
  if (!known) entry = {power, compute_cut(power, MPFR_RNDZ)};
  return entry.value;
}

Number nearest_64_bits(const Number& cut) {
  // A format of 64 bits has 62 for the magnitude of the logarithm, so where 10 or more of them
  // stand before the point, logarithms lie 2^-52 or more apart; that of the cut is off by 2^-63.
  const int exponent = cut.exponent + 63 - std::countl_zero(cut.significand);
  const int scale = 62 - bit_width(static_cast<unsigned>(exponent < 0 ? ~exponent : exponent));
  Real scaled(128);
  mpfr_set_uj(scaled, cut.significand, MPFR_RNDN);
  mpfr_log2(scaled, scaled, MPFR_RNDN);
  mpfr_add_si(scaled, scaled, cut.exponent, MPFR_RNDN);
  mpfr_mul_2si(scaled, scaled, scale, MPFR_RNDN);
  mpfr_rint_round(scaled, scaled, MPFR_RNDN);
  Number result = cut;
  result.sticky = false;
  const Power power{PowerBase::two, mpfr_get_sj(scaled, MPFR_RNDN), scale};
  Number magnitude = cut;
  magnitude.negative = false;
  if (!same_number(widen(compute_cut(power, MPFR_RNDZ)), widen(magnitude))) return result;
  result = compute_cut(power, MPFR_RNDN);
  result.negative = cut.negative;
  result.sticky = false;
  return result;
}

double difference(const Power& larger, const Power& smaller) {
  Real upper(320);
  Real lower(320);
  evaluate(larger, MPFR_RNDN, upper);
  evaluate(smaller, MPFR_RNDN, lower);
  mpfr_sub(upper, upper, lower, MPFR_RNDN);
  return mpfr_get_d(upper, MPFR_RNDN);
}

std::optional<int> compare_roughly(const WideNumber& x, const Power& inner, const Power& outer,
                                   std::uint64_t t, int k) {
  const int top = x.exponent + bit_width(x.significand);
  if (top < -900 || top > 900 || is_short(x)) return std::nullopt;
  const double value = std::ldexp(static_cast<double>(x.significand), x.exponent);
  const double share = std::ldexp(static_cast<double>(t), -k);
  const double point = approximate_value(inner) * (1 - share) + approximate_value(outer) * share;
  if (std::abs(value - point) <= kTrust * (value + point) || !std::isfinite(point)) {
    return std::nullopt;
  }
  return value > point ? 1 : -1;
}

void bound_point(const Power& inner, const Power& outer, std::uint64_t t, int k, Real& low,
                 Real& high) {
  evaluate_point(inner, outer, t, k, MPFR_RNDD, low);
  evaluate_point(inner, outer, t, k, MPFR_RNDU, high);
}

int compare_to_point(const WideNumber& x, const Power& inner, const Power& outer, std::uint64_t t,
                     int k) {
  if (is_rational(inner) && is_rational(outer)) {
    return compare_to_point(x, cut_value(inner), cut_value(outer), t, k);
  }
  if (const std::optional<int> rough = compare_roughly(x, inner, outer, t, k)) return *rough;
  Real low(130);
  Real high(130);
  set_ends(x, low, high);
  mpfr_mul_2si(low, low, k, MPFR_RNDN);
  mpfr_mul_2si(high, high, k, MPFR_RNDN);
  for (mpfr_prec_t precision = kFirstPrecision;; precision = next_precision(x, precision)) {
    Real bound(precision);
    evaluate_point(inner, outer, t, k, MPFR_RNDU, bound);
    if (mpfr_cmp(low, bound) >= 0) return 1;
    evaluate_point(inner, outer, t, k, MPFR_RNDD, bound);
    if (mpfr_cmp(high, bound) <= 0) return -1;
  }
}

namespace {

/// log_base(x) 2^scale, rounded as told.
void scaled_log(PowerBase base, Real& x, int scale, mpfr_rnd_t rounding, Real& log) {
  if (base == PowerBase::two) {
    mpfr_log2(log, x, rounding);
  } else {
    mpfr_log(log, x, rounding);
    mpfr_mul_2ui(log, log, 1, MPFR_RNDN);
  }
  mpfr_mul_2si(log, log, scale, MPFR_RNDN);
}

/// A whole number of up to 124 bits.
int128 to_int128(Real& x) {
  constexpr int kHalf = 62;
  Real upper(mpfr_get_prec(x));
  mpfr_div_2si(upper, x, kHalf, MPFR_RNDN);
  mpfr_rint_floor(upper, upper, MPFR_RNDN);
  const int128 high = mpfr_get_sj(upper, MPFR_RNDN);
  mpfr_mul_2si(upper, upper, kHalf, MPFR_RNDN);
  mpfr_sub(upper, x, upper, MPFR_RNDN);
  return high * (int128{1} << kHalf) + mpfr_get_sj(upper, MPFR_RNDN);
}

}  // namespace

double approximate_log(PowerBase base, const WideNumber& x) {
  int exponent = x.exponent + bit_width(x.significand);
  double fraction = std::ldexp(static_cast<double>(x.significand), -bit_width(x.significand));
  if (fraction < 0.75) {  // near 1, so that the sum below does not cancel
    fraction *= 2;
    --exponent;
  }
  if (base == PowerBase::two) return std::log2(fraction) + exponent;
  return 2 * (std::log(fraction) + exponent * 0.69314718055994530942);
}

int128 floor_log(PowerBase base, const WideNumber& x, int scale) {
  if (scale <= 24 && !is_short(x)) {
    const double log = approximate_log(base, x);
    const double scaled = std::ldexp(log, scale);
    const double below = std::floor(scaled);
    const double margin = std::ldexp(kTrust * (1 + std::abs(log)), scale);
    if (scaled - below > margin && below + 1 - scaled > margin) return static_cast<int128>(below);
  }
  Real low(130);
  Real high(130);
  set_ends(x, low, high);
  for (mpfr_prec_t precision = kFirstPrecision;; precision = next_precision(x, precision)) {
    Real log(precision);
    scaled_log(base, low, scale, MPFR_RNDD, log);
    mpfr_rint_floor(log, log, MPFR_RNDN);
    const int128 lower = to_int128(log);
    scaled_log(base, high, scale, MPFR_RNDU, log);
    mpfr_rint_ceil(log, log, MPFR_RNDN);  // the upper end of a sticky number is not reached
    if (to_int128(log) - 1 == lower) return lower;
  }
}

}  // namespace halfulp::ordered
