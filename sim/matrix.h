// Non-owning views of row-major binary32 matrices.
#pragma once

#include <cstddef>

namespace halfulp {

struct ConstMatrix {
  const float* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;  ///< elements from one row to the next, >= cols
};

struct Matrix {
  float* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;

  // NOLINTNEXTLINE(google-explicit-constructor): every Matrix is a ConstMatrix
  operator ConstMatrix() const { return {data, rows, cols, stride}; }
};

}  // namespace halfulp
