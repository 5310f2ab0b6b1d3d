// Block fused multiply-adds of matrix engines over whole products: the loops of aligned_sums.h.
#pragma once

#include <cstddef>
#include <vector>

#include "formats/accumulator.h"
#include "sim/gemm_task.h"
#include "sim/sum_stages.h"

namespace halfulp {

/// How sums are rounded to the format of the running sum: to multiples of a quantum, that of their
/// binade or 2^least_quantum, and beyond `largest` to `beyond`.
struct SumRounding {
  bool to_nearest = false;  ///< even; else toward zero
  int trailing_bits = 23;
  int least_exponent = -126;  ///< of a normal number
  double largest = 0;
  double beyond = 0;
  /// Toward zero, where no sum is a finer multiple than the format's least number or beyond its
  /// range: trailing bits are cleared.
  bool clears_bits = false;
  bool converts = false;  ///< to_nearest, to binary32 with infinities: a conversion
};

/// AlignedSum as the loops read it; a kernel may use it where aligned_sums.cc has proved the ranges
/// that its fields need.
struct AlignedPlan {
  AlignedSum rule;
  int operand_least[2] = {};  ///< exponents of the operands, after a swap of both
  int least_exponent = 0;     ///< no lower than scaling by 2^(F - exponent) can stand
  SumRounding rounding;
  std::vector<std::size_t> order;   ///< k in the order of evaluation
  std::vector<std::size_t> counts;  ///< of products of each addition
  bool in_int32 = false;            ///< with clears_bits: so is the sum of aligned terms
  bool in_binary32 = false;  ///< products are exact and alignment toward zero stays inside int32
  std::size_t chunk = 0;     ///< in_binary32: so many aligned products are less than 2^31
};

/// Running sums of every element. Operands are finite.
void aligned_sums(const GemmTask& task, const AlignedPlan& plan, const SumStart& start,
                  const SumSink& sink);

}  // namespace halfulp
