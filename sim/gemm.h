// Matrix products with a declared order: each output element is the fused chain
//   c = 0;  for k = 0 .. K-1: c = fma(a[k], b[k], c)          (binary32, round to nearest even)
// so the bits depend on nothing but the operands: not on vector width, blocking, tiles or compiler.
#pragma once

#include <cstddef>

#include "sim/matrix.h"

namespace halfulp {

/// C(M x N) = A(M x K) B(K x N).
void gemm_nn(ConstMatrix a, ConstMatrix b, Matrix c);
/// C(M x N) = A(M x K) B^T with B stored N x K.
void gemm_nt(ConstMatrix a, ConstMatrix b, Matrix c);
/// C(M x N) = A^T B with A stored K x M and B stored K x N.
void gemm_tn(ConstMatrix a, ConstMatrix b, Matrix c);

// Preconditions of all three: shapes agree; C overlaps neither A nor B; K = 0 gives zeros. Errors:
// none. Exactness: bit-identical to gemm_reference.h on every SIMD target.

}  // namespace halfulp
