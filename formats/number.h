// An exact real number between operations: sign, 64-bit significand, exponent, and a sticky flag
// for what lies below. The unpacked form that round_to() (round.h) reads and decode() (codec.h)
// returns.
#pragma once

#include <cstdint>

namespace halfulp {

/// A class and, for finite numbers, (-1)^negative * significand * 2^exponent, plus, when `sticky`,
/// a positive amount smaller than 2^exponent added to the magnitude.
struct Number {
  enum class Kind : std::uint8_t { zero, finite, infinity, nan };
  Kind kind = Kind::zero;
  bool negative = false;
  bool sticky = false;
  std::int32_t exponent = 0;
  std::uint64_t significand = 0;  ///< nonzero for finite
};

/// Exact.
Number from_double(double x);
/// Exact where `x` is a binary64 number; otherwise rounded to nearest even (sticky respected).
double to_double(const Number& x);

}  // namespace halfulp
