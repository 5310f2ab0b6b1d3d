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
  struct Digit {
    int shift, bits;
  };

  std::uint32_t found = 0, found_mask = 0;
  std::vector<std::size_t> counts;
  for (const Digit digit : {Digit{21, 11}, Digit{10, 11}, Digit{0, 10}}) {
    const std::uint32_t low = (1U << digit.bits) - 1;
    counts.assign(low + 1, 0);
    for (const std::uint32_t value : values) {
      if ((value & found_mask) == found) ++counts[value >> digit.shift & low];
    }
    std::uint32_t own = 0;
    while (rank >= counts[own]) rank -= counts[own++];
    found |= own << digit.shift;
    found_mask |= low << digit.shift;
  }
  return found;
}

std::uint32_t ordered_key(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

float from_ordered_key(std::uint32_t key) {
  return std::bit_cast<float>((key & 0x80000000U) != 0 ? key & 0x7FFFFFFFU : ~key);
}

}  // namespace halfulp
