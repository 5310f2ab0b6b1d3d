#include "formats/power_sum.h"

#include <algorithm>
#include <array>
#include <utility>

#include "formats/exact_real.h"
#include "formats/real.h"

namespace halfulp {

namespace {

constexpr mpfr_prec_t kFirstPrecision = 160;

void compute_root(const Root& root, mpfr_rnd_t rounding, Real& out) {
  Real exponent(128);
  mpfr_set_uj_2exp(exponent, root.log2, -64, MPFR_RNDN);
  mpfr_exp2(out, exponent, rounding);
  if (root.log == 0) return;
  const auto high = static_cast<std::int64_t>(root.log >> 64);
  mpfr_set_sj(exponent, high, MPFR_RNDN);
  Real low(64);
  mpfr_set_uj_2exp(low, static_cast<std::uint64_t>(root.log), -64, MPFR_RNDN);
  mpfr_add(exponent, exponent, low, MPFR_RNDN);
  Real power(mpfr_get_prec(out.get()));
  mpfr_exp(power, exponent, rounding);
  mpfr_mul(out, out, power, rounding);
}

/// Bounds of a root; those of the first precision are remembered.
void bound_root(const Root& root, Real& low, Real& high) {
  struct Remembered {
    Root root;
    Real low{kFirstPrecision};
    Real high{kFirstPrecision};
  };

  if (mpfr_get_prec(low.get()) != kFirstPrecision) {
    compute_root(root, MPFR_RNDD, low);
    compute_root(root, MPFR_RNDU, high);
    return;
  }
  thread_local std::array<Remembered, 1024> memory;
  const std::uint64_t key = (root.log2 ^ static_cast<std::uint64_t>(root.log) ^
                             static_cast<std::uint64_t>(root.log >> 64) << 32) *
                            0x9E3779B97F4A7C15;
  Remembered& entry = memory[static_cast<std::size_t>(key >> 54)];
  if (entry.root != root) {
    entry.root = root;
    compute_root(root, MPFR_RNDD, entry.low);
    compute_root(root, MPFR_RNDU, entry.high);
  }
  mpfr_set(low, entry.low, MPFR_RNDN);
  mpfr_set(high, entry.high, MPFR_RNDN);
}

/// The magnitude of the sum, exactly or rounded as told; returns its sign.
int set_magnitude(const ExactSum& sum, mpfr_rnd_t rounding, Real& out) {
  bool negative = false;
  std::int64_t exponent = 0;
  const std::vector<std::uint64_t> words = sum.magnitude(negative, exponent);
  if (words.empty()) return mpfr_set_zero(out, 1), 0;
  Real all(static_cast<mpfr_prec_t>(64 * words.size()));
  Real word(64);
  mpfr_set_zero(all, 1);
  for (std::size_t i = words.size(); i-- > 0;) {
    mpfr_mul_2ui(all, all, 64, MPFR_RNDN);
    mpfr_set_uj(word, words[i], MPFR_RNDN);
    mpfr_add(all, all, word, MPFR_RNDN);
  }
  mpfr_mul_2si(all, all, exponent, MPFR_RNDN);
  mpfr_set(out, all, rounding);
  return negative ? -1 : 1;
}

/// low and high gain the bounds of sum * root.
void add_part(const ExactSum& sum, const Root& root, Real& low, Real& high) {
  const mpfr_prec_t precision = mpfr_get_prec(low.get());
  Real below(precision), above(precision), root_low(precision), root_high(precision);
  const int sign = set_magnitude(sum, MPFR_RNDD, below);
  if (sign == 0) return;
  set_magnitude(sum, MPFR_RNDU, above);
  if (!root.is_one()) {
    bound_root(root, root_low, root_high);
    mpfr_mul(below, below, root_low, MPFR_RNDD);
    mpfr_mul(above, above, root_high, MPFR_RNDU);
  }
  if (sign > 0) {
    mpfr_add(low, low, below, MPFR_RNDD);
    mpfr_add(high, high, above, MPFR_RNDU);
  } else {
    mpfr_sub(low, low, above, MPFR_RNDD);
    mpfr_sub(high, high, below, MPFR_RNDU);
  }
}

bool has_no_bits(const ExactSum& sum) {
  bool negative = false;
  std::int64_t exponent = 0;
  return sum.magnitude(negative, exponent).empty();
}

}  // namespace

void PowerSum::add(const WideNumber& x, const Root& root) {
  const bool has_root = x.kind == Number::Kind::finite && !root.is_one();
  (has_root ? others_[root] : rational_).add(x);
}

void PowerSum::add_product(const Operand& x, const Operand& y) {
  if (!x.is_irrational() && !y.is_irrational()) {
    rational_.add_product(x.factor, y.factor);
    return;
  }
  Flags flags;
  WideNumber product = multiply(x.factor, y.factor, flags);
  if (product.kind != Number::Kind::finite) {  // 0 times infinity raises its flag there
    rational_.add_product(x.factor, y.factor);
    return;
  }
  int carry = 0;
  const Root root = multiply(x.root, y.root, carry);
  product.exponent += carry;
  add(product, root);
}

bool PowerSum::is_rational() const {
  return std::all_of(others_.begin(), others_.end(),
                     [](const auto& part) { return has_no_bits(part.second); });
}

bool PowerSum::is_zero() const { return has_no_bits(rational_) && is_rational(); }

int PowerSum::sign() const {
  if (is_zero()) return 0;
  for (mpfr_prec_t precision = kFirstPrecision;; precision *= 2) {
    Real low(precision), high(precision);
    bound(low, high);
    if (mpfr_sgn(low.get()) > 0) return 1;
    if (mpfr_sgn(high.get()) < 0) return -1;
  }
}

void PowerSum::bound(Real& low, Real& high) const {
  mpfr_set_zero(low, 1);
  mpfr_set_zero(high, 1);
  add_part(rational_, {}, low, high);
  for (const auto& [root, sum] : others_) add_part(sum, root, low, high);
}

Number PowerSum::round(const Format& format, const RoundSpec& spec, std::uint64_t random,
                       Flags& flags) const {
  if (others_.empty() || !rational_.is_finite()) {
    return rational_.round(format, spec, random, flags);
  }
  if (!is_rational()) return round_real(PowerQuotient(*this, 1), format, spec, random, flags);
  if (!has_no_bits(rational_)) return rational_.round(format, spec, random, flags);
  ExactSum cancelled;
  cancelled.add(Number{Number::Kind::zero, true});
  cancelled.add(Number{});
  return cancelled.round(format, spec, random, flags);
}

}  // namespace halfulp
