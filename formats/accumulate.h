// The readable definition of dot products under an accumulator: the specification that every fast
// kernel equals bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "formats/accumulator.h"
#include "formats/number.h"
#include "formats/rounding.h"

namespace halfulp {

/// R of the j-th stochastic rounding of a dot product, counted from 0 in the order of evaluation.
using DrawFunction = std::function<std::uint64_t(std::uint64_t j)>;

/// Scales of blocks of operands, for aligned sums: term k is a[k] b[k] times scale k / length of a
/// and of b. Their exponents are at least `least_exponent`, that of the smallest normal number of
/// the scales' format.
struct BlockScales {
  std::span<const Number> a, b;
  std::size_t length = 32;
  int least_exponent = -127;
};

/// sum of a[k] b[k], plus `addend`, as `spec` says. `a` and `b` have equal length; terms are never
/// sticky. No terms give the addend, rounded as a sum.
///
/// Order of evaluation: left to right, inner before outer; of a product, its rounding before its
/// addition; of a tree, the left half, the right half, their sum. The number that a running sum
/// starts from, addend or zero, is rounded to the format of the sum, which counts as a rounding (a
/// promoted sum: that of the outer sum first, then that of each inner one); lanes, blocks and
/// leaves of trees start from +0 without, and exact sums take the addend as it is. A rounding to a
/// stochastic destination takes a draw also when it is exact.
///
/// Flags gain what happened in any rounding; none is cleared. NaN and infinities: as evaluate()
/// (arithmetic.h) for rounded, compensated and exact sums (a two_sum that overflows is NaN, as inf
/// - inf is one of its steps); in an aligned sum a NaN, 0 * inf or infinities of both signs among
/// the terms give NaN, infinities of one sign that infinity. NaNs have no payload here.
///
/// Errors: SpecError as check_accumulator, otherwise as round_to; std::invalid_argument for
/// different lengths, a stochastic rounding without `draws`, scales without an aligned sum, too few
/// scales, groups of exact_products that reach over the end of a block, or operands too wide for an
/// aligned sum (accumulate_aligned.h).
Number accumulate(const AccumulatorSpec& spec, std::span<const Number> a, std::span<const Number> b,
                  const Number& addend, const DrawFunction& draws, Flags& flags,
                  const BlockScales& scales = {});

/// The same for binary64 values; the result is exact for sums in formats inside binary64.
double accumulate(const AccumulatorSpec& spec, std::span<const double> a, std::span<const double> b,
                  double addend = 0.0, const DrawFunction& draws = {});

}  // namespace halfulp
