#include "tests/oracle/block_addition.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace halfulp::oracle {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kNoPart = -100000;  ///< exponent of a term that the alignment does not see

struct Term {
  Fixed value;
  int exponent;
};

int exponent_of(double x, int least) { return std::max(std::ilogb(x), least); }

/// What NaN and infinities among the terms make of the sum.
struct Specials {
  bool nan = false, plus = false, minus = false;

  void add(double x) {
    nan = nan || std::isnan(x);
    plus = plus || x == kInfinity;
    minus = minus || x == -kInfinity;
  }

  bool any() const { return nan || plus || minus; }
};

class BlockAddition {
 public:
  BlockAddition(const AlignedSum& rule, int scale_exponent, Flags& flags)
      : rule_(rule), scale_exponent_(scale_exponent), flags_(flags) {}

  BlockSum run(std::vector<Factors> products, double c) {
    if (rule_.addend == AlignedSum::Addend::separate) c = 0;
    for (Factors& f : products) {
      if (!rule_.flush_operands) continue;
      if (std::abs(f.a) < std::ldexp(1.0, rule_.operand_exponents[0])) f.a = 0;
      if (std::abs(f.b) < std::ldexp(1.0, rule_.operand_exponents[1])) f.b = 0;
    }
    const Specials specials = find_specials(products, c);
    if (specials.any()) {
      if (!specials.nan && specials.plus && specials.minus) flags_.invalid = true;
      const bool is_nan = specials.nan || (specials.plus && specials.minus);
      return {true, is_nan ? kNaN : specials.plus ? kInfinity : -kInfinity, 0};
    }
    return {false, 0,
            align(rule_.exact_products > 1 ? exact_groups(products) : terms_of(products), c)};
  }

 private:
  Specials find_specials(const std::vector<Factors>& products, double c) {
    Specials specials;
    specials.add(c);
    Specials huge;
    for (const Factors& f : products) {
      const double p = f.a * f.b;
      if (std::isnan(p) && !std::isnan(f.a) && !std::isnan(f.b)) flags_.invalid = true;
      if (!std::isfinite(f.a) || !std::isfinite(f.b)) specials.add(p);
      const double scaled = p * f.scale_a * f.scale_b;
      if (std::abs(scaled) >= std::ldexp(1.0, 128)) huge.add(std::copysign(kInfinity, scaled));
    }
    return !specials.any() && rule_.products_overflow ? huge : specials;
  }

  std::vector<Term> terms_of(const std::vector<Factors>& products) const {
    std::vector<Term> terms;
    for (const Factors& f : products) {
      Term term{product({f.a, f.b, f.scale_a, f.scale_b}), kNoPart};
      if (term.value != 0) {
        term.exponent = exponent_of(f.a, rule_.operand_exponents[0]) +
                        exponent_of(f.b, rule_.operand_exponents[1]) + exponent_of_scales(f);
      }
      terms.push_back(term);
    }
    return terms;
  }

  int exponent_of_scales(const Factors& f) const {
    return exponent_of(f.scale_a, scale_exponent_) + exponent_of(f.scale_b, scale_exponent_);
  }

  std::vector<Term> exact_groups(const std::vector<Factors>& products) const {
    std::vector<Term> sums;
    for (std::size_t i = 0; i < products.size(); ++i) {
      const Factors& f = products[i];
      if (i % static_cast<std::size_t>(rule_.exact_products) == 0) {
        const bool is_scaled = f.scale_a != 0 && f.scale_b != 0;
        sums.push_back({0, is_scaled ? exponent_of_scales(f) : kNoPart});
      }
      sums.back().value += product({f.a, f.b, f.scale_a, f.scale_b});
    }
    return sums;
  }

  /// All terms, cut to F bits below the largest exponent.
  Term cut_sum(const std::vector<Term>& terms) {
    int top = rule_.least_exponent;
    for (const Term& term : terms) top = std::max(top, term.exponent);
    const Cut mode = rule_.alignment == Rounding::toward_zero       ? Cut::truncate
                     : rule_.alignment == Rounding::toward_negative ? Cut::down
                                                                    : Cut::nearest;
    Term sum{0, top};
    for (const Term& term : terms) {
      sum.value += cut(term.value, top - rule_.fraction_bits, mode, flags_.inexact);
    }
    return sum;
  }

  Fixed align(const std::vector<Term>& products, double c) {
    const int c_exponent = c == 0 ? -126 : exponent_of(c, -126);
    std::vector<std::vector<Term>> lanes(static_cast<std::size_t>(rule_.lanes));
    for (std::size_t i = 0; i < products.size(); ++i) {
      lanes[i % lanes.size()].push_back(products[i]);
    }
    if (rule_.addend == AlignedSum::Addend::aligned && c != 0) {
      lanes[0].push_back({exact(c), c_exponent});
    }
    Term sum = cut_sum(lanes[0]);
    for (std::size_t lane = 1; lane < lanes.size(); ++lane) {
      const Term other = cut_sum(lanes[lane]);
      sum = floor_sum(sum, rule_.fraction_bits, other, rule_.fraction_bits);
    }
    if (rule_.addend != AlignedSum::Addend::realigned) return sum.value;
    Term addend{exact(c), c_exponent};
    const int top = std::max(sum.exponent, c_exponent);
    if (rule_.drops_far_addend && c_exponent < top - (rule_.fraction_bits + 1) && c != 0) {
      addend.value = 0;
      flags_.inexact = true;
    }
    return floor_sum(sum, rule_.realigned_bits, addend, rule_.fraction_bits).value;
  }

  Term floor_sum(const Term& x, int x_bits, const Term& y, int y_bits) {
    const int top = std::max(x.exponent, y.exponent);
    return {cut(x.value, top - x_bits, Cut::down, flags_.inexact) +
                cut(y.value, top - y_bits, Cut::down, flags_.inexact),
            top};
  }

  const AlignedSum& rule_;
  int scale_exponent_;
  Flags& flags_;
};

}  // namespace

BlockSum block_addition(const AlignedSum& rule, const std::vector<Factors>& products, double c,
                        int scale_exponent, Flags& flags) {
  return BlockAddition(rule, scale_exponent, flags).run(products, c);
}

}  // namespace halfulp::oracle
