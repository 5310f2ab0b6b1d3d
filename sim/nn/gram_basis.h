// What Shampoo and SOAP keep of a matrix parameter: running Gram matrices of its gradients from
// both sides and their eigenvectors. Binary64, sums ascending, each operation rounded: the same
// bits everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "sim/aligned_vector.h"
#include "sim/nn/optimizer.h"
#include "sim/nn/saved_state.h"

namespace halfulp::nn {

/// Row-major.
using DenseMatrix = AlignedVector<double>;

class GramBasis {
 public:
  /// Of a `rows` x `cols` parameter. A side longer than `spec.max_dimension` keeps the identity as
  /// its basis and no Gram matrix.
  GramBasis(std::size_t rows, std::size_t cols, const OptimizerSpec::Soap& spec);

  /// Gram matrices become decay times themselves plus (1 - decay) g g^T and g^T g.
  void add(std::span<const double> gradient);

  /// New bases from the last ones, so that eigenvectors keep their places, with off-diagonal parts
  /// of `tolerance` (diagonalize()) left.
  void refresh(double tolerance);

  /// Q_left x Q_right^T, the rows of Q the eigenvectors.
  DenseMatrix into(DenseMatrix x) const;
  /// The inverse of into().
  DenseMatrix out_of(DenseMatrix x) const;

  /// Eigenvalues at the last refresh(), without correction for the start at 0; empty for a side
  /// without a Gram matrix.
  std::span<const double> left_values() const { return left_.values; }

  std::span<const double> right_values() const { return right_.values; }

  /// NAME.left_gram, NAME.left_basis and the right ones.
  void visit_bases(const std::string& name, StateVisitor& visitor);
  /// NAME.left_values and NAME.right_values.
  void visit_values(const std::string& name, StateVisitor& visitor);

 private:
  struct Side {
    std::size_t n;
    DenseMatrix gram, basis, values;

    explicit Side(std::size_t size);
    void add(const DenseMatrix& square, double decay);
    void refresh(double tolerance);
  };

  std::size_t rows_, cols_;
  double decay_;
  Side left_, right_;
};

}  // namespace halfulp::nn
