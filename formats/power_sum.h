// Sums of numbers and products of any formats, logarithmic ones included, without any rounding.
#pragma once

#include <cstdint>
#include <map>

#include "formats/exact_sum.h"
#include "formats/operand.h"
#include "formats/rounding.h"

namespace halfulp {

class Real;

/// ExactSum for operands: one exact sum of factors for each root. Different roots are linearly
/// independent, so the sum is zero only where each of these is.
class PowerSum {
 public:
  void add(const Operand& x) { add(widen(x.factor), x.root); }

  void add_product(const Operand& x, const Operand& y);

  /// x * root. Throws std::invalid_argument for a sticky x.
  void add(const WideNumber& x, const Root& root);

  /// The sum rounded once. Errors and flags as round_to; the rules for NaN, infinities and zeros of
  /// ExactSum::value. Throws std::invalid_argument under Overflow::wrap for irrational sums beyond
  /// 2^94 steps, whose trailing bits are not computed.
  Number round(const Format& format, const RoundSpec& spec, std::uint64_t random,
               Flags& flags) const;

  /// -1, 0 or 1, for finite sums: certain.
  int sign() const;

  /// Bounds of a finite sum at the precision of the two.
  void bound(Real& low, Real& high) const;

 private:
  bool is_zero() const;
  bool is_rational() const;

  ExactSum rational_;                ///< of terms without a root, and infinities and NaN
  std::map<Root, ExactSum> others_;  ///< of terms with a root
};

}  // namespace halfulp
