#include "sim/order_statistic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace halfulp {

std::size_t quantile_rank(double level, std::size_t n) {
  const double rank = std::ceil(level * static_cast<double>(n)) - 1.0;
  return static_cast<std::size_t>(std::clamp(rank, 0.0, static_cast<double>(n - 1)));
}

std::uint32_t order_statistic(std::span<const std::uint32_t> values, std::size_t rank) {
  // Four histograms, so that equal neighbours do not wait for each other's counts.
  constexpr int kShift = 20;
  constexpr std::size_t kBins = std::size_t{1} << (32 - kShift);
  std::vector<std::uint32_t> counts(4 * kBins);
  for (std::size_t i = 0; i < values.size(); ++i) {
    ++counts[i % 4 * kBins + (values[i] >> kShift)];
  }
  std::uint32_t bin = 0;
  for (;; ++bin) {
    std::size_t count = 0;
    for (std::size_t part = 0; part < 4; ++part) count += counts[part * kBins + bin];
    if (rank < count) break;
    rank -= count;
  }
  std::vector<std::uint32_t> inside;
  for (const std::uint32_t value : values) {
    if (value >> kShift == bin) inside.push_back(value);
  }
  const auto found = inside.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(inside.begin(), found, inside.end());
  return *found;
}

std::uint32_t ordered_key(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

float from_ordered_key(std::uint32_t key) {
  return std::bit_cast<float>((key & 0x80000000U) != 0 ? key & 0x7FFFFFFFU : ~key);
}

}  // namespace halfulp
