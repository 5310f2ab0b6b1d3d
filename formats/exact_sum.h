// Sums of numbers and of products without any rounding: a Kulisch accumulator whose window of bits
// grows as needed. For posits it is the quire, for integers the wide accumulator.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp {

/// What the refusal of a sticky operand says.
inline constexpr const char* kIrrational =
    "a number of a logarithmic format is irrational: pass operand_of(format, x), not its leading "
    "bits";

/// The exact product of two exact numbers. 0 times infinity is NaN with `invalid`. Throws
/// std::invalid_argument for sticky operands.
WideNumber multiply(const Number& x, const Number& y, Flags& flags);

/// Exponent of the unit that integers and fixed-point numbers are whole multiples of.
int integer_quantum(const Format& format);

/// Holds any sum of up to 2^62 terms exactly; the order of the terms has no influence. Takes as
/// much memory as lies between the smallest and the largest bit of its terms.
class ExactSum {
 public:
  /// Throws std::invalid_argument for a sticky term: its value is not known.
  void add(const WideNumber& x);

  void add(const Number& x) { add(widen(x)); }

  void add_product(const Number& x, const Number& y);

  /// Neither infinite nor NaN.
  bool is_finite() const { return !has_nan_ && !has_positive_infinity_ && !has_negative_infinity_; }

  /// Every bit of a finite sum: its sign and the words of its magnitude, least significant first,
  /// in units of 2^exponent. No words for zero.
  std::vector<std::uint64_t> magnitude(bool& negative, std::int64_t& exponent) const;

  /// The sum, ready to be rounded to `format`. A NaN term gives NaN; infinities of both signs, or 0
  /// times infinity, give NaN with `invalid`; infinities of one sign give it. A sum of zeros of one
  /// sign is that zero; every other zero is +0, and -0 under toward_negative (IEEE 754-2019 6.3);
  /// the empty sum is +0. A sum of more than 128 bits keeps the leading 128 with `sticky`, which
  /// decides every rounding; under Overflow::wrap, which needs the trailing bits, it is replaced by
  /// a number that is equal to it modulo 2^64 quanta of the format and as much out of its range.
  WideNumber value(const Format& format, const RoundSpec& spec, Flags& flags) const;

  /// The sum rounded once. Errors and flags as round_to.
  Number round(const Format& format, const RoundSpec& spec, std::uint64_t random,
               Flags& flags) const;

 private:
  void add_finite(const WideNumber& x);
  void cover(std::int64_t low, std::int64_t high);

  /// Two's complement, least significant limb first; bit 0 of the first limb counts
  /// 2^low_exponent_. The last limb takes carries only, so that no sum of 2^62 terms leaves the
  /// window.
  std::vector<std::uint64_t> limbs_;
  std::int64_t low_exponent_ = 0;
  bool has_nan_ = false;
  bool is_invalid_ = false;
  bool has_positive_infinity_ = false;
  bool has_negative_infinity_ = false;
  bool has_positive_term_ = false;  ///< or a positive zero
  bool has_negative_term_ = false;
};

}  // namespace halfulp
