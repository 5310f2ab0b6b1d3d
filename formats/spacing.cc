#include "formats/spacing.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "formats/arithmetic.h"
#include "formats/codec.h"
#include "formats/enumerate.h"
#include "formats/float_layout.h"
#include "formats/ordered_format.h"
#include "formats/properties.h"
#include "formats/real.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;
__extension__ using int128 = __int128;

Number power_of_two(int exponent) { return {Kind::finite, false, false, exponent, 1}; }

Number magnitude(Number x) {
  x.negative = false;
  return x;
}

Number float_ulp(const FloatFormat& f, const Number& x) {
  const int lowest = smallest_normal_exponent(f);
  const int exponent =
      x.kind == Kind::zero ? lowest - 1 : x.exponent + bit_width(x.significand) - 1;
  if (exponent < lowest && f.subnormals == Subnormals::off) return power_of_two(lowest);
  return power_of_two(quantum_exponent(f, exponent));
}

Number gap_above(const Format& format, const Number& x) {
  Number above = next_up(format, x, Overflow::saturate);
  if (compare(above, x) != std::partial_ordering::greater || above.kind == Kind::infinity) {
    above = max_finite(format);
  }
  const Number below = next_down(format, above, Overflow::saturate);
  Flags flags;
  const WideNumber gap = add(above, negated(below), format, {}, flags);
  const int drop = std::max(0, bit_width(gap.significand) - 64);
  if (gap.sticky || (gap.significand & low_code_bits(drop)) != 0) {
    throw std::invalid_argument("the distance of these neighbours is no number of 64 bits");
  }
  return {gap.kind, false, false, gap.exponent + drop,
          static_cast<std::uint64_t>(gap.significand >> drop)};
}

/// Place of a code of a FloatFormat in the order of the values; 0 for zero.
int128 float_rank(const FloatFormat& f, const Number& x) {
  const Code code = encode(f, x) & low_code_bits(f.exponent_bits + f.trailing_bits);
  auto steps = static_cast<int128>(code);
  if (f.subnormals == Subnormals::off && code != 0) {
    steps -= static_cast<int128>(low_bits(f.trailing_bits));
  }
  if (!f.has_zero) ++steps;  // the step over zero
  const bool is_negative = x.negative && x.kind != Kind::zero;
  if (!f.has_zero && is_negative) return 1 - steps;
  return is_negative ? -steps : steps;
}

/// The code as a two's complement integer, whose order is that of the values.
int128 signed_code(const Format& format, const Number& x) {
  const Code code = encode(format, x);
  const int bits = width(format);
  const bool is_negative = (code >> (bits - 1)) != 0;
  return static_cast<int128>(code) - (is_negative ? static_cast<int128>(Code{1} << bits) : 0);
}

int128 rank(const Format& format, const Number& x) {
  if (x.kind == Kind::nan) throw std::invalid_argument("NaN has no distance from a number");
  if (const auto* f = std::get_if<FloatFormat>(&format)) return float_rank(*f, x);
  if (const auto* f = std::get_if<IntegerFormat>(&format)) {
    return f->is_signed ? signed_code(format, x) : static_cast<int128>(encode(format, x));
  }
  if (std::holds_alternative<PositFormat>(format) || std::holds_alternative<TakumFormat>(format)) {
    return signed_code(format, x);
  }
  const std::vector<double> values = finite_values(format);
  const double value = to_double(decode(format, encode(format, x)));
  return std::lower_bound(values.begin(), values.end(), value) - values.begin();
}

/// Exact; a zero is one.
void set_number(const WideNumber& x, Real& out) {
  Real low(64);
  mpfr_set_uj(out, static_cast<std::uint64_t>(x.significand >> 64), MPFR_RNDN);
  mpfr_mul_2ui(out, out, 64, MPFR_RNDN);
  mpfr_set_uj(low, static_cast<std::uint64_t>(x.significand), MPFR_RNDN);
  mpfr_add(out, out, low, MPFR_RNDN);
  mpfr_mul_2si(out, out, x.exponent, MPFR_RNDN);
  if (x.negative) mpfr_neg(out, out, MPFR_RNDN);
}

}  // namespace

std::optional<GapPosition> position_in_gap(const WideNumber& x, const Number& below,
                                           const Number& above) {
  constexpr mpfr_prec_t kPrecision = 512;
  Real distance(kPrecision), low(kPrecision), gap(kPrecision), share(kPrecision);
  set_number(x, distance);
  set_number(widen(below), low);
  set_number(widen(above), gap);
  const bool is_irrational = below.sticky || above.sticky;
  const auto leading = std::max(mpfr_zero_p(low.get()) != 0 ? mpfr_get_emin() : mpfr_get_exp(low),
                                mpfr_zero_p(gap.get()) != 0 ? mpfr_get_emin() : mpfr_get_exp(gap));
  mpfr_sub(gap, gap, low, MPFR_RNDN);
  mpfr_sub(distance, distance, low, MPFR_RNDN);
  if (mpfr_sgn(gap.get()) <= 0) return std::nullopt;
  mpfr_div(share, distance, gap, MPFR_RNDN);
  GapPosition position{mpfr_get_d(share, MPFR_RNDN), mpfr_get_d(gap, MPFR_RNDN)};
  mpfr_mul_2ui(distance, distance, 1, MPFR_RNDN);
  position.side = mpfr_cmp(distance, gap);
  if (position.side == 0 && x.sticky) position.side = x.negative ? -1 : 1;
  // Cut ends make the share wrong in the last of its digits: six are wanted.
  if (is_irrational) {
    const double error = std::ldexp(1.0, static_cast<int>(leading - mpfr_get_exp(gap)) - 62);
    const double least = std::min(position.share, 1 - position.share);
    if (least < 0x1p20 * error) return std::nullopt;
    if (std::abs(position.share - 0.5) < error) position.side = 0;
  }
  return position;
}

Number ulp(const Format& format, const Number& x) {
  if (x.kind == Kind::nan || x.kind == Kind::infinity) {
    throw std::invalid_argument("ulp is of finite numbers");
  }
  if (const auto* f = std::get_if<FloatFormat>(&format)) return float_ulp(*f, x);
  if (const auto* f = std::get_if<IntegerFormat>(&format)) return power_of_two(-f->fraction_bits);
  return gap_above(format, magnitude(x));
}

Code ulp_distance(const Format& format, const Number& x, const Number& y) {
  const int128 difference = rank(format, x) - rank(format, y);
  return static_cast<Code>(difference < 0 ? -difference : difference);
}

Code values_in_binade(const Format& format, int exponent) {
  Flags flags;
  const RoundSpec up{Rounding::toward_positive};
  const Number top = power_of_two(exponent + 1);
  const Number first = round_to(format, up, power_of_two(exponent), 0, flags);
  if (compare(first, power_of_two(exponent)) == std::partial_ordering::less ||
      compare(first, top) != std::partial_ordering::less) {
    return 0;
  }
  Number last = max_finite(format);
  if (compare(last, top) != std::partial_ordering::less) {
    last = next_down(format, top, Overflow::saturate);
  }
  return ulp_distance(format, first, last) + 1;
}

}  // namespace halfulp
