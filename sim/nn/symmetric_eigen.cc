#include "sim/nn/symmetric_eigen.h"

#include <cmath>

namespace halfulp::nn {
namespace {

constexpr int kMostSweeps = 30;

struct Rotation {
  double cosine, sine;
};

/// Makes a_pq zero; |angle| <= 45 degrees (Golub and Van Loan, algorithm 8.4.1).
Rotation rotation_of(double app, double apq, double aqq) {
  const double tau = (aqq - app) / (2.0 * apq);
  const double root = std::sqrt(1.0 + tau * tau);
  const double t = tau >= 0.0 ? 1.0 / (tau + root) : 1.0 / (tau - root);
  const double cosine = 1.0 / std::sqrt(1.0 + t * t);
  return {cosine, t * cosine};
}

void rotate_rows(double* p, double* q, std::size_t n, Rotation r) {
  for (std::size_t k = 0; k < n; ++k) {
    const double x = p[k], y = q[k];
    p[k] = r.cosine * x - r.sine * y;
    q[k] = r.sine * x + r.cosine * y;
  }
}

void rotate_columns(double* a, std::size_t p, std::size_t q, std::size_t n, Rotation r) {
  for (std::size_t k = 0; k < n; ++k) {
    double& x = a[k * n + p];
    double& y = a[k * n + q];
    const double old = x;
    x = r.cosine * old - r.sine * y;
    y = r.sine * old + r.cosine * y;
  }
}

bool is_diagonal(std::span<const double> a, std::size_t n, double tolerance) {
  double off = 0.0, all = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double square = a[i * n + j] * a[i * n + j];
      all += square;
      if (i != j) off += square;
    }
  }
  // Written so that a NaN ends the sweeps.
  return !(off > tolerance * tolerance * all);
}

}  // namespace

void diagonalize(std::span<double> a, std::span<double> basis, std::size_t n, double tolerance) {
  for (int sweep = 0; sweep < kMostSweeps && !is_diagonal(a, n, tolerance); ++sweep) {
    for (std::size_t p = 0; p + 1 < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q];
        if (apq == 0.0) continue;
        const Rotation r = rotation_of(a[p * n + p], apq, a[q * n + q]);
        rotate_columns(a.data(), p, q, n, r);
        rotate_rows(&a[p * n], &a[q * n], n, r);
        rotate_rows(&basis[p * n], &basis[q * n], n, r);
      }
    }
  }
}

}  // namespace halfulp::nn
