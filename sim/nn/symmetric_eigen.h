// Eigenvectors of small symmetric matrices with pinned bits.
#pragma once

#include <cstddef>
#include <span>

namespace halfulp::nn {

/// Cyclic Jacobi in binary64: rotations of rows and columns (0, 1), (0, 2), ..., (n - 2, n - 1) by
/// the smaller angle, in sweeps, until the squares of the off-diagonal elements sum to at most
/// `tolerance`^2 times those of all elements, or 30 sweeps are done. `a` (n x n, symmetric) becomes
/// nearly diagonal; `basis` (n x n) becomes J^T basis for the same rotations J: from the identity
/// its rows become the eigenvectors. Rows keep their places: a matrix that is nearly diagonal gets
/// a J near the identity. Only sums, products, quotients and square roots in a fixed order: the
/// same bits everywhere.
void diagonalize(std::span<double> a, std::span<double> basis, std::size_t n, double tolerance);

}  // namespace halfulp::nn
