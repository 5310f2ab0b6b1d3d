// Binary32 matrix products in the three forms, by the library and by OpenBLAS.
#pragma once

#include <cblas.h>

#include <cstddef>

#include "sim/gemm.h"

extern "C" void openblas_set_num_threads(int);

namespace halfulp::bench {

/// Which operand is stored transposed: none, B, A.
enum class Form { nn, nt, tn };

inline const char* to_string(Form form) {
  return form == Form::nn ? "nn" : form == Form::nt ? "nt" : "tn";
}

/// C = A B with operands as stored.
inline void multiply(Form form, ConstMatrix a, ConstMatrix b, Matrix c) {
  switch (form) {
    case Form::nn:
      return gemm_nn(a, b, c);
    case Form::nt:
      return gemm_nt(a, b, c);
    case Form::tn:
      return gemm_tn(a, b, c);
  }
}

inline void multiply_by_openblas(Form form, ConstMatrix a, ConstMatrix b, Matrix c) {
  const auto as_int = [](std::size_t n) { return static_cast<int>(n); };
  const std::size_t depth = form == Form::tn ? a.rows : a.cols;
  cblas_sgemm(CblasRowMajor, form == Form::tn ? CblasTrans : CblasNoTrans,
              form == Form::nt ? CblasTrans : CblasNoTrans, as_int(c.rows), as_int(c.cols),
              as_int(depth), 1.0F, a.data, as_int(a.stride), b.data, as_int(b.stride), 0.0F, c.data,
              as_int(c.stride));
}

}  // namespace halfulp::bench
