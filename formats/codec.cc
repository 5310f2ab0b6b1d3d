#include "formats/codec.h"

#include <stdexcept>

#include "formats/float_layout.h"
#include "formats/ordered_format.h"
#include "formats/properties.h"
#include "formats/spec.h"
#include "formats/wide_number.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

[[noreturn]] void refuse(const Format& format, const char* what) {
  throw std::invalid_argument(std::string(what) + " " + to_spec(format));
}

void check_code(const Format& format, Code code) {
  if ((code & ~low_code_bits(width(format))) != 0)
    refuse(format, "code has bits above the width of");
}

int exponent_of(const Number& x) { return x.exponent + bit_width(x.significand) - 1; }

/// Signed: the code of minus zero. Unsigned: the last code (IEEE P3109 v4.0 4.7.6).
Code p3109_nan(const FloatFormat& f) {
  const int magnitude_bits = f.exponent_bits + f.trailing_bits;
  return f.is_signed ? Code{1} << magnitude_bits : low_code_bits(magnitude_bits);
}

Number decode_float(const FloatFormat& f, Code code) {
  const int magnitude_bits = f.exponent_bits + f.trailing_bits;
  const Code magnitude = code & low_code_bits(magnitude_bits);
  const bool negative = f.is_signed && (code >> magnitude_bits) != 0;
  const auto biased = static_cast<int>((magnitude >> f.trailing_bits) & low_bits(f.exponent_bits));
  const auto trailing = static_cast<std::uint64_t>(magnitude) & low_bits(f.trailing_bits);

  switch (f.non_finite) {
    case NonFinite::ieee:
      if (biased == static_cast<int>(low_bits(f.exponent_bits))) {
        return {trailing == 0 ? Kind::infinity : Kind::nan, negative};
      }
      break;
    case NonFinite::fn:
      if (magnitude == low_code_bits(magnitude_bits)) return {Kind::nan, negative};
      break;
    case NonFinite::fnuz:
      if (negative && magnitude == 0) return {Kind::nan, false};
      break;
    case NonFinite::finite:
      break;
    case NonFinite::p3109_finite:
    case NonFinite::p3109_extended:
      if (code == p3109_nan(f)) return {Kind::nan, false};
      if (magnitude > max_code(f)) return {Kind::infinity, negative};
      break;
  }
  if (f.has_zero && biased == 0) {
    if (trailing == 0 || f.subnormals == Subnormals::off) return {Kind::zero, negative};
    return {Kind::finite, negative, false, smallest_normal_exponent(f) - f.trailing_bits, trailing};
  }
  const std::uint64_t implicit_bit = std::uint64_t{1} << f.trailing_bits;
  return {Kind::finite, negative, false, biased - f.bias - f.trailing_bits,
          implicit_bit | trailing};
}

/// The significand of `x` as a whole number of quanta; throws when it is none.
std::uint64_t in_quanta(const FloatFormat& f, const Number& x) {
  const int drop = quantum_exponent(f, exponent_of(x)) - x.exponent;
  if (drop <= 0) {
    if (bit_width(x.significand) - drop > 64) refuse(f, "number is out of the range of");
    return x.significand << -drop;
  }
  if (drop >= 64 || (x.significand & low_bits(drop)) != 0) {
    refuse(f, "number has more digits than");
  }
  return x.significand >> drop;
}

Code encode_finite(const FloatFormat& f, const Number& x) {
  const int exponent = exponent_of(x);
  const std::uint64_t quanta = in_quanta(f, x);
  const std::uint64_t implicit_bit = std::uint64_t{1} << f.trailing_bits;
  if (is_fixed_grid(f)) {
    if (quanta > max_trailing(f)) refuse(f, "number is out of the range of");
    return quanta;
  }
  if (exponent < smallest_normal_exponent(f)) {
    if (!f.has_zero || f.subnormals == Subnormals::off) refuse(f, "number is too small for");
    return quanta;
  }
  const int biased = exponent + f.bias;
  const int top = max_biased_exponent(f);
  if (biased > top || (biased == top && quanta - implicit_bit > max_trailing(f))) {
    refuse(f, "number is out of the range of");
  }
  return (static_cast<Code>(biased) << f.trailing_bits) | (quanta - implicit_bit);
}

Code canonical_nan(const FloatFormat& f) {
  const int magnitude_bits = f.exponent_bits + f.trailing_bits;
  switch (f.non_finite) {
    case NonFinite::ieee:  // quiet: the first trailing bit set (IEEE 754-2019 6.2.1)
      return low_code_bits(magnitude_bits) & ~low_code_bits(f.trailing_bits - 1);
    case NonFinite::fn:
      return low_code_bits(magnitude_bits);
    case NonFinite::fnuz:
      return Code{1} << magnitude_bits;
    case NonFinite::p3109_finite:
    case NonFinite::p3109_extended:
      return p3109_nan(f);
    case NonFinite::finite:
      break;
  }
  return 0;
}

Code encode_float(const FloatFormat& f, const Number& x) {
  const int magnitude_bits = f.exponent_bits + f.trailing_bits;
  const auto signed_code = [&](Code magnitude) {
    return magnitude | (x.negative ? Code{1} << magnitude_bits : 0);
  };
  switch (x.kind) {
    case Kind::nan:
      if (!has_nan(f)) refuse(f, "there is no NaN in");
      return canonical_nan(f);
    case Kind::infinity:
      if (!has_infinity(f)) refuse(f, "there is no infinity in");
      if (x.negative && !f.is_signed) refuse(f, "there is no negative number in");
      return signed_code(max_code(f) + 1);
    case Kind::zero:
      if (!f.has_zero) refuse(f, "there is no zero in");
      return has_negative_zero(f) ? signed_code(0) : 0;
    case Kind::finite:
      break;
  }
  if (x.sticky) refuse(f, "number has more digits than");
  if (x.negative && !f.is_signed) refuse(f, "there is no negative number in");
  return signed_code(encode_finite(f, x));
}

Number decode_integer(const IntegerFormat& f, std::uint64_t code) {
  const bool negative = f.is_signed && ((code >> (f.bits - 1)) & 1) != 0;
  const std::uint64_t magnitude = negative ? (~code + 1) & low_bits(f.bits) : code;
  if (magnitude == 0) return {};
  return {Kind::finite, negative, false, -f.fraction_bits, magnitude};
}

std::uint64_t encode_integer(const IntegerFormat& f, const Number& x) {
  if (x.kind == Kind::zero) return 0;
  if (x.kind != Kind::finite) refuse(f, "there is no NaN or infinity in");
  const int exponent = x.exponent + f.fraction_bits;  // of the integer that the code holds
  const int width_needed = bit_width(x.significand) + exponent;
  const bool whole = !x.sticky && (exponent >= 0 ||
                                   (exponent > -64 && (x.significand & low_bits(-exponent)) == 0));
  if (!whole) refuse(f, "number has more digits than");
  if (width_needed > 64) refuse(f, "number is out of the range of");
  const std::uint64_t magnitude =
      exponent >= 0 ? x.significand << exponent : x.significand >> -exponent;
  const Number limit = x.negative ? lowest_finite(f) : max_finite(f);
  const bool inside =
      limit.kind == Kind::finite && limit.negative == x.negative && magnitude <= limit.significand;
  if (!inside) refuse(f, "number is out of the range of");
  return (x.negative ? ~magnitude + 1 : magnitude) & low_bits(f.bits);
}

}  // namespace

Number decode(const Format& format, Code code) {
  check_code(format, code);
  if (ordered::is_ordered(format)) return ordered::decode(format, code);
  if (const auto* f = std::get_if<FloatFormat>(&format)) return decode_float(*f, code);
  return decode_integer(std::get<IntegerFormat>(format), static_cast<std::uint64_t>(code));
}

Number decode_operand(const Format& format, Code code) {
  const Number x = decode(format, code);
  const auto* f = std::get_if<FloatFormat>(&format);
  const bool flushed = f != nullptr && f->subnormals == Subnormals::flush_input &&
                       x.kind == Kind::finite && exponent_of(x) < smallest_normal_exponent(*f);
  return flushed ? Number{Kind::zero, x.negative} : x;
}

Code encode(const Format& format, const Number& x) {
  if (ordered::is_ordered(format)) return ordered::encode(format, x);
  if (const auto* f = std::get_if<FloatFormat>(&format)) return encode_float(*f, x);
  return encode_integer(std::get<IntegerFormat>(format), x);
}

}  // namespace halfulp
