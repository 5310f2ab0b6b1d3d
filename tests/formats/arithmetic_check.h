// Compares evaluate() with the oracle of tests/oracle/exact_result.h: every operand tuple of a
// small format under every rounding mode and overflow policy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/arithmetic.h"
#include "formats/format.h"
#include "formats/rounding.h"
#include "tests/oracle/exact_result.h"
#include "tests/oracle/value_table.h"

namespace halfulp::testing_arithmetic {

/// Whether oracle::ValueTable rounds to the format.
bool is_in_value_tables(const Format& format);

/// Every mode and policy that applies to the format and that its oracle knows; stochastic with 3
/// bits (truncate) and 5 (unbiased).
std::vector<RoundSpec> all_round_specs(const Format& format);

/// Counts of one operation in one format.
struct Count {
  std::uint64_t tuples = 0;  ///< operand tuples, each under every RoundSpec
  std::uint64_t wrong = 0;   ///< tuples with a difference in value, sign of zero or flags
};

class FormatCheck {
 public:
  /// Takes formats of up to 8 bits; 17 for chosen tuples.
  explicit FormatCheck(const Format& format);

  /// Every tuple of codes for one or two operands; for three, every tuple up to 6 bits and else
  /// `triples` random ones with many near-cancellations.
  Count check(Operation operation, const std::vector<RoundSpec>& specs, std::uint64_t triples);

  /// Adds one tuple to `count`; the first differences are reported as failures.
  void check_tuple(Operation operation, const Number (&operands)[3], const double (&values)[3],
                   const std::vector<RoundSpec>& specs, Count& count);

 private:
  struct Want;
  Want expected(Operation operation, const double (&values)[3], const RoundSpec& spec,
                std::uint64_t random, const oracle::ExactResult& exact) const;
  oracle::Rounded rounded(const RoundSpec& spec, double x, std::uint64_t random) const;
  Want neighbour(double x, bool up, Overflow overflow) const;

  Format format_;
  std::optional<oracle::ValueTable> table_;
  std::vector<Number> numbers_;    ///< by code
  std::vector<double> values_;     ///< by code
  std::vector<double> ascending_;  ///< the finite values
  bool has_negative_zero_ = false;
  bool has_infinity_ = false;
  bool has_negative_infinity_ = false;
  std::uint64_t random_ = 0;
};

/// Compared with the oracle by exact_elementary() rather than exact_result().
bool is_elementary(Operation operation);

}  // namespace halfulp::testing_arithmetic
