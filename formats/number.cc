#include "formats/number.h"

#include <bit>

#include "formats/codec.h"
#include "formats/format.h"
#include "formats/round.h"

namespace halfulp {

namespace {

constexpr FloatFormat kBinary64{11, 52, 1023};
constexpr std::uint64_t kTrailingMask = (std::uint64_t{1} << 52) - 1;

double with_sign(std::uint64_t magnitude, bool negative) {
  return std::bit_cast<double>(magnitude | (negative ? std::uint64_t{1} << 63 : 0));
}

}  // namespace

Number from_double(double x) {
  const auto code = std::bit_cast<std::uint64_t>(x);
  const bool negative = (code >> 63) != 0;
  const int biased = static_cast<int>((code >> 52) & 0x7FF);
  const std::uint64_t trailing = code & kTrailingMask;
  if (biased == 0x7FF) {
    return {trailing == 0 ? Number::Kind::infinity : Number::Kind::nan, negative};
  }
  if (biased == 0) {
    if (trailing == 0) return {Number::Kind::zero, negative};
    return {Number::Kind::finite, negative, false, -1074, trailing};
  }
  return {Number::Kind::finite, negative, false, biased - 1075, trailing | (kTrailingMask + 1)};
}

double to_double(const Number& x) {
  switch (x.kind) {
    case Number::Kind::zero:
      return with_sign(0, x.negative);
    case Number::Kind::infinity:
      return with_sign(std::uint64_t{0x7FF} << 52, x.negative);
    case Number::Kind::nan:
      return with_sign(std::uint64_t{0x7FF8} << 48, false);
    case Number::Kind::finite:
      break;
  }
  // Exact normal results, by far the most common, need no rounding.
  const int leading_zeros = std::countl_zero(x.significand);
  const std::int64_t exponent = std::int64_t{x.exponent} + 63 - leading_zeros;
  const std::uint64_t normalized = x.significand << leading_zeros;
  if (!x.sticky && (normalized & 0x7FF) == 0 && exponent >= -1022 && exponent <= 1023) {
    const auto biased = static_cast<std::uint64_t>(exponent + 1023);
    return with_sign((biased << 52) | ((normalized >> 11) & kTrailingMask), x.negative);
  }
  Flags ignored;
  const RoundSpec nearest{Rounding::nearest_even, Overflow::infinity};
  const Number rounded = round_to(kBinary64, nearest, x, 0, ignored);
  return std::bit_cast<double>(static_cast<std::uint64_t>(encode(kBinary64, rounded)));
}

}  // namespace halfulp
