// Where a comparison of two formats looks (difference.h): codes, their numbers, and the operands at
// which a rounding decides.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/code.h"
#include "formats/difference.h"
#include "formats/number.h"
#include "formats/wide_number.h"

namespace halfulp {

/// Up to this width, every code is looked at.
inline constexpr int kAllCodesWidth = 16;

/// A finite number of a format, with a code of it.
struct CodedNumber {
  Code code = 0;
  Number number;
};

struct TestOperand {
  WideNumber x;               ///< never sticky; its leading bit at bit 127
  bool at_threshold = false;  ///< where random bits decide: worth every word of random_words()
};

/// Every code, or for formats of more than 16 bits a sample: the `leading` top bits run through all
/// their values, and the bits below are 0...0, 0...01, 10...0, 1...1 or vary; and the codes about
/// the ends of the range.
std::vector<Code> codes_to_look_at(const Format& format, int leading);

/// How many top bits the sample runs through: fewer for irrational values, which take MPFR.
int leading_bits_to_run(const Format& a, const Format& b);

/// Finite numbers of the codes, ascending and distinct, one zero.
std::vector<CodedNumber> values_at(const Format& format, const std::vector<Code>& codes);

/// Finite operands about the values of one side and what decides between them, in no order. With
/// `fine` the neighbours of a point are closer than binary64's.
void add_operands(const Caster& caster, const std::vector<CodedNumber>& values, bool fine,
                  std::vector<TestOperand>& operands);

/// By magnitude, positive first, without repetitions.
void sort_operands(std::vector<TestOperand>& operands);

/// Random bits at which the thresholds of add_operands() decide; the first two are 0 and all ones.
std::vector<std::uint64_t> random_words(const RoundSpec& a, const RoundSpec& b);

}  // namespace halfulp
