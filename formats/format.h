// What a number is: number formats as plain values. Parameters only; names are in named_formats.h,
// text in spec.h, arithmetic in round.h and codec.h. Rounding and overflow are not part of a
// format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace halfulp {

/// Which codes of a float are infinities and NaNs.
enum class NonFinite : std::uint8_t {
  ieee,    ///< the top exponent is reserved: trailing bits 0 = infinity, others NaN (IEEE 754)
  fn,      ///< only the all-ones code (either sign) is NaN; no infinity (OCP E4M3)
  fnuz,    ///< the code of minus zero is the only NaN; no infinity, no minus zero
  finite,  ///< every code is a number (OCP E3M2, E2M3, E2M1)
  p3109_finite,    ///< IEEE P3109: NaN is the code of minus zero, unsigned all ones; no infinity
  p3109_extended,  ///< the same with infinity above the largest number (and below the least)
};

/// What a float does with magnitudes below its smallest normal number.
enum class Subnormals : std::uint8_t {
  on,   ///< gradual underflow
  off,  ///< codes with exponent field 0 are all zero; rounding sees neighbours 0 and min normal
  flush_input,  ///< codes exist, but an operand that is subnormal in this format is read as zero
                ///< (DAZ)
};

/// Sign / exponent / trailing significand, radix 2.
/// Value of a normal code: (-1)^s * 2^(E - bias) * (1 + T / 2^trailing_bits).
/// Precision p, counting the implicit bit, is trailing_bits + 1.
/// Without exponent bits (and with zero) every code is like a subnormal: T * 2^(1 - bias -
/// trailing_bits). IEEE P3109's Binary{K,P} has P - 1 trailing bits, the other bits but the sign
/// for the exponent, and bias 2^(exponent_bits - 1) always.
struct FloatFormat {
  int exponent_bits = 0;  ///< 0 to 15; 16 for P3109, whose formats without sign need it
  int trailing_bits = 0;  ///< 0 to 63
  int bias = 0;           ///< biased exponent = exponent + bias
  NonFinite non_finite = NonFinite::ieee;
  bool is_signed = true;
  Subnormals subnormals = Subnormals::on;
  bool has_zero = true;  ///< false: exponent field 0 is an ordinary binade (E8M0)
  friend bool operator==(const FloatFormat&, const FloatFormat&) = default;
};

/// Integers of 1 to 64 bits times 2^-fraction_bits: integers where that is 0, else fixed point.
/// `symmetric` removes the most negative code from the value set.
struct IntegerFormat {
  int bits = 0;
  bool is_signed = true;
  bool symmetric = false;
  int fraction_bits = 0;  ///< -1000 to 1000; negative: steps larger than 1
  friend bool operator==(const IntegerFormat&, const IntegerFormat&) = default;
};

/// Posit of 2 to 64 bits: sign, regime, up to `exponent_bits` exponent bits, fraction. The 2022
/// standard has exponent_bits = 2 at every width; older posits 0, 1, 2, 3 for 8, 16, 32, 64 bits.
struct PositFormat {
  int bits = 0;
  int exponent_bits = 0;  ///< es: 0 to 4
  friend bool operator==(const PositFormat&, const PositFormat&) = default;
};

/// Takum of 2 to 64 bits (Hunhold, arXiv 2404.18603): tapered like posits, with a bounded exponent
/// range.
struct TakumFormat {
  int bits = 0;
  bool logarithmic = false;  ///< values are powers of sqrt(e); otherwise a significand is stored
  friend bool operator==(const TakumFormat&, const TakumFormat&) = default;
};

/// Logarithmic numbers: a sign and the two's complement fixed-point logarithm to base 2.
struct LogarithmicFormat {
  int bits = 0;           ///< sign included
  int fraction_bits = 0;  ///< of the logarithm
  friend bool operator==(const LogarithmicFormat&, const LogarithmicFormat&) = default;
};

/// A list of numbers, one for each code. Made by ordered::make_codebook (families/codebook.h).
struct Codebook {
  std::string name;            ///< canonical spelling, or empty for a list of the user's
  std::vector<double> values;  ///< by code; distinct and finite; both 0 and -0 may be there
  std::vector<std::uint32_t> ascending;  ///< derived: codes by ascending value, without -0
};

struct CodebookFormat {
  std::shared_ptr<const Codebook> book;  ///< never null in a valid format

  /// Same values under the same codes.
  friend bool operator==(const CodebookFormat& a, const CodebookFormat& b) {
    return a.book == b.book ||
           (a.book != nullptr && b.book != nullptr && a.book->values == b.book->values);
  }
};

using Format = std::variant<FloatFormat, IntegerFormat, PositFormat, TakumFormat, LogarithmicFormat,
                            CodebookFormat>;

/// Bits of one code, sign included.
int width(const Format& format);

/// Bias of an IEEE-like exponent field: 2^(exponent_bits - 1) - 1, and 0 for no exponent bits.
int ieee_bias(int exponent_bits);

}  // namespace halfulp
