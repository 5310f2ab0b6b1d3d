// Matrix products of the training code for binary32 (the ordered GEMM of sim/gemm.h) and binary64
// (the same chain, plain loops; for gradient checks).
#pragma once

#include <cstddef>

namespace halfulp::nn {

/// Row-major view; `stride` elements from row to row.
template <class T>
struct View {
  T* data;
  std::size_t rows, cols, stride;
};

/// C = A B.
template <class T>
void matmul_nn(View<const T> a, View<const T> b, View<T> c);
/// C = A B^T.
template <class T>
void matmul_nt(View<const T> a, View<const T> b, View<T> c);
/// C = A^T B.
template <class T>
void matmul_tn(View<const T> a, View<const T> b, View<T> c);

}  // namespace halfulp::nn
