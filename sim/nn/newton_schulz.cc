#include "sim/nn/newton_schulz.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/aligned_vector.h"
#include "sim/gemm.h"

namespace halfulp::nn {
namespace {

constexpr float kA = 3.4445F, kB = -4.7750F, kC = 2.0315F;
constexpr double kNormFloor = 1e-7;

void transpose(std::span<const float> in, std::size_t rows, std::size_t cols,
               std::span<float> out) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) out[c * rows + r] = in[r * cols + c];
  }
}

/// Squares added ascending in binary64.
float inverse_norm(std::span<const float> x) {
  double sum = 0.0;
  for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return static_cast<float>(1.0 / (std::sqrt(sum) + kNormFloor));
}

}  // namespace

void orthogonalize(std::span<float> matrix, std::size_t rows, std::size_t cols, int steps,
                   const Quantizer& iterates, RandomStream stream) {
  const std::size_t n = std::min(rows, cols), k = std::max(rows, cols);
  AlignedVector<float> x(matrix.begin(), matrix.end()), product(x.size()), gram(n * n),
      square(n * n);
  if (rows > cols) transpose(matrix, rows, cols, x);
  const auto quantize = [&](AlignedVector<float>& values, std::size_t width) {
    const Matrix view = {values.data(), n, width, width};
    iterates.quantize(view, view, stream);
    ++stream.tensor;
  };
  const auto view = [n](AlignedVector<float>& values, std::size_t width) {
    return Matrix{values.data(), n, width, width};
  };
  const float scale = inverse_norm(x);
  for (float& value : x) value *= scale;
  quantize(x, k);
  for (int step = 0; step < steps; ++step) {
    gemm_nt(view(x, k), view(x, k), view(gram, n));
    quantize(gram, n);
    gemm_nn(view(gram, n), view(gram, n), view(square, n));
    quantize(square, n);
    for (std::size_t i = 0; i < n * n; ++i) square[i] = kB * gram[i] + kC * square[i];
    quantize(square, n);
    gemm_nn(view(square, n), view(x, k), view(product, k));
    quantize(product, k);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = kA * x[i] + product[i];
    quantize(x, k);
  }
  if (rows > cols) {
    transpose(x, cols, rows, matrix);
  } else {
    std::copy(x.begin(), x.end(), matrix.begin());
  }
}

}  // namespace halfulp::nn
