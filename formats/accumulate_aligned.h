// One addition of an aligned sum, for accumulate.cc.
#pragma once

#include <span>

#include "formats/accumulator.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp {

/// a b scale_a scale_b, exactly.
struct ScaledProduct {
  Number a, b;
  Number scale_a = {Number::Kind::finite, false, false, 0, 1};
  Number scale_b = {Number::Kind::finite, false, false, 0, 1};
};

/// One addition of the products and, unless it is separate, `addend` under `rule`, before it is
/// rounded to `rule.sum`. `scale_exponent`: least exponent of a scale. A sum that is zero is +0.
/// Flags gain `inexact` when alignment cut something, and `invalid` for 0 * inf and inf - inf.
/// Throws std::invalid_argument for products of more than 116 significant bits, and for exact sums
/// of products that need more than 120 (those of operands of 8 bits do not). Source of the
/// rules: Xie et al., "MMA-Sim", arXiv 2511.10909; Khattak and Mikaitis, "Accurate Models of NVIDIA
/// Tensor Cores", arXiv 2512.07004.
WideNumber aligned_addition(const AlignedSum& rule, std::span<const ScaledProduct> products,
                            const Number& addend, int scale_exponent, Flags& flags);

}  // namespace halfulp
