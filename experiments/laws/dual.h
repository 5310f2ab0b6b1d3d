// Forward automatic differentiation: a value with its derivatives by up to N inputs. A law is
// written once as a template on its scalar; with double it gives values, with Dual exact gradients.
// exp and log are the pinned ones, so that fits give the same bits with every C library.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "sim/elementary.h"

namespace halfulp::laws {

inline double exp(double x) {
  if (x > 709.0) return std::numeric_limits<double>::infinity();
  return x < -745.0 ? 0.0 : pinned_exp(x);
}

/// NaN for x < 0, -infinity for 0.
inline double log(double x) {
  if (x > 0.0 && x < std::numeric_limits<double>::infinity()) return pinned_log(x);
  return x == 0.0 ? -std::numeric_limits<double>::infinity()
                  : (x > 0.0 ? x : std::numeric_limits<double>::quiet_NaN());
}

inline double sqrt(double x) { return std::sqrt(x); }

inline double value_of(double x) { return x; }

template <std::size_t N>
struct Dual {
  double value = 0.0;
  std::array<double, N> slope = {};

  Dual() = default;

  // A constant. NOLINTNEXTLINE(google-explicit-constructor)
  Dual(double constant) : value(constant) {}

  /// Input number `index`.
  static Dual input(double value, std::size_t index) {
    Dual x(value);
    x.slope[index] = 1.0;
    return x;
  }

  /// f(x) with derivative f'(x) at this value.
  Dual chain(double f, double derivative) const {
    Dual out(f);
    for (std::size_t i = 0; i < N; ++i) out.slope[i] = derivative * slope[i];
    return out;
  }

  Dual& operator+=(const Dual& y) {
    value += y.value;
    for (std::size_t i = 0; i < N; ++i) slope[i] += y.slope[i];
    return *this;
  }

  Dual& operator-=(const Dual& y) {
    value -= y.value;
    for (std::size_t i = 0; i < N; ++i) slope[i] -= y.slope[i];
    return *this;
  }

  friend Dual operator+(Dual x, const Dual& y) { return x += y; }

  friend Dual operator-(Dual x, const Dual& y) { return x -= y; }

  friend Dual operator-(const Dual& x) { return x.chain(-x.value, -1.0); }

  friend Dual operator+(Dual x, double y) {
    x.value += y;
    return x;
  }

  friend Dual operator+(double x, Dual y) { return y + x; }

  friend Dual operator-(Dual x, double y) { return x + -y; }

  friend Dual operator-(double x, const Dual& y) { return -y + x; }

  friend Dual operator*(const Dual& x, double y) { return x.chain(x.value * y, y); }

  friend Dual operator*(double x, const Dual& y) { return y * x; }

  friend Dual operator*(const Dual& x, const Dual& y) {
    Dual out(x.value * y.value);
    for (std::size_t i = 0; i < N; ++i) {
      out.slope[i] = x.slope[i] * y.value + x.value * y.slope[i];
    }
    return out;
  }

  friend Dual operator/(const Dual& x, double y) { return x * (1.0 / y); }

  friend Dual operator/(const Dual& x, const Dual& y) {
    Dual out(x.value / y.value);
    for (std::size_t i = 0; i < N; ++i) {
      out.slope[i] = (x.slope[i] - out.value * y.slope[i]) / y.value;
    }
    return out;
  }

  friend Dual operator/(double x, const Dual& y) { return Dual(x) / y; }
};

template <std::size_t N>
double value_of(const Dual<N>& x) {
  return x.value;
}

template <std::size_t N>
Dual<N> exp(const Dual<N>& x) {
  const double e = exp(x.value);
  return x.chain(e, e);
}

template <std::size_t N>
Dual<N> log(const Dual<N>& x) {
  return x.chain(log(x.value), 1.0 / x.value);
}

template <std::size_t N>
Dual<N> sqrt(const Dual<N>& x) {
  const double root = std::sqrt(x.value);
  return x.chain(root, 0.5 / root);
}

/// base^exponent for a whole exponent, by squaring.
inline double whole_power(double base, double exponent) {
  double result = 1.0;
  for (double left = std::abs(exponent); left >= 1.0; left = std::floor(left / 2.0)) {
    if (std::fmod(left, 2.0) == 1.0) result *= base;
    base *= base;
  }
  return exponent < 0.0 ? 1.0 / result : result;
}

/// base^exponent; a base below zero needs a whole exponent.
inline double pow(double base, double exponent) {
  if (exponent == std::floor(exponent) && std::abs(exponent) <= 64.0) {
    return whole_power(base, exponent);
  }
  if (base == 0.0) return exponent > 0.0 ? 0.0 : std::numeric_limits<double>::infinity();
  return exp(exponent * log(base));
}

template <std::size_t N>
Dual<N> pow(const Dual<N>& base, const Dual<N>& exponent) {
  const double power = pow(base.value, exponent.value);
  const double by_base =
      exponent.value == 0.0 ? 0.0 : exponent.value * pow(base.value, exponent.value - 1.0);
  const double by_exponent = base.value > 0.0 ? power * log(base.value) : 0.0;
  Dual<N> out(power);
  for (std::size_t i = 0; i < N; ++i) {
    out.slope[i] = by_base * base.slope[i] + by_exponent * exponent.slope[i];
  }
  return out;
}

template <typename T>
T smaller(const T& x, const T& y) {
  return value_of(y) < value_of(x) ? y : x;
}

template <typename T>
T larger(const T& x, const T& y) {
  return value_of(y) > value_of(x) ? y : x;
}

/// ln(e^x + e^y + ...) without overflow. Terms of -infinity count nothing.
template <typename T, std::size_t K>
T log_sum_exp(const std::array<T, K>& terms) {
  std::size_t largest = 0;
  for (std::size_t k = 1; k < K; ++k) {
    if (value_of(terms[k]) > value_of(terms[largest])) largest = k;
  }
  T sum(1.0);
  for (std::size_t k = 0; k < K; ++k) {
    if (k != largest && value_of(terms[k]) > -std::numeric_limits<double>::infinity()) {
      sum += exp(terms[k] - terms[largest]);
    }
  }
  return terms[largest] + log(sum);
}

}  // namespace halfulp::laws
