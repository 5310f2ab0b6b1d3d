#include "formats/accumulate_aligned.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/code.h"
#include "formats/exact_sum.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

/// value * 2^unit, with the exponent that the alignment sees: that of the unnormalized significand.
struct Term {
  int128 value = 0;
  std::int64_t unit = 0;
  std::int64_t exponent = 0;
};

/// NaN and infinities among the terms.
class SpecialTerms {
 public:
  void add(Kind kind, bool negative) {
    nan_ = nan_ || kind == Kind::nan;
    if (kind == Kind::infinity) (negative ? minus_ : plus_) = true;
  }

  bool any() const { return nan_ || plus_ || minus_; }

  WideNumber sum(Flags& flags) const {
    const bool opposite = plus_ && minus_;
    if (opposite && !nan_) flags.invalid = true;
    if (nan_ || opposite) return {Kind::nan, false, false, 0, 0};
    return {Kind::infinity, minus_, false, 0, 0};
  }

 private:
  bool nan_ = false, plus_ = false, minus_ = false;
};

std::int64_t exponent_of(const Number& x, int least) {
  return std::max<std::int64_t>(x.exponent + bit_width(x.significand) - 1, least);
}

bool is_zero(const Number& x, const AlignedSum& rule, int operand) {
  if (x.kind != Kind::finite) return x.kind == Kind::zero;
  const int least = rule.operand_exponents[operand];
  return rule.flush_operands && x.exponent + bit_width(x.significand) - 1 < least;
}

/// floor, or toward zero, or nearest even, of value / 2^shift.
int128 shifted(int128 value, std::int64_t shift, Rounding mode, Flags& flags) {
  if (shift <= 0) return value << -shift;
  const bool negative = value < 0;
  const auto magnitude = static_cast<uint128>(negative ? -value : value);
  uint128 whole = shift >= 127 ? 0 : magnitude >> shift;
  const uint128 rest = shift >= 127 ? magnitude : magnitude - (whole << shift);
  if (rest == 0) return negative ? -static_cast<int128>(whole) : static_cast<int128>(whole);
  flags.inexact = true;
  if (mode == Rounding::toward_negative) {
    whole += negative ? 1 : 0;
  } else if (mode == Rounding::nearest_even && shift < 127) {
    const uint128 half = uint128{1} << (shift - 1);
    if (rest > half || (rest == half && (whole & 1) != 0)) ++whole;
  }
  return negative ? -static_cast<int128>(whole) : static_cast<int128>(whole);
}

/// All terms cut to `bits` bits below the largest exponent and added.
Term aligned(const std::vector<Term>& terms, int bits, const AlignedSum& rule, Flags& flags) {
  Term sum;
  sum.exponent = rule.least_exponent;
  for (const Term& term : terms) sum.exponent = std::max(sum.exponent, term.exponent);
  sum.unit = sum.exponent - bits;
  for (const Term& term : terms) {
    sum.value += shifted(term.value, sum.unit - term.unit, rule.alignment, flags);
  }
  return sum;
}

/// Two sums aligned to the larger exponent, each rounded down to its number of bits below it.
Term realigned(const Term& x, int x_bits, const Term& y, int y_bits, Flags& flags) {
  const std::int64_t exponent = std::max(x.exponent, y.exponent);
  const int bits = std::max(x_bits, y_bits);
  const auto part = [&](const Term& term, int own) {
    return shifted(term.value, exponent - own - term.unit, Rounding::toward_negative, flags)
           << (bits - own);
  };
  return {part(x, x_bits) + part(y, y_bits), exponent - bits, exponent};
}

class Addition {
 public:
  Addition(const AlignedSum& rule, Flags& flags) : rule_(rule), flags_(flags) {}

  WideNumber operator()(std::span<const Number> a, std::span<const Number> b,
                        const Number& addend) {
    SpecialTerms special;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (is_finite(a[i]) && is_finite(b[i])) continue;
      const WideNumber product = multiply(a[i], b[i], flags_);
      special.add(product.kind, product.negative);
    }
    special.add(addend.kind, addend.negative);
    if (special.any()) return special.sum(flags_);
    const bool joins = rule_.addend == AlignedSum::Addend::aligned;
    Term sum = products(a, b, joins ? addend : Number{});
    if (rule_.addend == AlignedSum::Addend::realigned) sum = realigned_with(sum, addend);
    const bool negative = sum.value < 0;
    const auto magnitude = static_cast<uint128>(negative ? -sum.value : sum.value);
    if (magnitude == 0) return {};
    return {Kind::finite, negative, false, static_cast<std::int32_t>(sum.unit), magnitude};
  }

 private:
  static bool is_finite(const Number& x) { return x.kind == Kind::finite || x.kind == Kind::zero; }

  static Term term_of(const Number& x) {
    const auto magnitude = static_cast<int128>(x.significand);
    return {x.negative ? -magnitude : magnitude, x.exponent, exponent_of(x, -126)};
  }

  Term products(std::span<const Number> a, std::span<const Number> b, const Number& addend) {
    const auto lanes = static_cast<std::size_t>(rule_.lanes);
    std::vector<Term> sums;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      std::vector<Term> terms;
      for (std::size_t i = lane; i < a.size(); i += lanes) add_product(a[i], b[i], terms);
      if (lane == 0 && addend.kind == Kind::finite) terms.push_back(term_of(addend));
      sums.push_back(aligned(terms, rule_.fraction_bits, rule_, flags_));
    }
    Term sum = sums[0];
    for (std::size_t lane = 1; lane < lanes; ++lane) {
      sum = realigned(sum, rule_.fraction_bits, sums[lane], rule_.fraction_bits, flags_);
    }
    return sum;
  }

  void add_product(const Number& a, const Number& b, std::vector<Term>& terms) {
    if (is_zero(a, rule_, 0) || is_zero(b, rule_, 1)) return;
    const auto magnitude = static_cast<int128>(uint128{a.significand} * b.significand);
    terms.push_back(
        {a.negative != b.negative ? -magnitude : magnitude, a.exponent + b.exponent,
         exponent_of(a, rule_.operand_exponents[0]) + exponent_of(b, rule_.operand_exponents[1])});
  }

  Term realigned_with(const Term& sum, const Number& addend) {
    Term other;
    other.exponent = rule_.least_exponent;
    if (addend.kind == Kind::finite) other = term_of(addend);
    return realigned(sum, rule_.realigned_bits, other, rule_.fraction_bits, flags_);
  }

  const AlignedSum& rule_;
  Flags& flags_;
};

}  // namespace

WideNumber aligned_addition(const AlignedSum& rule, std::span<const Number> a,
                            std::span<const Number> b, const Number& addend, Flags& flags) {
  return Addition(rule, flags)(a, b, addend);
}

}  // namespace halfulp
