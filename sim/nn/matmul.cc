#include "sim/nn/matmul.h"

#include <cmath>

#include "sim/gemm.h"

namespace halfulp::nn {
namespace {

ConstMatrix operand(const View<const float>& view) {
  return {view.data, view.rows, view.cols, view.stride};
}

Matrix result(const View<float>& view) { return {view.data, view.rows, view.cols, view.stride}; }

/// c[m, n] = fused chain of a(m, k) b(k, n) over ascending k.
template <class A, class B>
void chain(const View<double>& c, std::size_t depth, const A& a, const B& b) {
  for (std::size_t m = 0; m < c.rows; ++m) {
    for (std::size_t n = 0; n < c.cols; ++n) {
      double sum = 0.0;
      for (std::size_t k = 0; k < depth; ++k) sum = std::fma(a(m, k), b(k, n), sum);
      c.data[m * c.stride + n] = sum;
    }
  }
}

}  // namespace

template <>
void matmul_nn<float>(View<const float> a, View<const float> b, View<float> c) {
  gemm_nn(operand(a), operand(b), result(c));
}

template <>
void matmul_nt<float>(View<const float> a, View<const float> b, View<float> c) {
  gemm_nt(operand(a), operand(b), result(c));
}

template <>
void matmul_tn<float>(View<const float> a, View<const float> b, View<float> c) {
  gemm_tn(operand(a), operand(b), result(c));
}

template <>
void matmul_nn<double>(View<const double> a, View<const double> b, View<double> c) {
  chain(
      c, a.cols, [&](std::size_t m, std::size_t k) { return a.data[m * a.stride + k]; },
      [&](std::size_t k, std::size_t n) { return b.data[k * b.stride + n]; });
}

template <>
void matmul_nt<double>(View<const double> a, View<const double> b, View<double> c) {
  chain(
      c, a.cols, [&](std::size_t m, std::size_t k) { return a.data[m * a.stride + k]; },
      [&](std::size_t k, std::size_t n) { return b.data[n * b.stride + k]; });
}

template <>
void matmul_tn<double>(View<const double> a, View<const double> b, View<double> c) {
  chain(
      c, a.rows, [&](std::size_t m, std::size_t k) { return a.data[k * a.stride + m]; },
      [&](std::size_t k, std::size_t n) { return b.data[k * b.stride + n]; });
}

}  // namespace halfulp::nn
