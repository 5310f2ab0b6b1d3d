// Matrix products whose multiplications are replaced by additions (formats/approximate_multiply.h).
#pragma once

#include <cstddef>

#include "formats/approximate_multiply.h"
#include "sim/matrix.h"

namespace halfulp {

/// out[i] = approximate product of x[i] and y[i], rounded once to binary32 (nearest even).
void approximate_multiply(const ApproximateProduct& product, const float* x, const float* y,
                          float* out, std::size_t n);

/// C(M x N) = A(M x K) B(K x N); nt: B stored N x K; tn: A stored K x M. Each product as above,
/// then added to a binary32 sum (nearest even) that starts at zero, k ascending: the same bits on
/// every SIMD target. `exact` is then a chain of separate multiplications and additions, not the
/// fused one of sim/gemm.h. Throws std::invalid_argument for shapes that do not fit.
void approximate_gemm_nn(const ApproximateProduct& product, ConstMatrix a, ConstMatrix b, Matrix c);
void approximate_gemm_nt(const ApproximateProduct& product, ConstMatrix a, ConstMatrix b, Matrix c);
void approximate_gemm_tn(const ApproximateProduct& product, ConstMatrix a, ConstMatrix b, Matrix c);

}  // namespace halfulp
