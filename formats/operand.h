// Operands of arithmetic with their exact values: a Number for most formats, a power for the
// irrational values of logarithmic numbers and logarithmic takums.
#pragma once

#include <compare>
#include <cstdint>

#include "formats/code.h"
#include "formats/format.h"
#include "formats/number.h"
#include "formats/wide_number.h"

namespace halfulp {

/// 2^(log2 / 2^64) * e^(log / 2^64), which is rational only where both are 0. Different ones are
/// linearly independent over the rational numbers: 2^a with different a in [0, 1) are parts of a
/// basis of a field of roots of 2, and powers of e are independent over the algebraic numbers
/// (theorem of Lindemann and Weierstrass).
struct Root {
  std::uint64_t log2 = 0;
  int128 log = 0;

  bool is_one() const { return log2 == 0 && log == 0; }

  friend auto operator<=>(const Root&, const Root&) = default;
};

/// A number of a format: factor * root, exactly.
struct Operand {
  Number number;  ///< as decode_operand() gives it: cut and sticky where the value is irrational
  Number factor;  ///< never sticky; of the class and sign of `number`, which it is without a root
  Root root;

  bool is_irrational() const { return !root.is_one(); }
};

/// The operand that a code stands for, as decode_operand().
Operand operand_of(const Format& format, Code code);
/// The same for a value of the format, as round_to() and decode() return it. Throws
/// std::invalid_argument for a sticky number that is no value of the format.
Operand operand_of(const Format& format, const Number& x);
/// A number that is exact. Throws std::invalid_argument for a sticky one.
Operand exact_operand(const Number& x);

/// The power of 2 with logarithm `log2` / 2^64, or of e with logarithm `log` / 2^64, as an operand
/// without `number`.
Operand power_of_two(int128 log2);
Operand power_of_e(int128 log);

/// A product or quotient of roots. What is carried into the power of two is in `exponent`.
Root multiply(const Root& x, const Root& y, int& exponent);
Root invert(const Root& x, int& exponent);

}  // namespace halfulp
