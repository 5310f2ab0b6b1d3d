// How a real number becomes a number of a format: rounding mode, overflow policy, random bits, and
// the IEEE status flags that say what happened. Enumerators are spelled as in TOML, HDF5 and
// figures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace halfulp {

enum class Rounding : std::uint8_t {
  nearest_even,
  nearest_away,
  toward_zero,
  toward_positive,
  toward_negative,
  to_odd,
  stochastic,
};

/// What happens when the rounded result (exponent unbounded) exceeds the format's range.
enum class Overflow : std::uint8_t {
  infinity,   ///< IEEE 754 7.4: infinity, or the largest finite number where the mode rounds toward
              ///< zero
  saturate,   ///< the largest finite number; an infinite input saturates too
  nan,        ///< NaN
  wrap,       ///< integers and fixed point: modulo 2^bits codes
  error,      ///< throws OverflowError
  propagate,  ///< finite numbers saturate; infinity stays, where there is one (P3109 SatPropagate)
  sat_none,   ///< P3109 formats only: SatNone, see round_to
};

/// With nu the discarded fraction of one ulp and R uniform in [0, 2^N):
enum class StochasticVariant : std::uint8_t {
  truncate,  ///< up when floor(nu 2^N) + R >= 2^N: add and truncate; mean bias -2^-(N+1) ulp (P3109
             ///< A)
  unbiased,  ///< up when floor(nu 2^(N+1)) + 2R + 1 >= 2^(N+1): mean bias 0 (P3109 B)
  rounded,   ///< up when nearest_even(nu 2^N) + R >= 2^N: mean bias 0 (P3109 C)
};

struct RoundSpec {
  Rounding rounding = Rounding::nearest_even;
  Overflow overflow = Overflow::saturate;
  int random_bits = 0;  ///< N: 1 to 32 for stochastic rounding, else 0
  StochasticVariant variant = StochasticVariant::truncate;
  friend bool operator==(const RoundSpec&, const RoundSpec&) = default;
};

/// IEEE 754 exceptions of one operation.
struct Flags {
  bool inexact = false;
  bool overflow = false;
  bool underflow = false;  ///< tiny (before rounding) and inexact
  bool invalid = false;
  bool divide_by_zero = false;
  friend bool operator==(const Flags&, const Flags&) = default;
};

std::string_view to_string(Rounding);
std::string_view to_string(Overflow);
/// "nearest_even", "stochastic(16)", "stochastic(16,rounded)"; without the overflow policy.
std::string rounding_to_string(const RoundSpec&);
/// Comma list in the order inexact,overflow,underflow,invalid,divzero; "-" for none.
std::string to_string(const Flags&);

/// Parses "nearest_even", its synonyms (rne, sr(16), ...) and sets rounding, random_bits and
/// variant. Throws SpecError (spec.h) with column and suggestions.
void parse_rounding(std::string_view text, RoundSpec& spec);
/// Parses "saturate" and its synonyms. Throws SpecError.
Overflow parse_overflow(std::string_view text);

}  // namespace halfulp
