#include "sim/exact_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "formats/code.h"
#include "formats/exact_sum.h"
#include "formats/wide_number.h"

namespace halfulp {

namespace {

/// All numbers are whole multiples of 2^quantum and below 2^top in magnitude.
struct Range {
  int quantum = 0;
  int top = 0;
};

Range range_of(ConstMatrix x) {
  constexpr int kBits = 24;
  Range range{std::numeric_limits<int>::max(), std::numeric_limits<int>::min()};
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t c = 0; c < x.cols; ++c) {
      const float v = x.data[r * x.stride + c];
      if (v == 0.0F) continue;
      int exponent = 0;
      const float fraction = std::frexp(std::fabs(v), &exponent);
      const auto significand = static_cast<std::uint32_t>(std::ldexp(fraction, kBits));
      range.quantum = std::min(range.quantum, exponent - kBits + std::countr_zero(significand));
      range.top = std::max(range.top, exponent);
    }
  }
  return range.quantum <= range.top ? range : Range{};
}

std::vector<std::int64_t> integers(ConstMatrix x, int quantum) {
  std::vector<std::int64_t> out;
  out.reserve(x.rows * x.cols);
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t c = 0; c < x.cols; ++c) {
      const double v = static_cast<double>(x.data[r * x.stride + c]);
      out.push_back(static_cast<std::int64_t>(std::ldexp(v, -quantum)));
    }
  }
  return out;
}

DoublePair pair_of(int128 sum, int quantum) {
  const auto high = static_cast<double>(sum);
  const auto low = static_cast<double>(sum - static_cast<int128>(high));
  return {std::ldexp(high, quantum), std::ldexp(low, quantum)};
}

DoublePair sum_of_any(const float* a, const float* b, std::size_t n) {
  const Format binary64 = FloatFormat{11, 52, 1023};
  const RoundSpec nearest = {Rounding::nearest_even, Overflow::infinity};
  ExactSum sum;
  Flags flags;
  for (std::size_t k = 0; k < n; ++k) {
    sum.add_product(from_double(static_cast<double>(a[k])), from_double(static_cast<double>(b[k])));
  }
  const double high = to_double(sum.round(binary64, nearest, 0, flags));
  sum.add(from_double(-high));
  return {high, to_double(sum.round(binary64, nearest, 0, flags))};
}

}  // namespace

DoublePair operator+(const DoublePair& x, double y) {
  const double sum = x.high + y;
  const double part = sum - x.high;
  const double lost = (x.high - (sum - part)) + (y - part);
  return {sum, x.low + lost};
}

void exact_products(ConstMatrix a, ConstMatrix b, DoublePair* out) {
  constexpr int kOperandBits = 62, kSumBits = 126;
  const std::size_t depth = a.cols;
  const Range left = range_of(a), right = range_of(b);
  const int left_bits = left.top - left.quantum, right_bits = right.top - right.quantum;
  const int sum_bits = left_bits + right_bits + static_cast<int>(std::bit_width(depth));
  if (left_bits > kOperandBits || right_bits > kOperandBits || sum_bits > kSumBits) {
    for (std::size_t m = 0; m < a.rows; ++m) {
      for (std::size_t n = 0; n < b.rows; ++n) {
        out[m * b.rows + n] = sum_of_any(a.data + m * a.stride, b.data + n * b.stride, depth);
      }
    }
    return;
  }
  const std::vector<std::int64_t> x = integers(a, left.quantum), y = integers(b, right.quantum);
  for (std::size_t m = 0; m < a.rows; ++m) {
    for (std::size_t n = 0; n < b.rows; ++n) {
      int128 sum = 0;
      for (std::size_t k = 0; k < depth; ++k) {
        sum += static_cast<int128>(x[m * depth + k]) * y[n * depth + k];
      }
      out[m * b.rows + n] = pair_of(sum, left.quantum + right.quantum);
    }
  }
}

}  // namespace halfulp
