#include "sim/special.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "sim/elementary.h"

namespace halfulp {
namespace {

constexpr double kSqrtPi = 1.7724538509055160273;
constexpr double kInversePi = 0.31830988618379067154;
constexpr double kSqrtEighth = 0.35355339059327376220;

/// erf(x) = 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!: all terms positive.
double erf_series(double x) {
  double term = x;
  double sum = x;
  for (int n = 1; n < 100 && term > sum * 0x1p-56; ++n) {
    term *= 2.0 * x * x / (2.0 * n + 1.0);
    sum += term;
  }
  return 2.0 / kSqrtPi * pinned_exp(-x * x) * sum;
}

/// Laplace's continued fraction: exp(-x^2)/sqrt(pi) / (x + 1/2/(x + 2/2/(x + 3/2/(x + ...)))).
double erfc_fraction(double x) {
  const int terms = 10 + static_cast<int>(320.0 / (x * x));
  double denominator = x;
  for (int n = terms; n >= 1; --n) denominator = x + 0.5 * n / denominator;
  return pinned_exp(-x * x) / kSqrtPi / denominator;
}

/// 1 / (sqrt(degrees) B(degrees / 2, 1/2)), the density at 0, by its recurrence in steps of two.
double compute_density_at_zero(int degrees) {
  double c = degrees % 2 == 1 ? kInversePi : kSqrtEighth;
  for (int n = degrees % 2 == 1 ? 1 : 2; n < degrees; n += 2) {
    c *= (n + 1.0) / n * std::sqrt(n / (n + 2.0));
  }
  return c;
}

double density_at_zero(int degrees) {
  constexpr int kKept = 32;
  static const std::array<double, kKept> kept = [] {
    std::array<double, kKept> table{};
    for (int n = 1; n < kKept; ++n) {
      table[static_cast<std::size_t>(n)] = compute_density_at_zero(n);
    }
    return table;
  }();
  return degrees < kKept ? kept[static_cast<std::size_t>(degrees)]
                         : compute_density_at_zero(degrees);
}

/// The continued fraction of the incomplete beta function I_x(a, b) (DLMF 8.17.22) by Lentz's
/// method; converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto guarded = [](double v) { return std::fabs(v) < kTiny ? kTiny : v; };
  double c = 1.0;
  double d = 1.0 / guarded(1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (int m = 1; m < 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
    d = 1.0 / guarded(1.0 + even * d);
    c = guarded(1.0 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    d = 1.0 / guarded(1.0 + odd * d);
    c = guarded(1.0 + odd / c);
    fraction *= d * c;
    if (std::fabs(d * c - 1.0) < 0x1p-52) break;
  }
  return fraction;
}

}  // namespace

double pinned_erfc(double x) {
  if (std::isnan(x)) return x;
  if (x < 0.0) return 2.0 - pinned_erfc(-x);
  if (x > 26.6) return 0.0;
  // 1 - erf(1) = 0.157 costs three bits; further on it would cost more.
  return x < 1.0 ? 1.0 - erf_series(x) : erfc_fraction(x);
}

double student_t_density(int degrees, double t) {
  const double n = degrees;
  return density_at_zero(degrees) * pinned_exp(-0.5 * (n + 1.0) * pinned_log(1.0 + t * t / n));
}

double student_t_tail(int degrees, double t) {
  if (t <= 0.0) return 0.5;
  if (t == std::numeric_limits<double>::infinity()) return 0.0;
  const double n = degrees;
  const double a = 0.5 * n, b = 0.5;
  const double x = n / (n + t * t);
  const double y = t * t / (n + t * t);
  // x^a y^b / B(a, b)
  const double front =
      density_at_zero(degrees) * std::sqrt(n) * std::sqrt(y) * pinned_exp(a * pinned_log(x));
  if (x < (a + 1.0) / (a + b + 2.0)) return 0.5 * front * beta_fraction(a, b, x) / a;
  return 0.5 - 0.5 * front * beta_fraction(b, a, y) / b;
}

}  // namespace halfulp
