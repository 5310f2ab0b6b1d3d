#include "formats/families/takum.h"

#include <algorithm>
#include <cmath>

#include "formats/float_layout.h"

namespace halfulp::ordered {

namespace {

constexpr int kLeastCharacteristic = -255;
constexpr int kGreatestCharacteristic = 254;

struct Fields {
  int characteristic = 0;
  int mantissa_bits = 0;
  std::uint64_t mantissa = 0;
};

/// Bits that a short takum lacks on the right read as 0.
Fields fields_of(const TakumFormat& format, std::int64_t position) {
  const int body_bits = format.bits - 1;
  std::uint64_t body = static_cast<std::uint64_t>(position) << (64 - body_bits);
  const bool direction = body >> 63 != 0;
  const int regime_field = static_cast<int>(body >> 60 & 7);
  const int regime = direction ? regime_field : 7 - regime_field;
  body <<= 4;
  const int stored = regime == 0 ? 0 : static_cast<int>(body >> (64 - regime));
  body <<= regime;
  Fields fields;
  fields.characteristic = stored + (direction ? (1 << regime) - 1 : 1 - (2 << regime));
  fields.mantissa_bits = std::max(0, body_bits - 4 - regime);
  fields.mantissa = fields.mantissa_bits == 0 ? 0 : body >> (64 - fields.mantissa_bits);
  return fields;
}

/// Direction, regime and characteristic bits, left-aligned; `length` of them.
uint128 prefix_of(int characteristic, int& length) {
  const bool direction = characteristic >= 0;
  const int magnitude = direction ? characteristic + 1 : -characteristic;
  const int regime = bit_width(static_cast<unsigned>(magnitude)) - 1;
  const int least = direction ? (1 << regime) - 1 : 1 - (2 << regime);
  const int regime_field = direction ? 8 + regime : 7 - regime;
  length = 4 + regime;
  const auto field = static_cast<unsigned>(regime_field << regime | (characteristic - least));
  return uint128{field} << (128 - length);
}

/// Zero is no neighbour of nearest rounding, and nothing follows the largest takum.
Place at_the_ends(Place place, int bits) {
  const auto top = static_cast<std::int64_t>(low_bits(bits - 1));
  if (place.inner == 0) {
    return {.inner = 0, .outer = 1, .inner_is_even = true, .tiny = true, .side = 1};
  }
  if (place.inner == top && !place.exact) return {.beyond = true};
  return place;
}

Place place_characteristic(std::int64_t characteristic) {
  return characteristic < 0
             ? Place{.inner = 0, .outer = 1, .inner_is_even = true, .tiny = true, .side = 1}
             : Place{.beyond = true};
}

bool in_range(std::int64_t characteristic) {
  return characteristic >= kLeastCharacteristic && characteristic <= kGreatestCharacteristic;
}

Place place_linear(const TakumFormat& format, const WideNumber& x) {
  const std::int64_t exponent = std::int64_t{x.exponent} + bit_width(x.significand) - 1;
  if (!in_range(exponent)) return place_characteristic(exponent);
  int length = 0;
  const uint128 prefix = prefix_of(static_cast<int>(exponent), length);
  return at_the_ends(cut(append_fraction(prefix, length, x), format.bits - 1), format.bits);
}

/// For a logarithm l = log / 2^scale, rounded down or exact.
Place place_of_log(const TakumFormat& format, int128 log, int scale, bool exact) {
  const auto characteristic = static_cast<std::int64_t>(log >> scale);
  if (!in_range(characteristic)) return place_characteristic(characteristic);
  int length = 0;
  BitString string;
  string.bits = prefix_of(static_cast<int>(characteristic), length);
  const uint128 mantissa = static_cast<uint128>(log) & low_bits(scale);
  string.bits |= mantissa << (128 - scale) >> length;
  string.sticky = !exact;
  return at_the_ends(cut(string, format.bits - 1), format.bits);
}

Place place_logarithmic(const TakumFormat& format, const WideNumber& x) {
  // One bit beyond the longest mantissa decides; the logarithm of a rational number is irrational.
  const int scale = std::max(2, format.bits - 4);
  const std::int64_t exponent = std::int64_t{x.exponent} + bit_width(x.significand) - 1;
  if (exponent < -200 || exponent > 200) return place_characteristic(exponent);  // e^127.5 < 2^184
  const bool is_one = exponent == 0 && (x.significand & (x.significand - 1)) == 0 && !x.sticky;
  const int128 log = is_one ? 0 : floor_log(PowerBase::sqrt_e, x, scale);
  return place_of_log(format, log, scale, is_one);
}

}  // namespace

Power power_at(const TakumFormat& format, std::int64_t position) {
  if (position == 0) return {.base = PowerBase::sqrt_e, .is_zero = true};
  const Fields fields = fields_of(format, position);
  const std::int64_t scaled = std::int64_t{fields.characteristic} << fields.mantissa_bits;
  return {PowerBase::sqrt_e, scaled + static_cast<std::int64_t>(fields.mantissa),
          fields.mantissa_bits};
}

Number value_at(const TakumFormat& format, std::int64_t position) {
  if (position == 0) return {};
  if (format.logarithmic) return cut_value(power_at(format, position));
  const Fields fields = fields_of(format, position);
  return {Number::Kind::finite, false, false, fields.characteristic - fields.mantissa_bits,
          (std::uint64_t{1} << fields.mantissa_bits) | fields.mantissa};
}

Place place_nearby(const TakumFormat& format, const WideNumber& x) {
  constexpr int kScale = 44;
  const double log = approximate_log(PowerBase::sqrt_e, x);
  return place_of_log(format, static_cast<int128>(std::floor(std::ldexp(log, kScale))), kScale,
                      false);
}

void settle_gap(const TakumFormat& format, const ExactMagnitude& x, Place& place) {
  place.inner_is_even = place.inner % 2 == 0;
  if (place.inner == 0) {
    place.side = 1;
    return;
  }
  // The bit string one longer; its position may take all 64 bits.
  const auto string = static_cast<std::uint64_t>(place.inner) << 1 | 1;
  const Power boundary =
      power_at(TakumFormat{format.bits + 1, true}, static_cast<std::int64_t>(string));
  place.side = x.compare_to_point(boundary, boundary, 0, 0);
}

Place place(const TakumFormat& format, const WideNumber& x) {
  return format.logarithmic ? place_logarithmic(format, x) : place_linear(format, x);
}

}  // namespace halfulp::ordered
