#include "formats/exact_sum.h"

#include <algorithm>
#include <stdexcept>

#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;
using Limbs = std::vector<std::uint64_t>;

constexpr std::int64_t kLimbBits = 64;
constexpr int kModuloFractionBits = 47;

std::int64_t floor_to_limb(std::int64_t exponent) {
  return (exponent >= 0 ? exponent : exponent - (kLimbBits - 1)) / kLimbBits * kLimbBits;
}

void check_exact(bool sticky) {
  if (sticky) throw std::invalid_argument(kIrrational);
}

/// limbs += term, or limbs -= term, from limb `start` on.
void accumulate(Limbs& limbs, std::size_t start, const std::uint64_t (&term)[3], bool subtract) {
  std::uint64_t carry = subtract ? 1 : 0;  // -t = ~t + 1
  for (std::size_t i = start; i < limbs.size(); ++i) {
    const std::uint64_t limb = i < start + 3 ? term[i - start] : 0;
    const uint128 sum = uint128{limbs[i]} + (subtract ? ~limb : limb) + carry;
    limbs[i] = static_cast<std::uint64_t>(sum);
    carry = static_cast<std::uint64_t>(sum >> kLimbBits);
    const bool settled = i >= start + 2 && carry == (subtract ? 1u : 0u);
    if (settled) return;
  }
}

bool is_negative(const Limbs& limbs) { return !limbs.empty() && limbs.back() >> 63 != 0; }

Limbs magnitude_of(const Limbs& limbs) {
  Limbs result = limbs;
  if (!is_negative(limbs)) return result;
  std::uint64_t carry = 1;
  for (std::uint64_t& limb : result) {
    limb = ~limb + carry;
    carry = carry != 0 && limb == 0 ? 1 : 0;
  }
  return result;
}

std::int64_t bit_count(const Limbs& limbs) {
  for (std::size_t i = limbs.size(); i > 0; --i) {
    if (limbs[i - 1] != 0) {
      return static_cast<std::int64_t>(i - 1) * kLimbBits + bit_width(limbs[i - 1]);
    }
  }
  return 0;
}

/// The 64 bits from bit `low` on, which may lie outside the window.
std::uint64_t word_at(const Limbs& limbs, std::int64_t low) {
  const auto limb = [&](std::int64_t index) {
    const bool inside = index >= 0 && index < static_cast<std::int64_t>(limbs.size());
    return inside ? limbs[static_cast<std::size_t>(index)] : 0;
  };
  const std::int64_t index = floor_to_limb(low) / kLimbBits;
  const std::int64_t shift = low - index * kLimbBits;
  if (shift == 0) return limb(index);
  return (limb(index) >> shift) | (limb(index + 1) << (kLimbBits - shift));
}

bool any_bit_below(const Limbs& limbs, std::int64_t end) {
  for (std::int64_t i = 0; i * kLimbBits < end && i < static_cast<std::int64_t>(limbs.size());
       ++i) {
    const std::int64_t bits = end - i * kLimbBits;
    const std::uint64_t limb = limbs[static_cast<std::size_t>(i)];
    if ((bits >= kLimbBits ? limb : limb << (kLimbBits - bits)) != 0) return true;
  }
  return false;
}

/// The leading 128 bits of the magnitude.
WideNumber leading_bits(const Limbs& limbs, std::int64_t low_exponent) {
  const std::int64_t low = std::max<std::int64_t>(bit_count(limbs) - 128, 0);
  WideNumber result{Kind::finite};
  result.sticky = any_bit_below(limbs, low);
  result.exponent = static_cast<std::int32_t>(low_exponent + low);
  result.significand = uint128{word_at(limbs, low + kLimbBits)} << kLimbBits | word_at(limbs, low);
  return result;
}

/// 2^80 + (sum mod 2^64) in units of 2^quantum, with the 47 bits behind that rounding looks at.
WideNumber modulo_bits(const Limbs& limbs, std::int64_t low_exponent, int quantum) {
  const std::int64_t unit = quantum - low_exponent;
  const uint128 whole = word_at(limbs, unit);
  const std::uint64_t fraction = word_at(limbs, unit - kLimbBits) >> (64 - kModuloFractionBits);
  WideNumber result{Kind::finite};
  result.sticky = any_bit_below(limbs, unit - kModuloFractionBits);
  result.exponent = quantum - kModuloFractionBits;
  result.significand = uint128{1} << 127 | whole << kModuloFractionBits | fraction;
  return result;
}

}  // namespace

int integer_quantum(const Format& format) {
  const auto* f = std::get_if<IntegerFormat>(&format);
  return f == nullptr ? 0 : -f->fraction_bits;
}

WideNumber multiply(const Number& x, const Number& y, Flags& flags) {
  check_exact(x.sticky || y.sticky);
  if (x.kind == Kind::nan || y.kind == Kind::nan) return {Kind::nan};
  const bool negative = x.negative != y.negative;
  const bool has_infinity = x.kind == Kind::infinity || y.kind == Kind::infinity;
  const bool has_zero = x.kind == Kind::zero || y.kind == Kind::zero;
  if (has_infinity && has_zero) {
    flags.invalid = true;
    return {Kind::nan};
  }
  if (has_infinity) return {Kind::infinity, negative};
  if (has_zero) return {Kind::zero, negative};
  return {Kind::finite, negative, false, x.exponent + y.exponent,
          uint128{x.significand} * y.significand};
}

void ExactSum::add(const WideNumber& x) {
  check_exact(x.sticky);
  switch (x.kind) {
    case Kind::nan:
      has_nan_ = true;
      return;
    case Kind::infinity:
      (x.negative ? has_negative_infinity_ : has_positive_infinity_) = true;
      return;
    case Kind::zero:
    case Kind::finite:
      break;
  }
  (x.negative ? has_negative_term_ : has_positive_term_) = true;
  if (x.kind == Kind::finite) add_finite(x);
}

void ExactSum::add_product(const Number& x, const Number& y) {
  Flags flags;
  add(multiply(x, y, flags));
  is_invalid_ = is_invalid_ || flags.invalid;
}

/// Grows the window so that bits 2^low up to 2^high lie in it, below the limb of carries.
void ExactSum::cover(std::int64_t low, std::int64_t high) {
  if (limbs_.empty()) low_exponent_ = floor_to_limb(low);
  if (low < low_exponent_) {
    const std::int64_t new_low = floor_to_limb(low);
    limbs_.insert(limbs_.begin(), static_cast<std::size_t>((low_exponent_ - new_low) / kLimbBits),
                  0);
    low_exponent_ = new_low;
  }
  const auto needed = static_cast<std::size_t>((high - low_exponent_) / kLimbBits + 2);
  const std::uint64_t sign = is_negative(limbs_) ? ~std::uint64_t{0} : 0;
  if (limbs_.size() < needed) limbs_.resize(needed, sign);
}

void ExactSum::add_finite(const WideNumber& x) {
  cover(x.exponent, std::int64_t{x.exponent} + 127);
  const std::int64_t position = x.exponent - low_exponent_;
  const std::int64_t shift = position % kLimbBits;
  const auto low = static_cast<std::uint64_t>(x.significand);
  const auto high = static_cast<std::uint64_t>(x.significand >> kLimbBits);
  std::uint64_t term[3] = {low, high, 0};
  if (shift != 0) {
    const std::int64_t rest = kLimbBits - shift;
    term[0] = low << shift;
    term[1] = (high << shift) | (low >> rest);
    term[2] = high >> rest;
  }
  accumulate(limbs_, static_cast<std::size_t>(position / kLimbBits), term, x.negative);
}

std::vector<std::uint64_t> ExactSum::magnitude(bool& negative, std::int64_t& exponent) const {
  negative = is_negative(limbs_);
  exponent = low_exponent_;
  Limbs words = magnitude_of(limbs_);
  while (!words.empty() && words.back() == 0) words.pop_back();
  return words;
}

WideNumber ExactSum::value(const Format& format, const RoundSpec& spec, Flags& flags) const {
  const bool opposite_infinities = has_positive_infinity_ && has_negative_infinity_;
  if (has_nan_ || opposite_infinities) {
    // A NaN term is passed on silently, unless it stands for an invalid product.
    flags.invalid = flags.invalid || is_invalid_ || (opposite_infinities && !has_nan_);
    return {Kind::nan};
  }
  if (has_positive_infinity_ || has_negative_infinity_) {
    return {Kind::infinity, has_negative_infinity_};
  }
  const Limbs bits = magnitude_of(limbs_);
  const std::int64_t count = bit_count(bits);
  if (count == 0) {
    const bool only_negative = has_negative_term_ && !has_positive_term_;
    const bool both = has_negative_term_ && has_positive_term_;
    const bool toward_negative = spec.rounding == Rounding::toward_negative;
    return {Kind::zero, only_negative || (both && toward_negative)};
  }
  // The leading bits decide unless they end above what rounding to whole quanta looks at; a sum so
  // large is out of every range.
  const std::int64_t cut = low_exponent_ + count - 128;
  const bool modulo = spec.overflow == Overflow::wrap && count > 128 &&
                      cut > integer_quantum(format) - kModuloFractionBits;
  WideNumber result = modulo ? modulo_bits(bits, low_exponent_, integer_quantum(format))
                             : leading_bits(bits, low_exponent_);
  result.negative = is_negative(limbs_);
  return result;
}

Number ExactSum::round(const Format& format, const RoundSpec& spec, std::uint64_t random,
                       Flags& flags) const {
  return round_to(format, spec, value(format, spec, flags), random, flags);
}

}  // namespace halfulp
