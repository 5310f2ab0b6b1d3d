// round_to for the families of ordered_format.h: the place of the number among the values, and one
// decision.
#include <string>

#include "formats/families/codebook.h"
#include "formats/families/symmetric.h"
#include "formats/float_layout.h"
#include "formats/ordered_format.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp::ordered {

namespace {

using Kind = Number::Kind;

bool is_irrational(const TakumFormat& f) { return f.logarithmic; }

bool is_irrational(const LogarithmicFormat&) { return true; }

/// Whether x lies at or outside the point inner + (outer - inner) t / 2^k.
template <class Family>
bool reaches(const Family& f, const Place& p, WideNumber x, std::uint64_t t, int k) {
  x.negative = false;
  if constexpr (requires { power_at(f, p.inner); }) {
    if (is_irrational(f)) {
      return compare_to_point(x, power_at(f, p.inner), power_at(f, p.outer), t, k) >= 0;
    }
  }
  return compare_to_point(x, value_at(f, p.inner), value_at(f, p.outer), t, k) >= 0;
}

bool reaches(const CodebookFormat& f, const Place& p, const WideNumber& x, std::uint64_t t, int k) {
  const int order = compare_to_point(x, value_at(f, p.inner), value_at(f, p.outer), t, k);
  return x.negative ? order <= 0 : order >= 0;
}

/// nu is where x lies between the values at `inner` (0) and `outer` (1). floor(nu 2^N) + R >= 2^N
/// is nu >= (2^N - R) / 2^N, and the unbiased variant likewise with one bit more.
template <class Family>
bool goes_out_by_chance(const Family& f, const RoundSpec& spec, const Place& place,
                        const WideNumber& x, std::uint64_t random) {
  const int n = spec.random_bits;
  const std::uint64_t r = random & low_bits(n);
  if (spec.variant == StochasticVariant::unbiased) {
    return reaches(f, place, x, (std::uint64_t{2} << n) - 2 * r - 1, n + 1);
  }
  return r != 0 && reaches(f, place, x, (std::uint64_t{1} << n) - r, n);
}

/// Whether an inexact x goes to the outer neighbour.
template <class Family>
bool goes_out(const Family& f, const RoundSpec& spec, const Place& place, const WideNumber& x,
              std::uint64_t random) {
  switch (spec.rounding) {
    case Rounding::nearest_even:
      return place.side > 0 || (place.side == 0 && !place.inner_is_even);
    case Rounding::nearest_away:
      return place.side >= 0;
    case Rounding::toward_zero:
      return place.spans_zero;
    case Rounding::toward_positive:
      return !x.negative;
    case Rounding::toward_negative:
      return x.negative;
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

/// A finite number, or a zero in a codebook.
template <class Family>
Number round_finite(const Format& format, const Family& f, const Place& place,
                    const RoundSpec& spec, const WideNumber& x, std::uint64_t random,
                    Flags& flags) {
  if (place.beyond) return out_of_range(format, spec, x.negative, flags);
  std::int64_t position = place.inner;
  if (!place.exact) {
    flags.inexact = true;
    flags.underflow = flags.underflow || place.tiny;
    if (goes_out(f, spec, place, x, random)) position = place.outer;
  }
  Number result = value_at(f, position);
  result.negative = is_negative(f, result, x);
  return result;
}

}  // namespace

Number round_to(const Format& format, const RoundSpec& spec, const WideNumber& x,
                std::uint64_t random, Flags& flags) {
  if (x.kind == Kind::nan) return round_nan(format, flags);
  if (x.kind == Kind::infinity) return round_infinity(format, spec, x.negative, flags);
  if (const auto* f = std::get_if<CodebookFormat>(&format)) {
    const Place where = place(*f, x);
    // Beyond the end of a list, the sign of x tells nothing.
    if (where.beyond) return out_of_range(format, spec, where.inner == 0, flags);
    return round_finite(format, *f, where, spec, x, random, flags);
  }
  if (x.kind == Kind::zero) return {};
  return visit_symmetric(format, [&](const auto& f) {
    return round_finite(format, f, settled_place(f, x), spec, x, random, flags);
  });
}

}  // namespace halfulp::ordered
