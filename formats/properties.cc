#include "formats/properties.h"

#include <cmath>
#include <limits>

#include "formats/float_layout.h"
#include "formats/ordered_format.h"
#include "formats/wide_number.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

Number power_of_two(int exponent) { return {Kind::finite, false, false, exponent, 1}; }

const FloatFormat* as_float(const Format& format) { return std::get_if<FloatFormat>(&format); }

std::uint64_t integer_max(const IntegerFormat& f) {
  return low_bits(f.is_signed ? f.bits - 1 : f.bits);
}

/// The number of a format's integer: magnitude * 2^-fraction_bits.
Number scaled(const IntegerFormat& f, std::uint64_t magnitude, bool negative) {
  if (magnitude == 0) return {};
  return {Kind::finite, negative, false, -f.fraction_bits, magnitude};
}

/// log2 of the quotient of two positive finite numbers, whose exponents may exceed binary64's.
double log2_ratio(const Number& larger, const Number& smaller) {
  const auto log2_of_significand = [](const Number& x) {
    return std::log2(static_cast<double>(x.significand));
  };
  return log2_of_significand(larger) - log2_of_significand(smaller) +
         static_cast<double>(larger.exponent - smaller.exponent);
}

/// 2^bits as a count, saturated.
std::uint64_t saturating_power(int bits) {
  return bits >= 64 ? std::numeric_limits<std::uint64_t>::max() : std::uint64_t{1} << bits;
}

}  // namespace

Number max_finite(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::max_finite(format);
  if (const auto* f = as_float(format)) {
    return {Kind::finite, false, false, max_quantum_exponent(*f), max_significand(*f)};
  }
  const auto& f = std::get<IntegerFormat>(format);
  return scaled(f, integer_max(f), false);
}

Number lowest_finite(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::lowest_finite(format);
  if (const auto* f = as_float(format)) {
    if (!f->is_signed) return f->has_zero ? Number{} : min_positive(format);
    Number lowest = max_finite(format);
    lowest.negative = true;
    return lowest;
  }
  const auto& f = std::get<IntegerFormat>(format);
  if (!f.is_signed) return {};
  return scaled(f, integer_max(f) + (f.symmetric ? 0 : 1), true);
}

Number min_positive(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::min_positive(format);
  const auto* f = as_float(format);
  if (f == nullptr) {
    const auto& integer = std::get<IntegerFormat>(format);
    return integer_max(integer) == 0 ? Number{} : power_of_two(-integer.fraction_bits);
  }
  if (!f->has_zero || f->subnormals == Subnormals::off || f->trailing_bits == 0) {
    return power_of_two(smallest_normal_exponent(*f));
  }
  return power_of_two(smallest_normal_exponent(*f) - f->trailing_bits);
}

Number min_normal(const Format& format) {
  if (ordered::is_ordered(format)) return min_positive(format);
  const auto* f = as_float(format);
  if (f == nullptr) return power_of_two(-std::get<IntegerFormat>(format).fraction_bits);
  return is_fixed_grid(*f) ? min_positive(format) : power_of_two(smallest_normal_exponent(*f));
}

int precision(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::precision(format);
  if (const auto* f = as_float(format)) return f->trailing_bits + (is_fixed_grid(*f) ? 0 : 1);
  const auto& f = std::get<IntegerFormat>(format);
  return f.is_signed ? f.bits - 1 : f.bits;
}

int emin(const FloatFormat& format) { return smallest_normal_exponent(format); }

int emax(const FloatFormat& format) {
  return max_quantum_exponent(format) + bit_width(max_significand(format)) - 1;
}

bool has_nan(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::has_nan(format);
  const auto* f = as_float(format);
  if (f == nullptr || f->non_finite == NonFinite::finite) return false;
  return f->non_finite != NonFinite::ieee || f->trailing_bits > 0;
}

bool has_infinity(const Format& format) {
  const auto* f = as_float(format);
  return f != nullptr &&
         (f->non_finite == NonFinite::ieee || f->non_finite == NonFinite::p3109_extended);
}

bool has_negative_zero(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::has_negative_zero(format);
  const auto* f = as_float(format);
  return f != nullptr && f->is_signed && f->has_zero && f->non_finite != NonFinite::fnuz &&
         !is_p3109(*f);
}

double epsilon(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::epsilon(format);
  if (const auto* f = std::get_if<IntegerFormat>(&format))
    return std::ldexp(1.0, -f->fraction_bits);
  return std::ldexp(1.0, 1 - precision(format));
}

double unit_roundoff(const Format& format) { return epsilon(format) / 2; }

double dynamic_range_db(const Format& format) {
  return 20 * std::log10(2.0) * dynamic_range_binades(format);
}

double dynamic_range_binades(const Format& format) {
  const Number smallest = min_positive(format);
  return smallest.kind == Kind::zero ? 0.0 : log2_ratio(max_finite(format), smallest);
}

std::uint64_t finite_code_count(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::finite_code_count(format);
  const auto* f = as_float(format);
  if (f == nullptr) {
    const auto& integer = std::get<IntegerFormat>(format);
    return saturating_power(integer.bits) - (integer.symmetric ? 1 : 0);
  }
  const int bits = width(format);
  if (bits > 64) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t infinities = has_infinity(format) ? (f->is_signed ? 2 : 1) : 0;
  const std::uint64_t others = nan_code_count(format) + infinities;
  // 2^64 - others wraps to the right count; only 2^64 itself does not fit.
  if (bits == 64 && others > 0) return std::uint64_t{0} - others;
  return saturating_power(bits) - others;
}

std::uint64_t nan_code_count(const Format& format) {
  if (!has_nan(format)) return 0;
  if (ordered::is_ordered(format)) return 1;
  const auto& f = std::get<FloatFormat>(format);
  const std::uint64_t signs = f.is_signed ? 2 : 1;
  switch (f.non_finite) {
    case NonFinite::ieee:
      return signs * low_bits(f.trailing_bits);
    case NonFinite::fn:
      return signs;
    case NonFinite::fnuz:
    case NonFinite::p3109_finite:
    case NonFinite::p3109_extended:
      return 1;
    case NonFinite::finite:
      break;
  }
  return 0;
}

bool fits_binary32(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::fits_binary32(format);
  const auto* f = as_float(format);
  if (f == nullptr) {
    const auto& integer = std::get<IntegerFormat>(format);
    const int most_bits = integer.is_signed ? 25 : 24;
    const int top = integer.bits - (integer.is_signed ? 1 : 0) - integer.fraction_bits;
    return integer.bits <= most_bits && integer.fraction_bits <= 149 && top <= 127;
  }
  const int lowest_quantum = smallest_normal_exponent(*f) - f->trailing_bits;
  return precision(format) <= 24 && lowest_quantum >= -149 && emax(*f) <= 127;
}

}  // namespace halfulp
