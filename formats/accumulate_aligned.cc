#include "formats/accumulate_aligned.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "formats/code.h"
#include "formats/exact_sum.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

constexpr int kBinary32LeastExponent = -126;  ///< addends are binary32 or narrower
constexpr int kMostBits = 116;                ///< of a term, but for carries
constexpr int kProductLimit = 128;            ///< binary32 ends below 2^128

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

/// floor(log2 |x|) of a finite number.
std::int64_t leading_exponent(const Number& x) {
  return std::int64_t{x.exponent} + bit_width(x.significand) - 1;
}

std::int64_t exponent_of(const Number& x, int least) {
  return std::max<std::int64_t>(leading_exponent(x), least);
}

uint128 magnitude_of(int128 value) {
  return value < 0 ? -static_cast<uint128>(value) : static_cast<uint128>(value);
}

int128 with_sign(uint128 magnitude, bool negative) {
  return negative ? -static_cast<int128>(magnitude) : static_cast<int128>(magnitude);
}

/// floor, or toward zero, or nearest even, of value / 2^shift.
int128 shifted(int128 value, std::int64_t shift, Rounding mode, Flags& flags) {
  if (value == 0) return 0;
  const bool negative = value < 0;
  const uint128 magnitude = magnitude_of(value);
  if (shift <= 0) {
    if (bit_width(magnitude) - shift > kMostBits) {
      throw std::invalid_argument("exact sums of products reach too far above their scales");
    }
    return with_sign(magnitude << -shift, negative);
  }
  uint128 whole = shift >= 128 ? 0 : magnitude >> shift;
  const uint128 rest = shift >= 128 ? magnitude : magnitude - (whole << shift);
  if (rest == 0) return with_sign(whole, negative);
  flags.inexact = true;
  if (mode == Rounding::toward_negative) {
    whole += negative ? 1 : 0;
  } else if (mode == Rounding::nearest_even && shift < 128) {
    const uint128 half = uint128{1} << (shift - 1);
    if (rest > half || (rest == half && (whole & 1) != 0)) ++whole;
  }
  return with_sign(whole, negative);
}

/// Two sums aligned to the larger exponent, each rounded down to its number of bits below it.
Term realigned(const Term& x, int x_bits, const Term& y, int y_bits, Flags& flags) {
  const std::int64_t exponent = std::max(x.exponent, y.exponent);
  const int bits = std::max(x_bits, y_bits);
  const auto part = [&](const Term& term, int own) {
    const std::int64_t shift = exponent - own - term.unit;
    return shifted(term.value, shift, Rounding::toward_negative, flags) *
           (int128{1} << (bits - own));
  };
  return {part(x, x_bits) + part(y, y_bits), exponent - bits, exponent};
}

class Addition {
 public:
  Addition(const AlignedSum& rule, int scale_exponent, Flags& flags)
      : rule_(rule), scale_exponent_(scale_exponent), flags_(flags) {}

  WideNumber operator()(std::vector<ScaledProduct> products, const Number& addend) {
    if (rule_.flush_operands) {
      for (ScaledProduct& p : products) {
        flush(p.a, rule_.operand_exponents[0]);
        flush(p.b, rule_.operand_exponents[1]);
      }
    }
    const bool is_separate = rule_.addend == AlignedSum::Addend::separate;
    const SpecialTerms special = specials(products, is_separate ? Number{} : addend);
    if (special.any()) return special.sum(flags_);
    const bool joins = rule_.addend == AlignedSum::Addend::aligned;
    Term sum = sum_of(products, joins ? addend : Number{});
    if (rule_.addend == AlignedSum::Addend::realigned) sum = realigned_with(sum, addend);
    if (sum.value == 0) return {};
    return {Kind::finite, sum.value < 0, false, static_cast<std::int32_t>(sum.unit),
            magnitude_of(sum.value)};
  }

 private:
  static bool is_finite(const Number& x) { return x.kind == Kind::finite || x.kind == Kind::zero; }

  static void flush(Number& x, int least) {
    if (x.kind == Kind::finite && leading_exponent(x) < least) x = {};
  }

  /// The product without the scales' magnitudes: enough to tell its kind and sign.
  WideNumber product_of(const ScaledProduct& p) {
    WideNumber product = multiply(p.a, p.b, flags_);
    for (const Number* scale : {&p.scale_a, &p.scale_b}) {
      if (scale->kind == Kind::nan) product.kind = Kind::nan;
      product.negative = product.negative != scale->negative;
    }
    return product;
  }

  SpecialTerms specials(std::span<const ScaledProduct> products, const Number& addend) {
    SpecialTerms special;
    special.add(addend.kind, addend.negative);
    for (const ScaledProduct& p : products) {
      const WideNumber product = product_of(p);
      special.add(product.kind, product.negative);
    }
    if (special.any() || !rule_.products_overflow) return special;
    for (const ScaledProduct& p : products) {
      if (is_zero(p)) continue;
      const Term term = term_of(p);
      const bool is_beyond = term.unit + bit_width(magnitude_of(term.value)) > kProductLimit;
      if (is_beyond) special.add(Kind::infinity, term.value < 0);
    }
    return special;
  }

  static bool is_zero(const ScaledProduct& p) {
    return p.a.kind == Kind::zero || p.b.kind == Kind::zero || p.scale_a.kind == Kind::zero ||
           p.scale_b.kind == Kind::zero;
  }

  static Term addend_term(const Number& x) {
    return {with_sign(x.significand, x.negative), x.exponent,
            exponent_of(x, kBinary32LeastExponent)};
  }

  Term term_of(const ScaledProduct& p) const {
    const Number* const factors[] = {&p.a, &p.b, &p.scale_a, &p.scale_b};
    const int least[] = {rule_.operand_exponents[0], rule_.operand_exponents[1], scale_exponent_,
                         scale_exponent_};
    Term term{1, 0, 0};
    bool negative = false;
    int bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int zeros = std::countr_zero(factors[i]->significand);
      const std::uint64_t odd = factors[i]->significand >> zeros;
      bits += bit_width(odd) - 1;
      if (bits > kMostBits) throw std::invalid_argument("aligned products have up to 116 bits");
      term.value *= static_cast<int128>(odd);
      term.unit += factors[i]->exponent + zeros;
      term.exponent += exponent_of(*factors[i], least[i]);
      negative = negative != factors[i]->negative;
    }
    if (negative) term.value = -term.value;
    return term;
  }

  /// All terms cut to F bits below the largest exponent and added.
  Term aligned(const std::vector<Term>& terms) {
    Term sum;
    sum.exponent = rule_.least_exponent;
    for (const Term& term : terms) sum.exponent = std::max(sum.exponent, term.exponent);
    sum.unit = sum.exponent - rule_.fraction_bits;
    for (const Term& term : terms) {
      sum.value += shifted(term.value, sum.unit - term.unit, rule_.alignment, flags_);
    }
    return sum;
  }

  Term sum_of(std::span<const ScaledProduct> products, const Number& addend) {
    const auto lanes = static_cast<std::size_t>(rule_.lanes);
    Term sum;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      std::vector<Term> terms =
          rule_.exact_products > 1 ? exact_groups(products) : lane_terms(products, lane);
      if (lane == 0 && addend.kind == Kind::finite) terms.push_back(addend_term(addend));
      const Term lane_sum = aligned(terms);
      sum = lane == 0 ? lane_sum
                      : realigned(sum, rule_.fraction_bits, lane_sum, rule_.fraction_bits, flags_);
    }
    return sum;
  }

  std::vector<Term> lane_terms(std::span<const ScaledProduct> products, std::size_t lane) const {
    std::vector<Term> terms;
    for (std::size_t i = lane; i < products.size(); i += static_cast<std::size_t>(rule_.lanes)) {
      if (!is_zero(products[i])) terms.push_back(term_of(products[i]));
    }
    return terms;
  }

  /// Exact sums of neighbouring products, which share their scales.
  std::vector<Term> exact_groups(std::span<const ScaledProduct> products) const {
    std::vector<Term> groups;
    const auto length = static_cast<std::size_t>(rule_.exact_products);
    for (std::size_t from = 0; from < products.size(); from += length) {
      const auto group = products.subspan(from, std::min(length, products.size() - from));
      const bool has_scale =
          group[0].scale_a.kind != Kind::zero && group[0].scale_b.kind != Kind::zero;
      if (has_scale) groups.push_back(exact_group(group));
    }
    return groups;
  }

  Term exact_group(std::span<const ScaledProduct> group) const {
    Term sum;
    sum.exponent = exponent_of(group[0].scale_a, scale_exponent_) +
                   exponent_of(group[0].scale_b, scale_exponent_);
    std::vector<Term> terms;
    for (const ScaledProduct& p : group) {
      if (!is_zero(p)) terms.push_back(term_of(p));
    }
    if (terms.empty()) return sum;
    sum.unit = std::min_element(terms.begin(), terms.end(), [](const Term& x, const Term& y) {
                 return x.unit < y.unit;
               })->unit;
    for (const Term& term : terms) {
      const std::int64_t shift = term.unit - sum.unit;
      if (bit_width(magnitude_of(term.value)) + shift > 120) {
        throw std::invalid_argument("exact sums of products have up to 120 bits");
      }
      sum.value += term.value * (int128{1} << shift);
    }
    return sum;
  }

  Term realigned_with(const Term& sum, const Number& addend) {
    Term other{0, 0, kBinary32LeastExponent};
    if (addend.kind == Kind::finite) other = addend_term(addend);
    const std::int64_t distance = std::max(sum.exponent, other.exponent) - other.exponent;
    if (rule_.drops_far_addend && distance > rule_.fraction_bits + 1 && other.value != 0) {
      flags_.inexact = true;
      other.value = 0;
    }
    return realigned(sum, rule_.realigned_bits, other, rule_.fraction_bits, flags_);
  }

  const AlignedSum& rule_;
  int scale_exponent_;
  Flags& flags_;
};

}  // namespace

WideNumber aligned_addition(const AlignedSum& rule, std::span<const ScaledProduct> products,
                            const Number& addend, int scale_exponent, Flags& flags) {
  return Addition(rule, scale_exponent, flags)({products.begin(), products.end()}, addend);
}

}  // namespace halfulp
