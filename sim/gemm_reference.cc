#include "sim/gemm_reference.h"

#include <cmath>
#include <cstddef>

namespace halfulp {

void gemm_nn_reference(ConstMatrix a, ConstMatrix b, Matrix c) {
  for (std::size_t m = 0; m < c.rows; ++m) {
    for (std::size_t n = 0; n < c.cols; ++n) {
      float sum = 0;
      for (std::size_t k = 0; k < a.cols; ++k) {
        sum = std::fma(a.data[m * a.stride + k], b.data[k * b.stride + n], sum);
      }
      c.data[m * c.stride + n] = sum;
    }
  }
}

void gemm_nt_reference(ConstMatrix a, ConstMatrix b, Matrix c) {
  for (std::size_t m = 0; m < c.rows; ++m) {
    for (std::size_t n = 0; n < c.cols; ++n) {
      float sum = 0;
      for (std::size_t k = 0; k < a.cols; ++k) {
        sum = std::fma(a.data[m * a.stride + k], b.data[n * b.stride + k], sum);
      }
      c.data[m * c.stride + n] = sum;
    }
  }
}

void gemm_tn_reference(ConstMatrix a, ConstMatrix b, Matrix c) {
  for (std::size_t m = 0; m < c.rows; ++m) {
    for (std::size_t n = 0; n < c.cols; ++n) {
      float sum = 0;
      for (std::size_t k = 0; k < a.rows; ++k) {
        sum = std::fma(a.data[k * a.stride + m], b.data[k * b.stride + n], sum);
      }
      c.data[m * c.stride + n] = sum;
    }
  }
}

}  // namespace halfulp
