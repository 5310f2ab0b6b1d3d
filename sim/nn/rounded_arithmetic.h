// Arithmetic in one format, operation by operation, on arrays: what updates "all in bfloat16" are
// computed in, and sums of two numbers of the format (expansions).
#pragma once

#include <cstddef>
#include <span>

#include "sim/aligned_vector.h"
#include "sim/quantizer.h"
#include "sim/rounder.h"

namespace halfulp::nn {

/// Numbers of the format, held in binary64.
using Values = AlignedVector<double>;

/// Unevaluated sums of two numbers of the format for each element.
struct ValuePairs {
  Values high, low;
};

/// Every operation gives the exact result rounded once to nearest even, with infinities where the
/// format has them: it is computed in binary64, which rounds harmlessly in between for precisions
/// up to 24 bits (53 >= 2 x 24 + 2; Figueroa 1995). Operands are numbers of the format. Lengths are
/// equal.
class RoundedArithmetic {
 public:
  /// Throws SpecError unless `spec` is an unscaled float inside binary32 rounded to nearest even.
  explicit RoundedArithmetic(const QuantizerSpec& spec);

  double constant(double x) const;
  Values round(std::span<const float> x) const;

  Values add(const Values& a, const Values& b) const;
  Values add(const Values& a, double b) const;
  Values sub(const Values& a, const Values& b) const;
  Values mul(const Values& a, const Values& b) const;
  Values mul(const Values& a, double b) const;
  Values div(const Values& a, const Values& b) const;
  Values sqrt(const Values& a) const;

  /// x + v as a pair: r = h + v, l' = l + (v - (r - h)), then h = r + l', l = l' - (h - r). Exact
  /// for l = 0 and |h| >= |v| (Collage, Yu et al. 2024).
  ValuePairs grow(const ValuePairs& x, const Values& v) const;
  /// x (b_high + b_low) as a pair, from the product h b_high and its error, which is rounded too:
  /// p = h b_high, e = p's error + (h b_low + l b_high), then h = p + e, l = e - (h - p).
  ValuePairs scale(const ValuePairs& x, double b_high, double b_low) const;

 private:
  /// a + b as a pair, for |a| >= |b|.
  ValuePairs fast_two_sum(const Values& a, const Values& b) const;
  Values rounded(Values x) const;

  WideRounder rounder_;
};

void store(const Values& values, std::span<float> out);
Values load(std::span<const float> values);

}  // namespace halfulp::nn
