#include "sim/odd_rounder.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "formats/number.h"
#include "formats/properties.h"

namespace halfulp {

namespace {

const Destination kBinary32 = {FloatFormat{8, 23, 127},
                               {Rounding::nearest_even, Overflow::infinity}};

/// Two bits of binary32 are left below every number of the format, subnormal ones too, and above
/// the largest one.
bool has_room_in_binary32(const Format& format) {
  constexpr int kMostBits = 22;
  if (!fits_binary32(format) || std::holds_alternative<CodebookFormat>(format)) return false;
  return precision(format) <= kMostBits && to_double(max_finite(format)) < 0x1p127 * 1.999 &&
         to_double(min_positive(format)) >= 0x1p-147;
}

float to_odd(double x) {
  const auto nearest = static_cast<float>(x);
  const auto back = static_cast<double>(nearest);
  const auto bits = std::bit_cast<std::uint32_t>(nearest);
  const bool is_kept = back == x || (bits & 1) != 0 || std::isnan(x);
  const std::uint32_t odd = std::abs(back) < std::abs(x) ? bits + 1 : bits - 1;
  return std::bit_cast<float>(is_kept ? bits : odd);
}

}  // namespace

OddRounder::OddRounder(const Destination& to) : is_binary32_(to == kBinary32) {
  if (is_binary32_) return;
  if (has_room_in_binary32(to.format)) {
    narrow_.emplace(to.format, to.rounding);
  } else {
    wide_.emplace(to.format, to.rounding);
  }
}

void OddRounder::round(double* values, std::size_t count) const {
  if (wide_) return wide_->round(values, values, count);
  constexpr std::size_t kLine = 256;
  float line[kLine];
  for (std::size_t first = 0; first < count; first += kLine) {
    const std::size_t n = std::min(kLine, count - first);
    double* const x = values + first;
    if (is_binary32_) {
      for (std::size_t i = 0; i < n; ++i) line[i] = static_cast<float>(x[i]);
    } else {
      for (std::size_t i = 0; i < n; ++i) line[i] = to_odd(x[i]);
      narrow_->round(line, line, n);
    }
    for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<double>(line[i]);
  }
}

}  // namespace halfulp
