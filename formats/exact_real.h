// Real numbers that can be known to any precision: what the operations make of irrational operands.
// Bounds are computed with growing precision until they decide (A. Ziv, ACM TOMS 17, 1991).
#pragma once

#include "formats/families/power.h"
#include "formats/format.h"
#include "formats/operand.h"
#include "formats/operations.h"
#include "formats/power_sum.h"
#include "formats/rounding.h"

namespace halfulp {

/// A real number that is not zero.
class ExactReal : public ordered::ExactMagnitude {
 public:
  /// low <= x <= high, at the precision of the two.
  virtual void bound(Real& low, Real& high) const = 0;

  /// Bounds of this precision that still have a point between them are taken to meet in it.
  virtual std::int64_t last_precision() const = 0;
};

/// sum / divisor; every decision is certain, since sums of powers are zero only where all their
/// parts are.
class PowerQuotient : public ExactReal {
 public:
  /// The sum is not zero.
  PowerQuotient(const PowerSum& sum, std::uint64_t divisor) : sum_(sum), divisor_(divisor) {}

  void bound(Real& low, Real& high) const override;
  std::int64_t last_precision() const override;
  int compare_to_point(const ordered::Power& inner, const ordered::Power& outer, std::uint64_t t,
                       int k) const override;

 private:
  PowerSum sum_;
  std::uint64_t divisor_;
};

/// An elementary function of a finite operand that is not zero, in whose domain it lies. What 4096
/// bits, and four for each binade between the operand and 1, do not tell apart counts as equal;
/// transcendence theorems leave such cases open for powers of e and for log(2^a) only.
class FunctionValue : public ExactReal {
 public:
  FunctionValue(Operation operation, const Operand& x) : operation_(operation), x_(x) {}

  void bound(Real& low, Real& high) const override;
  std::int64_t last_precision() const override;
  int compare_to_point(const ordered::Power& inner, const ordered::Power& outer, std::uint64_t t,
                       int k) const override;

 private:
  Operation operation_;
  Operand x_;
};

/// The leading 128 bits and `sticky`.
WideNumber leading_bits(const ExactReal& x);

/// Rounds once to any format; flags and errors as round_to, std::invalid_argument under
/// Overflow::wrap beyond 2^94 steps.
Number round_real(const ExactReal& x, const Format& format, const RoundSpec& spec,
                  std::uint64_t random, Flags& flags);

/// Whether values of the format are irrational.
bool has_irrational_values(const Format& format);

}  // namespace halfulp
