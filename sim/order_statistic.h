// Exact quantiles of large arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace halfulp {

/// The rank, counted from 0, of the least of n values that at least the share `level` of them does
/// not exceed: ceil(level n) - 1. level in (0, 1], n > 0.
std::size_t quantile_rank(double level, std::size_t n);

/// The value of this rank in ascending order: two passes over the values, then a selection among
/// those that share its high bits. Fewer than 2^32 values.
std::uint32_t order_statistic(std::span<const std::uint32_t> values, std::size_t rank);

/// A binary32 pattern as an integer in the order of the numbers, and back; -0 is below 0.
std::uint32_t ordered_key(float x);
float from_ordered_key(std::uint32_t key);

}  // namespace halfulp
