// Correctly rounded operations on blocks of 8 x 8 numbers, for dot products of 8 rows with 8
// columns that go through the same operations.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/round_plan.h"

namespace halfulp {

inline constexpr std::size_t kBlockSide = 8;
inline constexpr std::size_t kBlockSize = kBlockSide * kBlockSide;

/// Element 8 r + c belongs to row r and column c. Numbers of binary32, or their exact products.
struct alignas(64) NumberBlock {
  double value[kBlockSize] = {};
};

/// Random bits of one rounding of a block; the high N bits of a word are R.
struct alignas(64) WordBlock {
  std::uint32_t word[kBlockSize] = {};
};

/// What the exact sum is rounded to, and how.
struct BlockRounding {
  RoundPlan plan;           ///< for binary64, of RoundMethod::wide_magnitude
  bool zeros_are_negative;  ///< sums that are exactly zero are -0, unless both terms are +0
};

/// Operations of one SIMD target. Sums are rounded to odd in binary64, from which rounding to at
/// most 24 bits (and 17 random ones) is as if from the exact sum.
struct BlockOperations {
  /// out = round(a[r] b[c] + sum).
  void (*fused)(const BlockRounding&, const double* a, const double* b, const NumberBlock& sum,
                const WordBlock&, NumberBlock& out);
  /// out = round(a[r] b[c]).
  void (*product)(const BlockRounding&, const double* a, const double* b, const WordBlock&,
                  NumberBlock& out);
  /// out = round(x + y), or x - y.
  void (*add)(const BlockRounding&, const NumberBlock& x, const NumberBlock& y, bool subtract,
              const WordBlock&, NumberBlock& out);
  /// out = round(x).
  void (*round)(const BlockRounding&, const NumberBlock& x, const WordBlock&, NumberBlock& out);
};

BlockOperations block_operations();

}  // namespace halfulp
