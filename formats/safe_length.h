// How many products a narrow accumulator holds for certain.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "formats/accumulator.h"
#include "formats/format.h"
#include "formats/number.h"

namespace halfulp {

/// SafeLength::length where no length overflows: running sums stop growing first.
inline constexpr std::int64_t kEveryLength = std::numeric_limits<std::int64_t>::max();

struct SafeLength {
  std::int64_t length = 0;
  Number a, b;  ///< products of these overflow at length + 1
};

/// The greatest K such that no sum of K products of finite numbers of the formats `a` and `b`,
/// started from zero, leaves the range of the running sum; tight. The format of the result is not
/// looked at.
///
/// Integer and fixed-point sums of products that are whole multiples of their unit: as many extreme
/// products as fit, in any order. Other sums: in sequence, each addition rounded to nearest or in
/// one direction. Rounding is monotone, so that a chain of one extreme product bounds all others;
/// it is run to its end. Nothing for other accumulators (stochastic, rounded products, promotion,
/// aligned, compensated), and when that chain is longer than `longest_chain`.
std::optional<SafeLength> safe_length(const AccumulatorSpec& accumulator, const Format& a,
                                      const Format& b, std::int64_t longest_chain = 1 << 20);

}  // namespace halfulp
