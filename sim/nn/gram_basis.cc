#include "sim/nn/gram_basis.h"

#include <utility>

#include "sim/nn/symmetric_eigen.h"

namespace halfulp::nn {
namespace {

/// out (n x m) = a (n x k) b (k x m), sums over k ascending, each operation rounded.
DenseMatrix product(const DenseMatrix& a, const DenseMatrix& b, std::size_t n, std::size_t k,
                    std::size_t m) {
  DenseMatrix out(n * m);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t l = 0; l < k; ++l) {
      const double factor = a[i * k + l];
      for (std::size_t j = 0; j < m; ++j) out[i * m + j] += factor * b[l * m + j];
    }
  }
  return out;
}

DenseMatrix transposed(const DenseMatrix& a, std::size_t rows, std::size_t cols) {
  DenseMatrix out(a.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) out[c * rows + r] = a[r * cols + c];
  }
  return out;
}

}  // namespace

GramBasis::Side::Side(std::size_t size)
    : n(size), gram(size * size), basis(size * size), values(size) {
  for (std::size_t i = 0; i < size; ++i) basis[i * size + i] = 1.0;
}

void GramBasis::Side::add(const DenseMatrix& square, double decay) {
  for (std::size_t i = 0; i < gram.size(); ++i) {
    gram[i] = decay * gram[i] + (1.0 - decay) * square[i];
  }
}

void GramBasis::Side::refresh(double tolerance) {
  DenseMatrix rotated = product(product(basis, gram, n, n, n), transposed(basis, n, n), n, n, n);
  diagonalize(rotated, basis, n, tolerance);
  for (std::size_t i = 0; i < n; ++i) values[i] = rotated[i * n + i];
}

GramBasis::GramBasis(std::size_t rows, std::size_t cols, const OptimizerSpec::Soap& spec)
    : rows_(rows),
      cols_(cols),
      decay_(spec.decay),
      left_(rows <= spec.max_dimension ? rows : 0),
      right_(cols <= spec.max_dimension ? cols : 0) {}

void GramBasis::add(std::span<const double> gradient) {
  const DenseMatrix g(gradient.begin(), gradient.end());
  const DenseMatrix gt = transposed(g, rows_, cols_);
  if (left_.n > 0) left_.add(product(g, gt, rows_, cols_, rows_), decay_);
  if (right_.n > 0) right_.add(product(gt, g, cols_, rows_, cols_), decay_);
}

void GramBasis::refresh(double tolerance) {
  if (left_.n > 0) left_.refresh(tolerance);
  if (right_.n > 0) right_.refresh(tolerance);
}

DenseMatrix GramBasis::into(DenseMatrix x) const {
  if (left_.n > 0) x = product(left_.basis, x, rows_, rows_, cols_);
  if (right_.n == 0) return x;
  return product(x, transposed(right_.basis, cols_, cols_), rows_, cols_, cols_);
}

DenseMatrix GramBasis::out_of(DenseMatrix x) const {
  if (left_.n > 0) x = product(transposed(left_.basis, rows_, rows_), x, rows_, rows_, cols_);
  if (right_.n == 0) return x;
  return product(x, right_.basis, rows_, cols_, cols_);
}

void GramBasis::visit_bases(const std::string& name, StateVisitor& visitor) {
  visitor.visit(name + ".left_gram", std::span<double>(left_.gram));
  visitor.visit(name + ".left_basis", std::span<double>(left_.basis));
  visitor.visit(name + ".right_gram", std::span<double>(right_.gram));
  visitor.visit(name + ".right_basis", std::span<double>(right_.basis));
}

void GramBasis::visit_values(const std::string& name, StateVisitor& visitor) {
  visitor.visit(name + ".left_values", std::span<double>(left_.values));
  visitor.visit(name + ".right_values", std::span<double>(right_.values));
}

}  // namespace halfulp::nn
