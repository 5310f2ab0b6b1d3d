// Matrix products under an accumulator (formats/accumulator.h), vectorized: every element is
// accumulate() of formats/accumulate.h on its row of A and column of B, bit for bit, on every SIMD
// target.
#pragma once

#include <cstdint>
#include <memory>

#include "formats/accumulator.h"
#include "sim/matrix.h"
#include "sim/random.h"

namespace halfulp {

/// What an accumulator may be asked to count.
struct AccumulatorReport {
  /// Elements of C in which a rounding left the range of its format, whether once or more
  /// often, and whatever it did there (infinity, saturation, wrapping).
  std::uint64_t overflows = 0;
};

/// C = A B (+ C0) under one accumulator. Operands and results are binary32 arrays of exact values.
class AccumulatedGemm {
 public:
  /// Throws SpecError when a rounding cannot apply to its format, for stochastic rounding with more
  /// than 16 bits, and when results (of the last rounding) do not fit binary32.
  explicit AccumulatedGemm(const AccumulatorSpec& spec);
  ~AccumulatedGemm();
  AccumulatedGemm(AccumulatedGemm&&) noexcept;
  AccumulatedGemm& operator=(AccumulatedGemm&&) noexcept;

  const AccumulatorSpec& spec() const;

  /// True for binary32_accumulator(): then the products are those of sim/gemm.h.
  bool is_binary32_chain() const;

  /// C(M x N) = A(M x K) B(K x N) + addend; nt: B stored N x K; tn: A stored K x M. `addend` (M x
  /// N) may be C itself; without data it is zero. Random bits: the j-th stochastic rounding of
  /// element (m, n) uses accumulator_draw(stream, first_row + m, n, ...) of
  /// sim/accumulator_draws.h, so that rows may be computed in parts. `report` gains counts; asking
  /// for them may choose slower kernels. Throws OverflowError under Overflow::error, naming row and
  /// column.
  void nn(ConstMatrix a, ConstMatrix b, Matrix c, ConstMatrix addend = {},
          const RandomStream& stream = {}, AccumulatorReport* report = nullptr,
          std::uint64_t first_row = 0) const;
  void nt(ConstMatrix a, ConstMatrix b, Matrix c, ConstMatrix addend = {},
          const RandomStream& stream = {}, AccumulatorReport* report = nullptr,
          std::uint64_t first_row = 0) const;
  void tn(ConstMatrix a, ConstMatrix b, Matrix c, ConstMatrix addend = {},
          const RandomStream& stream = {}, AccumulatorReport* report = nullptr,
          std::uint64_t first_row = 0) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halfulp
