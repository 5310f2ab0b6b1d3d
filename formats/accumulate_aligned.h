// The block fused multiply-add of matrix engines: terms aligned to the largest exponent, cut, and
// added exactly.
#pragma once

#include <span>

#include "formats/accumulator.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp {

/// One addition of `a[i] b[i]` and, unless it is separate, `addend` under `rule`, before it is
/// rounded to `rule.sum`. A sum that is zero is +0. Flags gain `inexact` when alignment cut
/// something, and `invalid` for 0 * inf and inf - inf. Source of the rules: Xie et al., "MMA-Sim",
/// arXiv 2511.10909; Khattak and Mikaitis, "Accurate Models of NVIDIA Tensor Cores", arXiv
/// 2512.07004.
WideNumber aligned_addition(const AlignedSum& rule, std::span<const Number> a,
                            std::span<const Number> b, const Number& addend, Flags& flags);

}  // namespace halfulp
