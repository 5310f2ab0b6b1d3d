// The definition of the matrix products of gemm.h, to be read rather than run: one std::fma after
// another.
#pragma once

#include "sim/matrix.h"

namespace halfulp {

/// C(M x N) = A(M x K) B(K x N), each element the chain c = 0; c = fma(a[m][k], b[k][n], c) over
/// ascending k. Preconditions as in gemm.h.
void gemm_nn_reference(ConstMatrix a, ConstMatrix b, Matrix c);
/// The same for B stored N x K.
void gemm_nt_reference(ConstMatrix a, ConstMatrix b, Matrix c);
/// The same for A stored K x M.
void gemm_tn_reference(ConstMatrix a, ConstMatrix b, Matrix c);

}  // namespace halfulp
