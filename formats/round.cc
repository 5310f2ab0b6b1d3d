#include "formats/round.h"

#include <string>

#include "formats/codec.h"
#include "formats/float_layout.h"
#include "formats/ordered_format.h"
#include "formats/overflow.h"
#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

/// x / 2^quantum as a whole number and the discarded fraction nu in [0, 1).
struct Quotient {
  uint128 whole = 0;
  uint128 remainder = 0;  ///< of `dropped` bits: nu = remainder / 2^dropped, plus less when sticky
  std::int64_t dropped = 0;
  bool sticky = false;

  bool is_exact() const { return remainder == 0 && !sticky; }

  /// floor(nu 2^bits), for bits up to 33.
  std::uint64_t fraction(int bits) const {
    if (sticky && dropped < bits) {
      throw std::invalid_argument("a sticky significand is too short to decide this rounding");
    }
    const std::int64_t shift = dropped - bits;
    if (shift >= 128) return 0;
    return static_cast<std::uint64_t>(shift >= 0 ? remainder >> shift : remainder << -shift);
  }

  /// Whether nu has no digit beyond the first `bits`.
  bool ends_after(int bits) const {
    if (sticky) return false;
    const std::int64_t rest = dropped - bits;
    if (rest <= 0) return true;
    return rest >= 128 ? remainder == 0 : remainder << (128 - rest) == 0;
  }

  bool is_tie() const { return fraction(1) == 1 && ends_after(1); }
};

Quotient divide_by_quantum(const WideNumber& x, std::int64_t quantum) {
  const std::int64_t drop = quantum - x.exponent;
  if (drop < 0 && x.sticky) {
    throw std::invalid_argument("a sticky significand is too short to decide this rounding");
  }
  if (drop <= 0) return {x.significand << -drop, 0, 0, x.sticky};
  if (drop >= 128) return {0, x.significand, drop, x.sticky};
  const uint128 mask = (uint128{1} << drop) - 1;
  return {x.significand >> drop, x.significand & mask, drop, x.sticky};
}

bool goes_up_at_random(const RoundSpec& spec, const Quotient& q, std::uint64_t r) {
  const int n = spec.random_bits;
  switch (spec.variant) {
    case StochasticVariant::truncate:
      return q.fraction(n) + r >= std::uint64_t{1} << n;
    case StochasticVariant::unbiased:
      return q.fraction(n + 1) + 2 * r + 1 >= std::uint64_t{1} << (n + 1);
    case StochasticVariant::rounded:
      break;
  }
  const std::uint64_t twice = q.fraction(n + 1);
  const bool up = twice % 2 == 1 && (!q.ends_after(n + 1) || twice / 2 % 2 == 1);
  return twice / 2 + (up ? 1 : 0) + r >= std::uint64_t{1} << n;
}

/// Whether the magnitude goes to the upper neighbour. `even` tells the parity of the lower one's
/// code.
bool rounds_up(const RoundSpec& spec, const Quotient& q, bool negative, bool even,
               std::uint64_t random) {
  if (q.is_exact()) return false;
  switch (spec.rounding) {
    case Rounding::nearest_even:
      return q.fraction(1) == 1 && !(q.is_tie() && even);
    case Rounding::nearest_away:
      return q.fraction(1) == 1;
    case Rounding::toward_zero:
      return false;
    case Rounding::toward_positive:
      return !negative;
    case Rounding::toward_negative:
      return negative;
    case Rounding::to_odd:
      return even;
    case Rounding::stochastic:
      break;
  }
  return goes_up_at_random(spec, q, random & low_bits(spec.random_bits));
}

Number round_nan(const Format& format, Flags& flags) {
  if (has_nan(format)) return {Kind::nan};
  flags.invalid = true;
  return std::holds_alternative<FloatFormat>(format) ? max_finite(format) : Number{};
}

Number zero_of(const Format& format, bool negative) {
  return {Kind::zero, negative && has_negative_zero(format)};
}

/// Below the smallest number of a format that has no zero.
Number round_up_to_smallest(const FloatFormat& f, bool negative, Flags& flags) {
  flags.inexact = true;
  flags.underflow = true;
  Number smallest = min_positive(f);
  smallest.negative = negative && f.is_signed;
  return smallest;
}

/// Parity of the code of whole * 2^quantum. Where no trailing bit is left, the exponent field
/// decides (IEEE P3109 v4.0 4.7.4, CodeIsEven).
bool code_is_even(const FloatFormat& f, std::uint64_t whole, int quantum) {
  if (f.trailing_bits > 0 || whole == 0) return whole % 2 == 0;
  return (quantum + f.bias) % 2 == 0;
}

/// For a number in the top binade.
bool exceeds_max_significand(const FloatFormat& f, uint128 whole, int quantum) {
  const int shift = quantum - max_quantum_exponent(f);
  // A finer quantum in the same binade is left only by a carry, which made `whole` a power of two.
  return (shift >= 0 ? whole << shift : whole >> -shift) > uint128{max_significand(f)};
}

Number round_float(const FloatFormat& f, const RoundSpec& spec, const WideNumber& x,
                   std::uint64_t random, Flags& flags) {
  const std::int64_t exponent = std::int64_t{x.exponent} + bit_width(x.significand) - 1;
  const int lowest = smallest_normal_exponent(f);
  const bool tiny = exponent < lowest && !is_fixed_grid(f);
  if (!f.has_zero && (tiny || (x.negative && !f.is_signed))) {
    if (x.negative && !f.is_signed) return out_of_range(f, spec, true, flags);
    return round_up_to_smallest(f, x.negative, flags);
  }
  if (tiny && f.subnormals == Subnormals::flush_input) {
    flags.inexact = true;
    flags.underflow = true;
    return zero_of(f, x.negative);
  }
  // Far above every format: also keeps the quotient of a fixed grid inside 128 bits.
  const int top = max_quantum_exponent(f) + 64;
  if (exponent > top) return out_of_range(f, spec, x.negative, flags);

  // Without subnormals the neighbours of a tiny number are 0 and 2^emin, numbers 0 and 1 of a grid.
  const bool to_normal_grid = tiny && f.subnormals == Subnormals::off;
  const int quantum = to_normal_grid ? lowest : quantum_exponent(f, static_cast<int>(exponent));
  const Quotient q = divide_by_quantum(x, quantum);
  const bool even = code_is_even(f, static_cast<std::uint64_t>(q.whole), quantum);
  const uint128 whole = q.whole + (rounds_up(spec, q, x.negative, even, random) ? 1 : 0);

  if (whole == 0) {
    flags.inexact = true;
    flags.underflow = flags.underflow || tiny;
    return zero_of(f, x.negative);
  }
  const int rounded_exponent = quantum + bit_width(whole) - 1;
  const bool above = rounded_exponent > emax(f) ||
                     (rounded_exponent == emax(f) && exceeds_max_significand(f, whole, quantum));
  if (above || (x.negative && !f.is_signed)) return out_of_range(f, spec, x.negative, flags);
  flags.inexact = flags.inexact || !q.is_exact();
  flags.underflow = flags.underflow || (tiny && !q.is_exact());
  const int carry = bit_width(whole) > 64 ? 1 : 0;
  return {Kind::finite, x.negative, false, quantum + carry,
          static_cast<std::uint64_t>(whole >> carry)};
}

/// whole mod 2^bits, read as a code of the format.
Number wrapped(const IntegerFormat& f, std::uint64_t low_word, bool negative, Flags& flags) {
  flags.overflow = true;
  flags.inexact = true;
  return decode(f, (negative ? ~low_word + 1 : low_word) & low_bits(f.bits));
}

Number round_integer(const IntegerFormat& f, const RoundSpec& spec, const WideNumber& x,
                     std::uint64_t random, Flags& flags) {
  const bool wraps = spec.overflow == Overflow::wrap;
  const int quantum = -f.fraction_bits;
  const std::int64_t shift = std::int64_t{x.exponent} - quantum;
  const std::int64_t whole_bits = shift + bit_width(x.significand);
  if (!wraps && whole_bits > 64) return out_of_range(f, spec, x.negative, flags);
  if (shift >= 0 && whole_bits > 100) {  // a whole number beyond 64 bits
    const uint128 whole = shift >= 64 ? 0 : divide_by_quantum(x, quantum).whole;
    return wrapped(f, static_cast<std::uint64_t>(whole), x.negative, flags);
  }
  const Quotient q = divide_by_quantum(x, quantum);
  const uint128 whole =
      q.whole + (rounds_up(spec, q, x.negative, q.whole % 2 == 0, random) ? 1 : 0);
  if (whole == 0) {
    flags.inexact = true;
    return {};
  }
  const Number end = x.negative ? lowest_finite(f) : max_finite(f);
  const bool inside =
      end.kind == Kind::finite && end.negative == x.negative && whole <= end.significand;
  if (!inside) {
    if (wraps) return wrapped(f, static_cast<std::uint64_t>(whole), x.negative, flags);
    return out_of_range(f, spec, x.negative, flags);
  }
  flags.inexact = flags.inexact || !q.is_exact();
  return {Kind::finite, x.negative, false, quantum, static_cast<std::uint64_t>(whole)};
}

[[noreturn]] void refuse_spec(const std::string& message) { throw SpecError(message, 1); }

}  // namespace

void check_round_spec(const Format& format, const RoundSpec& spec) {
  const bool stochastic = spec.rounding == Rounding::stochastic;
  if (stochastic && (spec.random_bits < 1 || spec.random_bits > 32)) {
    refuse_spec("stochastic rounding needs 1 to 32 random bits, for example stochastic(16)");
  }
  if (!stochastic && spec.random_bits != 0) {
    refuse_spec("random bits are for stochastic rounding; use 0 with " +
                std::string(to_string(spec.rounding)));
  }
  check_overflow(format, spec);
}

Number round_to(const Format& format, const RoundSpec& spec, const WideNumber& x,
                std::uint64_t random, Flags& flags) {
  check_round_spec(format, spec);
  if (ordered::is_ordered(format)) return ordered::round_to(format, spec, x, random, flags);
  const auto* f = std::get_if<FloatFormat>(&format);
  switch (x.kind) {
    case Kind::nan:
      return round_nan(format, flags);
    case Kind::infinity:
      return round_infinity(format, spec, x.negative, flags);
    case Kind::zero:
      if (f != nullptr && !f->has_zero) return round_up_to_smallest(*f, x.negative, flags);
      return zero_of(format, x.negative);
    case Kind::finite:
      break;
  }
  if (f != nullptr) return round_float(*f, spec, x, random, flags);
  return round_integer(std::get<IntegerFormat>(format), spec, x, random, flags);
}

Number round_to(const Format& format, const RoundSpec& spec, const Number& x, std::uint64_t random,
                Flags& flags) {
  return round_to(format, spec, widen(x), random, flags);
}

double round(const Format& format, const RoundSpec& spec, double x, std::uint64_t random) {
  Flags ignored;
  return to_double(round_to(format, spec, from_double(x), random, ignored));
}

}  // namespace halfulp
