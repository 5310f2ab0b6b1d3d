#include "formats/families/place.h"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <limits>
#include <stdexcept>

namespace halfulp::ordered {

namespace {

using boost::multiprecision::cpp_int;

/// The significand with its leading bit at bit 127.
uint128 aligned(const WideNumber& x) { return x.significand << (128 - bit_width(x.significand)); }

std::int64_t leading_exponent(const WideNumber& x) {
  return std::int64_t{x.exponent} + bit_width(x.significand) - 1;
}

/// What one unit of the last place is in aligned(x); 0 stands for 2^128.
uint128 unit_of(const WideNumber& x) {
  return uint128{1} << ((128 - bit_width(x.significand)) % 128);
}

cpp_int whole(uint128 magnitude, bool negative) {
  cpp_int result = static_cast<std::uint64_t>(magnitude >> 64);
  result <<= 64;
  result += static_cast<std::uint64_t>(magnitude);
  return negative ? cpp_int(-result) : result;
}

cpp_int scaled(const Number& x, std::int64_t lowest) {
  if (x.kind == Number::Kind::zero) return 0;
  return whole(x.significand, x.negative) << static_cast<unsigned>(x.exponent - lowest);
}

}  // namespace

void refuse_short() {
  throw std::invalid_argument("a sticky significand is too short to decide this rounding");
}

BitString append_fraction(uint128 prefix, int length, const WideNumber& x) {
  const int fraction_bits = bit_width(x.significand) - 1;
  const uint128 fraction = fraction_bits == 0 ? 0 : x.significand << (128 - fraction_bits);
  const uint128 lost = fraction & low_code_bits(length);
  return {prefix | (fraction >> length), x.sticky || lost != 0,
          x.sticky ? std::min(128, length + fraction_bits) : 128};
}

Place cut(const BitString& string, int bits) {
  if (string.known <= bits) refuse_short();
  Place place;
  const uint128 rest = string.bits << bits;
  const bool guard = rest >> 127 != 0;
  const bool below_guard = (rest << 1) != 0 || string.sticky;
  place.inner = static_cast<std::int64_t>(string.bits >> (128 - bits));
  // The largest number of 64 bits has no position after it.
  place.outer = place.inner + (place.inner < std::numeric_limits<std::int64_t>::max() ? 1 : 0);
  place.exact = !guard && !below_guard;
  place.inner_is_even = place.inner % 2 == 0;
  place.side = !guard ? -1 : below_guard ? 1 : 0;
  return place;
}

int compare_magnitudes(const WideNumber& a, const WideNumber& b) {
  if (leading_exponent(a) != leading_exponent(b)) {
    return leading_exponent(a) < leading_exponent(b) ? -1 : 1;
  }
  const uint128 left = aligned(a);
  const uint128 right = aligned(b);
  if (left == right) {
    if (a.sticky && b.sticky) refuse_short();
    return (a.sticky ? 1 : 0) - (b.sticky ? 1 : 0);
  }
  const bool less = left < right;
  const WideNumber& smaller = less ? a : b;
  const uint128 gap = less ? right - left : left - right;
  if (smaller.sticky && gap < unit_of(smaller)) refuse_short();
  return less ? -1 : 1;
}

int compare_to_point(const WideNumber& x, const Number& inner, const Number& outer, std::uint64_t t,
                     int k) {
  const bool is_zero = x.kind == Number::Kind::zero;
  std::int64_t lowest = is_zero ? 0 : x.exponent;
  for (const Number* end : {&inner, &outer}) {
    if (end->kind != Number::Kind::zero) lowest = std::min<std::int64_t>(lowest, end->exponent);
  }
  const std::uint64_t count = std::uint64_t{1} << k;
  const cpp_int point = scaled(inner, lowest) * (count - t) + scaled(outer, lowest) * t;
  if (is_zero) return -point.sign();
  const auto shift = static_cast<unsigned>(x.exponent - lowest + k);
  const cpp_int difference = (whole(x.significand, false) << shift) * (x.negative ? -1 : 1) - point;
  if (!x.sticky) return difference.sign();
  const cpp_int unit = cpp_int(1) << shift;  // x lies up to one unit further from zero
  if (x.negative) {
    if (difference <= 0) return -1;
    if (difference >= unit) return 1;
  } else {
    if (difference >= 0) return 1;
    if (difference <= -unit) return -1;
  }
  refuse_short();
}

bool same_number(const WideNumber& a, const WideNumber& b) {
  if (a.kind != b.kind || a.negative != b.negative) return false;
  if (a.kind != Number::Kind::finite) return true;
  return a.sticky == b.sticky && leading_exponent(a) == leading_exponent(b) &&
         aligned(a) == aligned(b) && (!a.sticky || unit_of(a) == unit_of(b));
}

}  // namespace halfulp::ordered
