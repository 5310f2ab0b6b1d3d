#include "formats/named_codebooks.h"

#include <mpfr.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "formats/families/codebook.h"

namespace halfulp {

namespace {

using ordered::make_codebook;

double to_binary32(double x) { return static_cast<double>(static_cast<float>(x)); }

/// numerator / denominator, rounded once to binary32.
double quotient(std::int64_t numerator, std::int64_t denominator) {
  mpfr_t q;
  mpfr_init2(q, 24);
  mpfr_t n;
  mpfr_init2(n, 64);
  mpfr_set_sj(n, numerator, MPFR_RNDN);
  mpfr_div_si(q, n, denominator, MPFR_RNDN);
  const double result = mpfr_get_d(q, MPFR_RNDN);
  mpfr_clears(q, n, nullptr);
  return result;
}

/// The x with Phi(x) = p / 2^(bits + 1), by Newton's method on erfc at 128 bits; to binary32. The
/// result does not depend on the machine: MPFR's functions are correctly rounded.
double normal_quantile(int p, int bits) {
  mpfr_t target;
  mpfr_t x;
  mpfr_t value;
  mpfr_t slope;
  mpfr_inits2(128, target, x, value, slope, nullptr);
  mpfr_set_si_2exp(target, p, -bits, MPFR_RNDN);  // 2 Phi(x) = erfc(-x / sqrt(2))
  mpfr_set_zero(x, 1);                            // x stands for -x / sqrt(2)
  for (int step = 0; step < 40; ++step) {
    mpfr_erfc(value, x, MPFR_RNDN);
    mpfr_sub(value, value, target, MPFR_RNDN);
    mpfr_sqr(slope, x, MPFR_RNDN);
    mpfr_exp(slope, slope, MPFR_RNDN);
    mpfr_mul(value, value, slope, MPFR_RNDN);
    mpfr_const_pi(slope, MPFR_RNDN);
    mpfr_sqrt(slope, slope, MPFR_RNDN);
    mpfr_mul(value, value, slope, MPFR_RNDN);
    mpfr_div_2ui(value, value, 1, MPFR_RNDN);
    // Far in the tail the first steps overshoot without a limit.
    if (mpfr_cmp_d(value, 1.0) > 0) mpfr_set_d(value, 1.0, MPFR_RNDN);
    if (mpfr_cmp_d(value, -1.0) < 0) mpfr_set_d(value, -1.0, MPFR_RNDN);
    mpfr_add(x, x, value, MPFR_RNDN);
    if (mpfr_zero_p(value) != 0 || mpfr_get_exp(value) < -110) break;
  }
  mpfr_sqrt_ui(slope, 2, MPFR_RNDN);
  mpfr_mul(x, x, slope, MPFR_RNDN);
  mpfr_neg(x, x, MPFR_RNDN);
  mpfr_prec_round(x, 24, MPFR_RNDN);
  const double result = mpfr_get_d(x, MPFR_RNDN);
  mpfr_clears(target, x, value, slope, nullptr);
  return result;
}

}  // namespace

CodebookFormat nf4_codebook() {
  return make_codebook(
      "nf4", {-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
              -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
              0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
              0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0});
}

CodebookFormat bnb_fp4_codebook() {
  std::vector<double> values;
  for (const double sign : {1.0, -1.0}) {
    for (const double magnitude : {0.0, 0.0625, 8.0, 12.0, 4.0, 6.0, 2.0, 3.0}) {
      values.push_back(sign * to_binary32(magnitude / 12));
    }
  }
  return make_codebook("bnb_fp4", std::move(values));
}

namespace {

/// Of `powers` powers of ten up to 1; without a sign each has twice the parts.
CodebookFormat dynamic_map(std::string name, int powers, bool is_signed) {
  std::vector<double> values{0.0, 1.0};
  std::int64_t power = 1;  // 10^(powers - 1 - i)
  for (int i = 1; i < powers; ++i) power *= 10;
  for (int i = 0; i < powers; ++i, power /= 10) {
    const std::int64_t parts = std::int64_t{1} << (is_signed ? i : i + 1);
    for (std::int64_t j = 0; j < parts; ++j) {
      // 1/10 + 9/10 (2j + 1) / (2 parts), times 10^(i - powers + 1)
      const double value = quotient(2 * parts + 9 * (2 * j + 1), 20 * parts * power);
      values.push_back(value);
      if (is_signed) values.push_back(-value);
    }
  }
  std::sort(values.begin(), values.end());
  return make_codebook(std::move(name), std::move(values));
}

}  // namespace

CodebookFormat bnb_dynamic_codebook(bool is_signed) {
  return dynamic_map(is_signed ? "bnb_dynamic8" : "bnb_udynamic8", 7, is_signed);
}

CodebookFormat dynamic_codebook(int bits) {
  if (bits == 8) return bnb_dynamic_codebook(true);
  return dynamic_map("dynamic(" + std::to_string(bits) + ")", bits - 1, true);
}

CodebookFormat ternary_codebook() { return make_codebook("ternary", {-1.0, 0.0, 1.0}); }

CodebookFormat binary_codebook() { return make_codebook("binary", {-1.0, 1.0}); }

CodebookFormat power_of_two_codebook(int bits) {
  std::vector<double> values;
  const int count = 1 << (bits - 1);
  for (const double sign : {1.0, -1.0}) {
    values.push_back(sign * 0.0);
    for (int e = 1; e < count; ++e) values.push_back(sign * std::ldexp(1.0, e + 1 - count));
  }
  return make_codebook("power_of_two(" + std::to_string(bits) + ")", std::move(values));
}

CodebookFormat quantile_codebook(int bits) {
  const int count = 1 << bits;
  std::vector<double> values(static_cast<std::size_t>(count));
  for (int i = 0; i < count / 2; ++i) {
    const double value = normal_quantile(2 * i + 1, bits);
    values[static_cast<std::size_t>(i)] = value;
    values[static_cast<std::size_t>(count - 1 - i)] = -value;
  }
  return make_codebook("quantile(" + std::to_string(bits) + ",normal)", std::move(values));
}

}  // namespace halfulp
