// The families whose values are symmetric about zero: posits, takums and logarithmic numbers. A
// position counts their non-negative values upwards from zero; here positions become codes.
#pragma once

#include "formats/code.h"
#include "formats/families/logarithmic.h"
#include "formats/families/posit.h"
#include "formats/families/takum.h"
#include "formats/float_layout.h"
#include "formats/format.h"

namespace halfulp::ordered {

/// Calls `function` with the posit, takum or logarithmic format that `format` is.
template <class Function>
auto visit_symmetric(const Format& format, Function function) {
  if (const auto* posit = std::get_if<PositFormat>(&format)) return function(*posit);
  if (const auto* takum = std::get_if<TakumFormat>(&format)) return function(*takum);
  return function(std::get<LogarithmicFormat>(format));
}

/// NaR of posits and takums is the sign bit alone.
template <class Family>
Code nan_code(const Family& f) {
  return Code{1} << (f.bits - 1);
}

/// NaN of logarithmic numbers is zero with the sign bit.
inline Code nan_code(const LogarithmicFormat& f) { return Code{3} << (f.bits - 2); }

template <class Family>
std::int64_t top_position(const Family& f) {
  return static_cast<std::int64_t>(low_bits(f.bits - 1));
}

inline std::int64_t top_position(const LogarithmicFormat& f) { return 2 * max_logarithm(f) + 1; }

template <class Family>
std::int64_t position_of_one(const Family& f) {
  return std::int64_t{1} << (f.bits - 2);  // 0 1 0 0 ...: regime 10, or direction 1
}

inline std::int64_t position_of_one(const LogarithmicFormat& f) { return max_logarithm(f) + 1; }

/// Posits and takums: negation is two's complement.
template <class Family>
Code code_at(const Family& f, std::int64_t position, bool negative) {
  const auto magnitude = static_cast<std::uint64_t>(position);
  return (negative ? ~magnitude + 1 : magnitude) & low_bits(f.bits);
}

inline Code code_at(const LogarithmicFormat& f, std::int64_t position, bool negative) {
  const auto logarithm = static_cast<std::uint64_t>(position - 1 - max_logarithm(f));
  const std::uint64_t sign = negative ? std::uint64_t{1} << (f.bits - 1) : 0;
  return (logarithm & low_bits(f.bits - 1)) | sign;
}

/// The inverse of code_at; not for the code of NaN.
template <class Family>
std::int64_t position_of(const Family& f, std::uint64_t code, bool& negative) {
  negative = (code >> (f.bits - 1)) != 0;
  return static_cast<std::int64_t>((negative ? ~code + 1 : code) & low_bits(f.bits));
}

inline std::int64_t position_of(const LogarithmicFormat& f, std::uint64_t code, bool& negative) {
  negative = (code >> (f.bits - 1)) != 0;
  // The sign bit of the logarithm, flipped, turns two's complement into an offset.
  const std::uint64_t offset = std::uint64_t{1} << (f.bits - 2);
  return static_cast<std::int64_t>((code & low_bits(f.bits - 1)) ^ offset);
}

inline bool is_irrational(const PositFormat&) { return false; }

inline bool is_irrational(const TakumFormat& f) { return f.logarithmic; }

inline bool is_irrational(const LogarithmicFormat&) { return true; }

/// The neighbours of |x|, where a sticky x that is the cut of an irrational value is that value.
template <class Family>
Place settled_place(const Family& f, WideNumber x) {
  x.negative = false;
  if (!x.sticky || !is_irrational(f)) return place(f, x);
  const auto is_value = [&](std::int64_t position) {
    return position > 0 && position <= top_position(f) &&
           same_number(widen(value_at(f, position)), x);
  };
  const auto exactly = [](std::int64_t position) {
    return Place{.inner = position, .outer = position, .exact = true};
  };
  if constexpr (requires { place_nearby(f, x); }) {
    const Place guess = place_nearby(f, x);
    if (!guess.beyond && is_value(guess.outer)) return exactly(guess.outer);
    if (!guess.beyond && is_value(guess.inner)) return exactly(guess.inner);
  }
  WideNumber cut_off = x;
  cut_off.sticky = false;
  const Place below = place(f, cut_off);
  if (!below.beyond && !below.exact && is_value(below.outer)) return exactly(below.outer);
  return place(f, x);
}

/// The neighbours of an irrational number, of which `x` are the leading bits.
template <class Family>
Place exact_place(const Family& f, WideNumber x, const ExactMagnitude& exact) {
  x.negative = false;
  x.sticky = false;  // a little too small: the next value may be reached
  const auto order_at = [&](std::int64_t position) {
    const Power value = power_at(f, position);
    return exact.compare_to_point(value, value, 0, 0);
  };
  // Products are values more often than not.
  const Place guess = place_nearby(f, x);
  for (const std::int64_t position : {guess.outer, guess.inner}) {
    if (guess.beyond || position <= 0 || position > top_position(f)) continue;
    if (order_at(position) == 0) return {.inner = position, .outer = position, .exact = true};
  }
  Place place = ordered::place(f, x);
  if (place.beyond) return place;
  int order = place.inner < top_position(f) ? order_at(place.inner + 1) : -1;
  if (order >= 0) {
    ++place.inner;
  } else {
    order = place.exact ? order_at(place.inner) : 1;
  }
  if (order == 0) return {.inner = place.inner, .outer = place.inner, .exact = true};
  if (place.inner == top_position(f)) return {.beyond = true};
  place = {.inner = place.inner, .outer = place.inner + 1, .tiny = place.inner == 0};
  settle_gap(f, exact, place);
  return place;
}

}  // namespace halfulp::ordered
