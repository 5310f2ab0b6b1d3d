// Where a number lies among the values of a format: what a family tells the generic rounding
// (ordered_round.h), and exact comparison with the points that decide it.
#pragma once

#include <cstdint>

#include "formats/number.h"
#include "formats/wide_number.h"

namespace halfulp::ordered {

/// The two neighbours of a number x, as positions that the family understands. `inner` is the one
/// that lies from x in the direction of zero, `outer` the other one.
struct Place {
  std::int64_t inner = 0;
  std::int64_t outer = 0;
  bool exact = false;          ///< x is the value at `inner`
  bool beyond = false;         ///< x is outside the range (a codebook's `inner` 0: below it)
  bool inner_is_even = false;  ///< parity of the code, or what the family uses for it
  bool spans_zero = false;     ///< `inner` and x have different signs (lists without a zero)
  bool tiny = false;           ///< 0 < |x| < the smallest positive value
  int side = 0;                ///< nearest rounding: < 0 inner, 0 a tie, > 0 outer
};

/// A bit string after the sign, most significant bit first in `bits`, with what lies below.
struct BitString {
  uint128 bits = 0;
  bool sticky = false;
  int known = 128;  ///< with `sticky`: how many leading bits are certain
};

/// `prefix` (the top `length` bits) followed by the fraction of x's significand: the infinite bit
/// string of a tapered float.
BitString append_fraction(uint128 prefix, int length, const WideNumber& x);

/// The neighbours among the bit strings of `bits` bits: nearest compares with the string one bit
/// longer (Standard for Posit Arithmetic 2022, 4.1). Throws std::invalid_argument when a sticky x
/// has too few bits.
Place cut(const BitString& string, int bits);

/// Sign of |a| - |b|, exactly; kinds other than finite are not looked at. Throws
/// std::invalid_argument when sticky bits leave it open.
int compare_magnitudes(const WideNumber& a, const WideNumber& b);

/// Sign of x - (inner + (outer - inner) t / 2^k) for exact inner and outer and 0 <= t <= 2^k, k up
/// to 33. Throws as compare_magnitudes.
int compare_to_point(const WideNumber& x, const Number& inner, const Number& outer, std::uint64_t t,
                     int k);

/// Same class, sign, sticky flag and exact significand.
bool same_number(const WideNumber& a, const WideNumber& b);

/// A sticky number that does not decide a rounding.
[[noreturn]] void refuse_short();

}  // namespace halfulp::ordered
