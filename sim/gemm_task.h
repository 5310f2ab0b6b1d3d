// One matrix product with everything that a kernel may want to know about it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/matrix.h"
#include "sim/random.h"

namespace halfulp {

struct AccumulatorReport;

/// C = A B + addend in one of the three forms of sim/gemm.h.
struct GemmTask {
  ConstMatrix a;
  ConstMatrix b;
  Matrix c;
  ConstMatrix addend;  ///< without data: zero
  std::size_t depth = 0;
  bool a_transposed = false;  ///< A is stored K x M
  bool b_transposed = false;  ///< B is stored N x K
  RandomStream stream;
  AccumulatorReport* report = nullptr;
  std::uint64_t first_row = 0;  ///< of C in the matrix that the random bits are numbered by

  float left(std::size_t m, std::size_t k) const {
    return a_transposed ? a.data[k * a.stride + m] : a.data[m * a.stride + k];
  }

  float right(std::size_t k, std::size_t n) const {
    return b_transposed ? b.data[n * b.stride + k] : b.data[k * b.stride + n];
  }

  float start(std::size_t m, std::size_t n) const {
    return addend.data == nullptr ? 0.0F : addend.data[m * addend.stride + n];
  }
};

/// What the numbers of an operand have in common; exact, found by reading all of them. Kernels are
/// chosen by it, so that a fast one runs only where it is proved to give the same bits.
struct OperandFacts {
  bool is_finite = true;
  bool has_negative_zero = false;
  bool is_zero = true;       ///< nothing but zeros; then the others are not set
  int largest_exponent = 0;  ///< floor(log2) of the largest magnitude
  int least_exponent = 0;    ///< of the smallest nonzero magnitude
  int quantum_exponent = 0;  ///< all numbers are whole multiples of 2^quantum_exponent
  int significant_bits = 0;  ///< most bits of one number, leading to trailing one
};

/// Of all elements of `x`.
OperandFacts operand_facts(ConstMatrix x);

/// The same in a third of the time, except that quantum_exponent may be lower and significant_bits
/// higher than they need be, and that has_negative_zero is always set.
OperandFacts operand_bounds(ConstMatrix x);

}  // namespace halfulp
