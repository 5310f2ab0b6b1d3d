// Where two ways of making numbers differ: formats, roundings or overflow policies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/code.h"
#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp {

/// One side of a comparison.
struct Caster {
  Format format;
  RoundSpec spec;
};

/// A code that both formats have and that stands for different numbers.
struct CodeDifference {
  Code code;
  Number a, b;
};

/// An operand that the two sides turn into different numbers.
struct CastDifference {
  WideNumber operand;
  std::uint64_t random = 0;  ///< random bits, for stochastic rounding
  std::string a, b;          ///< results, or "error" under Overflow::error
};

struct Difference {
  bool same = false;     ///< one format and one policy: nothing can differ
  bool wide = false;     ///< a format has more than 16 bits: codes and operands are a sample
  bool sampled = false;  ///< wide, or stochastic rounding, whose fractions and bits are a sample
  /// Codes compared: all of the shared width, none where the widths differ.
  std::uint64_t codes = 0;
  std::uint64_t different_codes = 0;
  std::optional<CodeDifference> first_code;
  std::uint64_t values_a = 0, values_b = 0;          ///< distinct finite numbers looked at
  std::uint64_t only_a = 0, only_b = 0;              ///< of these, not in the other format
  std::optional<Number> first_only_a, first_only_b;  ///< smallest magnitude
  std::uint64_t operands = 0;
  std::uint64_t different_operands = 0;
  std::optional<CastDifference> first_operand;  ///< of smallest magnitude
  std::vector<std::string> reasons;  ///< parameters that differ: "largest finite number: 448, 240"

  bool found() const {
    return different_codes != 0 || only_a != 0 || only_b != 0 || different_operands != 0;
  }

  /// Known to be no difference: a sample that finds none does not tell.
  bool identical() const { return !found() && (same || !sampled); }
};

/// Compares at every code and every decision point of both formats up to 16 bits, and at a fixed
/// sample of codes, midpoints and their neighbours above. Values and operands are exact; in place
/// of an irrational value, operands are rational numbers close to it on either side. Stochastic
/// rounding is compared at fractions of gaps where N bits and the bits behind them decide, under
/// the R that decide there, and elsewhere under R = 0 and R = 2^N - 1.
Difference compare(const Caster& a, const Caster& b);

/// Two different numbers as to_text() writes them; where that is the same text, which it can be for
/// irrational ones, their leading bits in hexadecimal.
std::pair<std::string, std::string> distinct_texts(const Number& a, const Number& b);

}  // namespace halfulp
