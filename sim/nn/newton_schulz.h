// Muon's orthogonalization of a matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/quantizer.h"

namespace halfulp::nn {

/// X / (|X|_F + 1e-7), then `steps` times X = a X + (b A + c A^2) X with A = X X^T and (a, b, c) =
/// (3.4445, -4.7750, 2.0315): singular values go to about 0.7 to 1.2 (Jordan 2024). Works on the
/// transpose of tall matrices. Products are the fused chains of sim/gemm.h; X, A, A^2, b A + c A^2
/// and its product with X go through `iterates` when they are made. Random: as Quantizer, with
/// `stream.tensor` counted up from quantization to quantization (at most 256).
void orthogonalize(std::span<float> matrix, std::size_t rows, std::size_t cols, int steps,
                   const Quantizer& iterates, RandomStream stream);

}  // namespace halfulp::nn
