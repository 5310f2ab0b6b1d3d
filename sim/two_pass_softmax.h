// Two-pass softmax (formats/two_pass_softmax.h) in binary32, vectorized.
#pragma once

#include <cstddef>

#include "formats/two_pass_softmax.h"

namespace halfulp {

/// Terms and sums in binary32, rounded to nearest even, on 16 lanes: what the function below does.
TwoPassSoftmax binary32_two_pass_softmax();

/// out[r] = softmax of each of `rows` rows of `cols` numbers; `out` may be `x`. The bits are those
/// of the readable definition on every SIMD target.
void two_pass_softmax(const float* x, float* out, std::size_t rows, std::size_t cols);

}  // namespace halfulp
