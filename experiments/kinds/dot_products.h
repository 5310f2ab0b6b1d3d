// Batches of dot products under an accumulator, with the exact sums beside them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "experiments/config.h"
#include "experiments/kinds/operand_source.h"
#include "formats/accumulator.h"
#include "sim/accumulated_gemm.h"
#include "sim/exact_product.h"

namespace halfulp {

/// Shape of one batch: all dot products of `rows` left with `columns` right operands. They share
/// operands, so only batches are independent.
struct BatchShape {
  std::size_t rows = 16;
  std::size_t columns = 16;
  std::size_t length = 0;  ///< terms of each dot product

  std::size_t count() const { return rows * columns; }
};

/// Operands and results of one batch; row-major, the right operands stored as rows.
struct Batch {
  std::vector<float> left, right, start, results;
  std::vector<DoublePair> exact;  ///< of start + sum of products
};

/// Draws operands and computes. A pure function of (source, accumulator, shape, seed, index).
class DotProducts {
 public:
  DotProducts(OperandSource left, OperandSource right, const AccumulatorSpec& accumulator,
              BatchShape shape, float start, std::uint64_t seed);

  /// Operands and exact sums of batch `index`.
  Batch draw(std::uint32_t index) const;

  /// Fills batch.results.
  void accumulate(Batch& batch, std::uint32_t index) const;

  /// Adds the terms in steps of `step`, in a chain, and calls visit(k, before, after) for each,
  /// where the first k terms give `after`. For accumulators whose running sum is the result
  /// (can_resume).
  template <typename Visit>
  void trace(const Batch& batch, std::uint32_t index, std::size_t step, Visit visit) const {
    std::vector<float> before = batch.start, after(shape_.count());
    for (std::size_t k = 0; k < shape_.length; k += step) {
      const std::size_t end = k + step < shape_.length ? k + step : shape_.length;
      add_terms(batch, index, k, end, before, after);
      visit(end, before, after);
      before.swap(after);
    }
  }

  const BatchShape& shape() const { return shape_; }

 private:
  void add_terms(const Batch& batch, std::uint32_t index, std::size_t from, std::size_t to,
                 const std::vector<float>& before, std::vector<float>& after) const;

  OperandSource left_, right_;
  AccumulatedGemm gemm_;
  BatchShape shape_;
  float start_;
  std::uint64_t seed_;
};

/// Adds what keeps matrix products from running under the accumulator of `config`.
void check_accumulator_runs(const Config& config, std::vector<ConfigIssue>& issues);

/// Reports a quantizer with scales under an accumulator that depends on where the exponents of its
/// operands are: hardware multiplies finished sums by scales, here operands have them.
void check_no_scales(const Config& config, std::string_view key, std::vector<ConfigIssue>& issues);

/// Terms after which a sum can be taken up again from its value alone: 0 where it cannot.
std::size_t resumable_step(const AccumulatorSpec& accumulator);

}  // namespace halfulp
