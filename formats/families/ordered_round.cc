// round_to for the families of ordered_format.h: the place of the number among the values, and one
// decision.
#include <string>
#include <utility>

#include "formats/families/codebook.h"
#include "formats/families/symmetric.h"
#include "formats/float_layout.h"
#include "formats/ordered_format.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp::ordered {

namespace {

using Kind = Number::Kind;

/// A number: its leading bits and, where these are not all, more than them.
struct Measured {
  const WideNumber& bits;
  const ExactMagnitude* exact = nullptr;
};

/// Where x lies against the point inner + (outer - inner) t / 2^k: < 0 on the inner side.
template <class Family>
int side_of(const Family& f, const Place& p, const Measured& operand, std::uint64_t t, int k) {
  WideNumber x = operand.bits;
  x.negative = false;
  if constexpr (requires { power_at(f, p.inner); }) {
    if (is_irrational(f)) {
      if (operand.exact != nullptr) {
        return operand.exact->compare_to_point(power_at(f, p.inner), power_at(f, p.outer), t, k);
      }
      return compare_to_point(x, power_at(f, p.inner), power_at(f, p.outer), t, k);
    }
  }
  return compare_to_point(x, value_at(f, p.inner), value_at(f, p.outer), t, k);
}

int side_of(const CodebookFormat& f, const Place& p, const Measured& operand, std::uint64_t t,
            int k) {
  const WideNumber& x = operand.bits;
  const int order = compare_to_point(x, value_at(f, p.inner), value_at(f, p.outer), t, k);
  return x.negative ? -order : order;
}

/// nu is where x lies between the values at `inner` (0) and `outer` (1). Out when, with m = 2^N -
/// R: truncate, floor(nu 2^N) >= m, which is nu >= m / 2^N; unbiased, floor(nu 2^(N+1)) >= 2 m - 1;
/// rounded, nearest_even(nu 2^N) >= m, which differs from that in the tie alone.
template <class Family>
bool goes_out_by_chance(const Family& f, const RoundSpec& spec, const Place& place,
                        const Measured& x, std::uint64_t random) {
  const int n = spec.random_bits;
  const std::uint64_t m = (std::uint64_t{1} << n) - (random & low_bits(n));
  const bool whole_gap = m == std::uint64_t{1} << n;  // nu is below 1
  if (spec.variant == StochasticVariant::truncate) {
    return !whole_gap && side_of(f, place, x, m, n) >= 0;
  }
  const int side = side_of(f, place, x, 2 * m - 1, n + 1);
  const bool tie_goes_out = spec.variant == StochasticVariant::unbiased || m % 2 == 0;
  return side > 0 || (side == 0 && tie_goes_out);
}

/// Whether an inexact x goes to the outer neighbour.
template <class Family>
bool goes_out(const Family& f, const RoundSpec& spec, const Place& place, const Measured& x,
              std::uint64_t random) {
  switch (spec.rounding) {
    case Rounding::nearest_even:
      return place.side > 0 || (place.side == 0 && !place.inner_is_even);
    case Rounding::nearest_away:
      return place.side >= 0;
    case Rounding::toward_zero:
      return place.spans_zero;
    case Rounding::toward_positive:
      return !x.bits.negative;
    case Rounding::toward_negative:
      return x.bits.negative;
    case Rounding::to_odd:
      return place.inner_is_even;
    case Rounding::stochastic:
      break;
  }
  return goes_out_by_chance(f, spec, place, x, random);
}

Number out_of_range(const Format& format, const RoundSpec& spec, bool negative, Flags& flags) {
  if (spec.overflow == Overflow::error) {
    throw OverflowError(std::string("number is ") + (negative ? "below" : "above") +
                        " the range of " + halfulp::to_spec(format));
  }
  flags.overflow = true;
  flags.inexact = true;
  if (spec.overflow == Overflow::nan) return {Kind::nan};
  return negative ? lowest_finite(format) : max_finite(format);
}

Number round_infinity(const Format& format, const RoundSpec& spec, bool negative, Flags& flags) {
  const bool has_nar =
      std::holds_alternative<PositFormat>(format) || std::holds_alternative<TakumFormat>(format);
  if (!has_nar || spec.overflow == Overflow::error) {
    return out_of_range(format, spec, negative, flags);
  }
  flags.invalid = true;
  return {Kind::nan};
}

Number round_nan(const Format& format, Flags& flags) {
  if (has_nan(format)) return {Kind::nan};
  flags.invalid = true;
  return max_finite(format);
}

bool is_negative(const CodebookFormat& f, const Number& value, const WideNumber& x) {
  return value.kind == Kind::zero ? x.negative && has_negative_zero(f) : value.negative;
}

template <class Family>
bool is_negative(const Family&, const Number& value, const WideNumber& x) {
  return value.kind != Kind::zero && x.negative;
}

template <class Family>
Place place_of(const Family& f, const WideNumber& x, const ExactMagnitude* exact) {
  if constexpr (requires { settle_gap(f, *exact, std::declval<Place&>()); }) {
    if (exact != nullptr && is_irrational(f)) return exact_place(f, x, *exact);
  }
  return settled_place(f, x);
}

/// A finite number, or a zero in a codebook.
template <class Family>
Number round_finite(const Format& format, const Family& f, const Place& place,
                    const RoundSpec& spec, const Measured& x, std::uint64_t random, Flags& flags) {
  if (place.beyond) return out_of_range(format, spec, x.bits.negative, flags);
  std::int64_t position = place.inner;
  if (!place.exact) {
    flags.inexact = true;
    flags.underflow = flags.underflow || place.tiny;
    if (goes_out(f, spec, place, x, random)) position = place.outer;
  }
  Number result = value_at(f, position);
  result.negative = is_negative(f, result, x.bits);
  return result;
}

}  // namespace

Number round_to(const Format& format, const RoundSpec& spec, const WideNumber& x,
                std::uint64_t random, Flags& flags, const ExactMagnitude* exact) {
  if (x.kind == Kind::nan) return round_nan(format, flags);
  if (x.kind == Kind::infinity) return round_infinity(format, spec, x.negative, flags);
  if (const auto* f = std::get_if<CodebookFormat>(&format)) {
    const Place where = place(*f, x);
    // Beyond the end of a list, the sign of x tells nothing.
    if (where.beyond) return out_of_range(format, spec, where.inner == 0, flags);
    return round_finite(format, *f, where, spec, {x}, random, flags);
  }
  if (x.kind == Kind::zero) return {};
  return visit_symmetric(format, [&](const auto& f) {
    return round_finite(format, f, place_of(f, x, exact), spec, {x, exact}, random, flags);
  });
}

}  // namespace halfulp::ordered
