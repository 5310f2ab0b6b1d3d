// Causal multi-head attention between the qkv and output projections, in the scalar type's own
// arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/aligned_vector.h"

namespace halfulp::nn {

/// Shapes: sequences x positions rows; qkv rows hold (q, k, v), each `heads` heads of `head_width`.
struct AttentionShape {
  std::size_t sequences, positions, heads, head_width;

  std::size_t width() const { return heads * head_width; }
};

/// Declared order: scores and outputs are fused chains (sim/gemm.h) over the head width and over
/// positions 0 .. the end of the row's block of 64; masked positions contribute exact zeros.
template <class T>
class Attention {
 public:
  /// out (rows x width) from qkv (rows x 3 width). `probabilities` (sequences x heads x positions x
  /// positions) is kept for backward().
  void forward(const AttentionShape& shape, const T* qkv, T* out, T* probabilities);

  /// dqkv from dout (rows x width).
  void backward(const AttentionShape& shape, const T* qkv, const T* probabilities, const T* dout,
                T* dqkv);

 private:
  AlignedVector<T> dscores_;  ///< positions x positions of one head
};

}  // namespace halfulp::nn
