#include "formats/difference_points.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "formats/families/place.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

}  // namespace

bool same_number(const Number& a, const Number& b) {
  if (a.kind == Kind::nan && b.kind == Kind::nan) return true;
  return ordered::same_number(widen(a), widen(b));
}

WideNumber normalized(WideNumber x) {
  if (x.kind != Kind::finite || x.significand == 0) return x;
  const int shift = 128 - bit_width(x.significand);
  x.significand <<= shift;
  x.exponent -= shift;
  return x;
}

std::strong_ordering compare_magnitudes(const WideNumber& a, const WideNumber& b) {
  if (a.kind == Kind::zero || b.kind == Kind::zero) {
    return (a.kind == Kind::zero ? 0 : 1) <=> (b.kind == Kind::zero ? 0 : 1);
  }
  if (a.exponent != b.exponent) return a.exponent <=> b.exponent;
  if (a.significand == b.significand) return std::strong_ordering::equal;
  return a.significand < b.significand ? std::strong_ordering::less : std::strong_ordering::greater;
}

std::strong_ordering compare_values(const Number& a, const Number& b) {
  if (a.negative != b.negative) return b.negative <=> a.negative;
  auto order = compare_magnitudes(normalized(widen(a)), normalized(widen(b)));
  if (order == 0) order = a.sticky <=> b.sticky;
  return a.negative ? 0 <=> order : order;
}

std::optional<double> as_double(const WideNumber& x) {
  if (x.kind == Kind::zero) return 0.0;
  const int drop = std::max(0, bit_width(x.significand) - 64);
  if ((x.significand & low_code_bits(drop)) != 0) return std::nullopt;
  const Number narrow{Kind::finite, x.negative, false, x.exponent + drop,
                      static_cast<std::uint64_t>(x.significand >> drop)};
  const double value = to_double(narrow);
  if (!std::isfinite(value) || !same_number(from_double(value), narrow)) return std::nullopt;
  return value;
}

std::optional<WideNumber> point_between(const Number& low, const Number& high, std::int64_t t,
                                        int k) {
  struct End {
    std::uint64_t significand = 0;
    std::int64_t exponent = std::numeric_limits<std::int32_t>::max();
    bool negative = false;
  };

  const auto stripped = [](const Number& x) -> End {
    if (x.kind == Kind::zero) return {};
    const int zeros = std::countr_zero(x.significand);
    return {x.significand >> zeros, std::int64_t{x.exponent} + zeros, x.negative};
  };
  const End a = stripped(low);
  const End b = stripped(high);
  const std::int64_t lowest = std::min(a.exponent, b.exponent);
  const auto reaches = [&](const End& end) {
    return end.significand == 0 || end.exponent - lowest + bit_width(end.significand) + k < 124;
  };
  if (!reaches(a) || !reaches(b)) return std::nullopt;
  const auto scaled = [&](const End& end) {
    const int128 whole =
        end.significand == 0 ? 0 : int128{end.significand} << (end.exponent - lowest);
    return end.negative ? -whole : whole;
  };
  const int128 sum = scaled(a) * ((std::int64_t{1} << k) - t) + scaled(b) * t;
  if (sum == 0) return WideNumber{};
  return WideNumber{Kind::finite, sum < 0, false, static_cast<std::int32_t>(lowest - k),
                    static_cast<uint128>(sum < 0 ? -sum : sum)};
}

}  // namespace halfulp
