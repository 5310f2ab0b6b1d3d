#include "formats/overflow.h"

#include <string>

#include "formats/float_layout.h"
#include "formats/ordered_format.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

bool goes_to_infinity(Rounding rounding, bool negative) {
  switch (rounding) {
    case Rounding::nearest_even:
    case Rounding::nearest_away:
    case Rounding::stochastic:
      return true;
    case Rounding::toward_zero:
    case Rounding::to_odd:
      return false;
    case Rounding::toward_positive:
      return !negative;
    case Rounding::toward_negative:
      return negative;
  }
  return true;
}

/// An unsigned format ends at its least number, where it has no infinity.
bool end_has_infinity(const Format& format, bool negative) {
  return has_infinity(format) && (!negative || lowest_finite(format).negative);
}

/// Where SatNone of IEEE P3109 v4.0 4.7.5 leaves the range: infinity, NaN (a negative number in an
/// unsigned format), or, in Kind::finite, the end of the range. The infinities' codes are odd in
/// signed formats and even in unsigned ones, which decides to_odd.
Kind sat_none_kind(const Format& format, Rounding rounding, bool negative) {
  const bool is_signed = std::get<FloatFormat>(format).is_signed;
  if (rounding == Rounding::to_odd && !is_signed && !negative) return Kind::finite;
  if (rounding != Rounding::to_odd && !goes_to_infinity(rounding, negative)) return Kind::finite;
  if (negative && !is_signed) return Kind::nan;
  return has_infinity(format) ? Kind::infinity : Kind::finite;
}

Kind kind_beyond(const Format& format, const RoundSpec& spec, bool negative) {
  switch (spec.overflow) {
    case Overflow::nan:
      return Kind::nan;
    case Overflow::infinity: {
      const bool leaves =
          end_has_infinity(format, negative) && goes_to_infinity(spec.rounding, negative);
      return leaves ? Kind::infinity : Kind::finite;
    }
    case Overflow::sat_none:
      return sat_none_kind(format, spec.rounding, negative);
    case Overflow::saturate:
    case Overflow::propagate:
    case Overflow::wrap:
    case Overflow::error:
      break;
  }
  return Kind::finite;
}

[[noreturn]] void refuse(const std::string& message) { throw SpecError(message, 1); }

}  // namespace

Number out_of_range(const Format& format, const RoundSpec& spec, bool negative, Flags& flags) {
  if (spec.overflow == Overflow::error) {
    throw OverflowError(std::string("number is ") + (negative ? "below" : "above") +
                        " the range of " + to_spec(format));
  }
  flags.overflow = true;
  flags.inexact = true;
  const Kind kind = kind_beyond(format, spec, negative);
  if (kind == Kind::nan) return {Kind::nan};
  if (kind == Kind::infinity) return {Kind::infinity, negative};
  return negative ? lowest_finite(format) : max_finite(format);
}

Number round_infinity(const Format& format, const RoundSpec& spec, bool negative, Flags& flags) {
  const bool keeps = spec.overflow == Overflow::infinity || spec.overflow == Overflow::propagate ||
                     spec.overflow == Overflow::sat_none;
  if (keeps && end_has_infinity(format, negative)) return {Kind::infinity, negative};
  if (spec.overflow == Overflow::wrap) {
    flags.invalid = true;
    return {};
  }
  // SatNone treats infinity by direction alone, as nearest rounding does.
  RoundSpec undirected = spec;
  if (spec.overflow == Overflow::sat_none) undirected.rounding = Rounding::nearest_even;
  return out_of_range(format, undirected, negative, flags);
}

void check_overflow(const Format& format, const RoundSpec& spec) {
  if (ordered::is_ordered(format)) {
    const std::string fault = ordered::overflow_fault(format, spec.overflow);
    if (!fault.empty()) refuse(fault);
  }
  const auto* integer = std::get_if<IntegerFormat>(&format);
  const auto* f = std::get_if<FloatFormat>(&format);
  const auto name = [&] { return to_spec(format); };
  if (ordered::is_ordered(format)) {
    const std::string fault = ordered::overflow_fault(format, spec.overflow);
    if (!fault.empty()) refuse(fault);
  }
  switch (spec.overflow) {
    case Overflow::saturate:
    case Overflow::error:
      return;
    case Overflow::infinity:
      if (has_infinity(format)) return;
      refuse(name() + " has no infinity; use overflow " +
             (has_nan(format) ? "saturate or nan" : "saturate"));
    case Overflow::nan:
      if (!has_nan(format)) refuse(name() + " has no NaN; use overflow saturate");
      return;
    case Overflow::wrap:
      if (integer == nullptr) refuse("overflow wrap is for integers; use saturate for " + name());
      if (!integer->symmetric) return;
      refuse("overflow wrap would reach the code that " + name() +
             " leaves out; use saturate, or the format without sym");
    case Overflow::propagate:
      if (f == nullptr) refuse("overflow propagate is for floats; use saturate for " + name());
      return;
    case Overflow::sat_none:
      if (f != nullptr && is_p3109(*f)) return;
      refuse("overflow sat_none is for P3109 formats; use " +
             std::string(has_infinity(format) ? "infinity"
                         : has_nan(format)    ? "nan"
                                              : "saturate") +
             " for " + name());
  }
}

}  // namespace halfulp
