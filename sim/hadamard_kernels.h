// Loops of Hadamard rotations over arrays, dispatched to the SIMD target in use.
#pragma once

#include <cstddef>

namespace halfulp {

/// One rotation: n = 2^k elements, their signs, and what all sums are multiplied by at the end.
struct Rotation {
  const float* signs;
  std::size_t n;
  float factor;
  bool is_inverse;  ///< signs after the sums instead of before
};

/// Runs of n neighbours: `count` elements in all, a multiple of n; `out` may be `in`.
void rotate_runs(const Rotation& rotation, const float* in, float* out, std::size_t count);

/// n rows of `cols` elements, each column on its own.
void rotate_columns(const Rotation& rotation, const float* in, std::size_t in_stride, float* out,
                    std::size_t out_stride, std::size_t cols);

}  // namespace halfulp
