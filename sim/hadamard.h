// Hadamard rotations of the rows of a matrix: they spread outliers over a block before it is
// quantized, and cancel in a product whose two operands are rotated along the reduction.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/matrix.h"
#include "sim/random.h"

namespace halfulp {

/// Each run of n = signs.size() elements of a row becomes x D H / sqrt(n): D the diagonal of
/// `signs` (1 or -1), H the Hadamard matrix of Sylvester's order, H(i, j) = (-1)^popcount(i and j).
/// n is a power of two that divides the columns. `in` and `out` may be the same memory.
///
/// Exactness: log2 n passes of binary32 sums and differences over the distances 1, 2, 4, ...; then
/// one multiplication by 1 / sqrt(n) rounded to binary32, which is exact for n = 4, 16, 64, 256.
/// The same bits on every machine. Throws std::invalid_argument for another n.
/// Source: TransformerEngine, quantization_ref_nvfp4.py (H = diag(signs) H16 / 4).
void hadamard_rows(ConstMatrix in, Matrix out, std::span<const float> signs);

/// The inverse: y H D / sqrt(n), with the same order of operations.
void inverse_hadamard_rows(ConstMatrix in, Matrix out, std::span<const float> signs);

/// hadamard_rows() of the transposed matrix, transposed back: runs of n elements down each column;
/// n divides the rows. The same order of operations.
void hadamard_columns(ConstMatrix in, Matrix out, std::span<const float> signs);

/// n signs from the lowest bits of random_word(stream, 0 ... n - 1): 1 for 0, -1 for 1.
std::vector<float> random_signs(const RandomStream& stream, std::size_t n);

/// The fixed signs of TransformerEngine's rotation of 16 elements.
std::span<const float> transformer_engine_signs();

}  // namespace halfulp
