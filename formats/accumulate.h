// The readable definition of dot products under an accumulator: the specification that every fast
// kernel equals bit for bit.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "formats/accumulator.h"
#include "formats/number.h"
#include "formats/rounding.h"

namespace halfulp {

/// R of the j-th stochastic rounding of a dot product, counted from 0 in the order of evaluation.
using DrawFunction = std::function<std::uint64_t(std::uint64_t j)>;

/// sum of a[k] b[k], plus `addend`, as `spec` says. `a` and `b` have equal length; terms are never
/// sticky. No terms give the addend, rounded as a sum. Order of evaluation: left to right, inner
/// before outer; of a product, its rounding before its addition; of a tree, the left half, the
/// right half, their sum. Flags gain what happened in any rounding; none is cleared. NaN and
/// infinities: as evaluate() (arithmetic.h) for rounded, compensated and exact sums; in an aligned
/// sum a NaN, 0 * inf or infinities of both signs among the terms give NaN, infinities of one sign
/// that infinity. Errors: as round_to; std::invalid_argument for different lengths or a stochastic
/// rounding without `draws`.
Number accumulate(const AccumulatorSpec& spec, std::span<const Number> a, std::span<const Number> b,
                  const Number& addend, const DrawFunction& draws, Flags& flags);

/// The same for binary64 values; the result is exact for sums in formats inside binary64.
double accumulate(const AccumulatorSpec& spec, std::span<const double> a, std::span<const double> b,
                  double addend = 0.0, const DrawFunction& draws = {});

}  // namespace halfulp
