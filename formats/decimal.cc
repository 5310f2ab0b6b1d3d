#include "formats/decimal.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace halfulp {

namespace {

/// Beyond the range of every format (bias up to 100,000): the exact value no longer matters.
constexpr std::int64_t kFarExponent10 = 60'000;
constexpr std::int32_t kFarExponent2 = 1'000'000;

/// Nonnegative integer of any size; limbs of 32 bits, least significant first, no leading zero
/// limb.
class BigInteger {
 public:
  void multiply_add(std::uint32_t factor, std::uint32_t addend) {
    std::uint64_t carry = addend;
    for (std::uint32_t& limb : limbs_) {
      carry += std::uint64_t{limb} * factor;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) limbs_.push_back(static_cast<std::uint32_t>(carry));
  }

  void append_decimal(std::string_view digits) {
    while (!digits.empty()) {
      const std::string_view part = digits.substr(0, 9);
      std::uint32_t scale = 1;
      std::uint32_t value = 0;
      for (const char digit : part) {
        scale *= 10;
        value = value * 10 + static_cast<std::uint32_t>(digit - '0');
      }
      multiply_add(scale, value);
      digits.remove_prefix(part.size());
    }
  }

  void multiply_by_power_of_five(std::int64_t power) {
    constexpr std::uint32_t kFiveTo13 = 1'220'703'125;
    for (; power >= 13; power -= 13) multiply_add(kFiveTo13, 0);
    for (; power > 0; --power) multiply_add(5, 0);
  }

  std::int64_t bits() const {
    if (limbs_.empty()) return 0;
    return static_cast<std::int64_t>(limbs_.size()) * 32 - std::countl_zero(limbs_.back());
  }

  void shift_left(std::int64_t count) {
    const int within = static_cast<int>(count % 32);
    if (within != 0) multiply_add(std::uint32_t{1} << within, 0);
    limbs_.insert(limbs_.begin(), static_cast<std::size_t>(count / 32), 0);
  }

  void halve() {
    std::uint32_t carry = 0;
    for (auto limb = limbs_.rbegin(); limb != limbs_.rend(); ++limb) {
      const std::uint32_t low = *limb & 1;
      *limb = (*limb >> 1) | (carry << 31);
      carry = low;
    }
    trim();
  }

  bool less_than(const BigInteger& other) const {
    if (limbs_.size() != other.limbs_.size()) return limbs_.size() < other.limbs_.size();
    return std::lexicographical_compare(limbs_.rbegin(), limbs_.rend(), other.limbs_.rbegin(),
                                        other.limbs_.rend());
  }

  /// `other` must not be larger.
  void subtract(const BigInteger& other) {
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < limbs_.size(); ++i) {
      borrow += std::int64_t{limbs_[i]} - (i < other.limbs_.size() ? other.limbs_[i] : 0);
      limbs_[i] = static_cast<std::uint32_t>(borrow);
      borrow >>= 32;
    }
    trim();
  }

  bool is_zero() const { return limbs_.empty(); }

 private:
  void trim() {
    while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
  }

  std::vector<std::uint32_t> limbs_;
};

/// numerator / denominator * 2^exponent2, the first 128 bits.
WideNumber divide(BigInteger numerator, BigInteger denominator, std::int64_t exponent2) {
  // Scale to a quotient in (2^127, 2^129): 128 bits after the loop, or 129 cut by one.
  const std::int64_t shift = 128 - (numerator.bits() - denominator.bits());
  if (shift > 0) numerator.shift_left(shift);
  if (shift < 0) denominator.shift_left(-shift);
  denominator.shift_left(128);
  WideNumber result{Number::Kind::finite};
  int quotient_bits = 0;
  std::int64_t bits_below = 128;
  for (; bits_below >= 0 && quotient_bits < 128; --bits_below) {
    const bool one = !numerator.less_than(denominator);
    if (one) numerator.subtract(denominator);
    if (one || quotient_bits > 0) {
      result.significand = (result.significand << 1) | (one ? 1 : 0);
      ++quotient_bits;
    }
    denominator.halve();
  }
  result.exponent = static_cast<std::int32_t>(exponent2 - shift + bits_below + 1);
  result.sticky = !numerator.is_zero();
  return result;
}

/// value / 10^power for 0 <= power <= 19: long division in base 2^64.
WideNumber divide_by_small_power(std::uint64_t value, int power) {
  std::uint64_t divisor = 1;
  for (int i = 0; i < power; ++i) divisor *= 10;
  // The value is words[0] + words[1] 2^-64 + ..., then the remainder.
  std::uint64_t words[4];
  std::uint64_t remainder = 0;
  for (std::uint64_t& word : words) {
    const uint128 part = (uint128{remainder} << 64) | (&word == words ? value : 0);
    word = static_cast<std::uint64_t>(part / divisor);
    remainder = static_cast<std::uint64_t>(part % divisor);
  }
  // Keep 128 bits from the first one on; value >= 10^-19 > 2^-64 puts it in the first two words.
  const std::size_t first = words[0] != 0 ? 0 : 1;
  const int leading_zeros = std::countl_zero(words[first]);
  const std::uint64_t next = words[first + 2];
  WideNumber result{Number::Kind::finite};
  result.significand = (uint128{words[first]} << 64 | words[first + 1]) << leading_zeros;
  if (leading_zeros > 0) result.significand |= next >> (64 - leading_zeros);
  result.exponent = -64 * (static_cast<int>(first) + 1) - leading_zeros;
  result.sticky = next << leading_zeros != 0 || (first == 0 && words[3] != 0) || remainder != 0;
  return result;
}

}  // namespace

WideNumber decimal_to_binary(std::string_view digits, std::int64_t exponent10) {
  const std::int64_t magnitude10 = exponent10 + static_cast<std::int64_t>(digits.size());
  if (magnitude10 > kFarExponent10) return {Number::Kind::finite, false, false, kFarExponent2, 1};
  if (magnitude10 < -kFarExponent10) {
    return {Number::Kind::finite, false, true, -kFarExponent2, uint128{1} << 127};
  }
  if (digits.size() <= 19 && exponent10 <= 0 && exponent10 >= -19) {
    std::uint64_t value = 0;
    for (const char digit : digits) value = value * 10 + static_cast<std::uint64_t>(digit - '0');
    if (exponent10 == 0) return {Number::Kind::finite, false, false, 0, value};
    return divide_by_small_power(value, static_cast<int>(-exponent10));
  }
  BigInteger numerator;
  numerator.append_decimal(digits);
  BigInteger denominator;
  denominator.multiply_add(1, 1);
  if (exponent10 >= 0) {
    numerator.multiply_by_power_of_five(exponent10);
  } else {
    denominator.multiply_by_power_of_five(-exponent10);
  }
  return divide(std::move(numerator), std::move(denominator), exponent10);
}

}  // namespace halfulp
