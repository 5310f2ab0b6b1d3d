// The sums that counters are made of, on the SIMD target in use; the same bits on all of them.
#pragma once

#include <cstddef>

namespace halfulp::nn {

/// Sums in binary64 in the order that sim/nn/counters.h declares.
struct OperandSums {
  double squares = 0, fourths = 0;  ///< sum x^2, sum x^4 = (x^2)^2
  double errors = 0;                ///< sum (q - x)^2
  std::size_t zeros = 0;            ///< x == 0
  std::size_t flushed = 0;          ///< x != 0 and q == 0
  float amax = 0;                   ///< max |x|; NaNs are passed over
};

OperandSums operand_sums(const float* x, const float* q, std::size_t n);

/// Elements of x above high or below low.
std::size_t count_beyond(const float* x, std::size_t n, float low, float high);

/// The same with limits times the element's own scale, products in binary32.
std::size_t count_beyond(const float* x, const float* scales, std::size_t n, float low, float high);

}  // namespace halfulp::nn
