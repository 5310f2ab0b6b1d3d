// One step after another of a function in a chosen format, on a block of rows: what
// sim/format_functions.cc is written in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "formats/functions.h"
#include "formats/operations.h"
#include "sim/accumulated_gemm.h"
#include "sim/aligned_vector.h"
#include "sim/random.h"
#include "sim/rounder.h"

namespace halfulp {

/// Everything that is made once for an arithmetic.
struct StepRounding {
  /// Throws SpecError as FormatFunctions.
  explicit StepRounding(const FunctionArithmetic& an_arithmetic);

  FunctionArithmetic arithmetic;
  WideRounder rounder;    ///< of operations
  WideRounder constants;  ///< to nearest even
  bool is_stochastic;
  bool down;                         ///< exact zero sums are negative
  bool one_zero;                     ///< the sign of zero is not known: x / 0 is NaN for finite x
  std::optional<WideRounder> chain;  ///< of sums in sequence with each addition rounded
  bool chain_down = false;
  std::optional<AccumulatedGemm> sums;  ///< all others: products with a column of ones
};

/// A block of `rows` rows of `cols` numbers, of which the first has the index `first` in its array.
/// Every method but constant() and largest() is one step.
class FormatSteps {
 public:
  /// A number for each element, or one for each row.
  using Values = AlignedVector<double>;

  FormatSteps(const StepRounding& rounding, std::size_t rows, std::size_t cols, std::size_t first,
              const RandomStream& stream)
      : rounding_(rounding), rows_(rows), cols_(cols), first_(first), stream_(stream) {}

  Values input(const float* x);
  /// add, sub, mul, div or sqrt (of `a`; `b` is not looked at). Operands with a number for each row
  /// apply to all its elements; the result has as many numbers as the longer operand.
  Values apply(Operation operation, const Values& a, const Values& b = {});
  /// exp or tanh.
  Values elementary(Operation operation, const Values& x);
  Values sum(const Values& x);
  Values largest(const Values& x) const;
  /// The same number for each row; rounded as a constant.
  Values constant(double x) const;
  /// The same row for each row; rounded as constants.
  Values constants(const float* row) const;

  /// The same number for each row, as it is.
  Values exact(double x) const { return Values(rows_, x); }

 private:
  bool is_per_row(const Values& x) const { return x.size() == rows_ && cols_ != 1; }

  std::uint64_t index() const { return (std::uint64_t{step_} << 40) + first_; }

  /// Rounds in place.
  void round(Values& x) const;
  const double* spread(const Values& x, Values& scratch) const;
  double decide(Operation operation, double x, std::size_t element) const;

  const StepRounding& rounding_;
  std::size_t rows_, cols_, first_;
  const RandomStream& stream_;
  std::uint32_t step_ = 0;
};

}  // namespace halfulp
