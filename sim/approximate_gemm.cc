// One packed layout for the three forms and a kernel per way of making a product. Where exponents
// are so wide that a product might leave the normal numbers of binary32, and for infinities and
// NaN, products are made one by one.
#include "sim/approximate_gemm.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "sim/aligned_vector.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/approximate_gemm.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#ifndef HALFULP_SIM_APPROXIMATE_GEMM_TASK
#define HALFULP_SIM_APPROXIMATE_GEMM_TASK

namespace halfulp {

/// Columns of a packed panel: a multiple of two vectors on every target.
inline constexpr std::size_t kPanel = 32;

/// A as M x K, B as panels of K x kPanel, padded with zeros. Of every number two words are kept:
///   codes   bits of a number less those of its share of the constant that a sum of two codes has
///           too much, and a mask that is zero for zero
///   floats  left: a number and its power of two (with its sign); right: the power of two and the
///           rest of the rule, so that a product is left0 right0 + left1 right1
struct PackedProduct {
  std::size_t rows, depth, cols;
  AlignedVector<std::uint32_t> left0, left1, right0, right1;
};

}  // namespace halfulp
#endif

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::CappedTag<float, 16>;
using DU = hn::RebindToUnsigned<DF>;

enum class Way { codes, fractions, plain };

/// Sum of codes, sum of two exact products (its only rounding the last), or a product.
template <Way kWay>
HWY_INLINE hn::Vec<DF> ProductOf(hn::Vec<DU> a0, hn::Vec<DU> a1, hn::Vec<DU> b0, hn::Vec<DU> b1) {
  const DF d;
  if constexpr (kWay == Way::codes) {
    return hn::BitCast(d, hn::And(hn::Add(a0, b0), hn::And(a1, b1)));
  }
  const auto first = hn::Mul(hn::BitCast(d, a0), hn::BitCast(d, b0));
  if constexpr (kWay == Way::plain) return first;
  return hn::Add(first, hn::Mul(hn::BitCast(d, a1), hn::BitCast(d, b1)));
}

/// kRows rows of C times one panel.
template <Way kWay, std::size_t kRows>
void Tile(const PackedProduct& p, std::size_t row, std::size_t panel, Matrix c) {
  const DF d;
  const DU du;
  constexpr std::size_t kLanes = hn::MaxLanes(DF());
  const std::size_t first = panel * kPanel;
  for (std::size_t part = 0; part < kPanel; part += 2 * kLanes) {
    hn::Vec<DF> sums[kRows][2];
    for (auto& sum : sums) sum[0] = sum[1] = hn::Zero(d);
    for (std::size_t k = 0; k < p.depth; ++k) {
      const std::size_t at = first * p.depth + part + k * kPanel;
      const std::uint32_t *b0 = p.right0.data() + at, *b1 = p.right1.data() + at;
      const auto low0 = hn::LoadU(du, b0), high0 = hn::LoadU(du, b0 + kLanes);
      const auto low1 = hn::LoadU(du, b1), high1 = hn::LoadU(du, b1 + kLanes);
      for (std::size_t r = 0; r < kRows; ++r) {
        const auto a0 = hn::Set(du, p.left0[(row + r) * p.depth + k]);
        const auto a1 = hn::Set(du, p.left1[(row + r) * p.depth + k]);
        sums[r][0] = hn::Add(sums[r][0], ProductOf<kWay>(a0, a1, low0, low1));
        sums[r][1] = hn::Add(sums[r][1], ProductOf<kWay>(a0, a1, high0, high1));
      }
    }
    HWY_ALIGN float out[2 * kLanes];
    for (std::size_t r = 0; r < kRows; ++r) {
      hn::Store(sums[r][0], d, out);
      hn::Store(sums[r][1], d, out + kLanes);
      const std::size_t from = first + part;
      for (std::size_t j = 0; j < 2 * kLanes && from + j < p.cols; ++j) {
        c.data[(row + r) * c.stride + from + j] = out[j];
      }
    }
  }
}

template <Way kWay>
void AllTiles(const PackedProduct& p, Matrix c) {
  const std::size_t panels = (p.cols + kPanel - 1) / kPanel;
  for (std::size_t panel = 0; panel < panels; ++panel) {
    std::size_t row = 0;
    for (; row + 4 <= p.rows; row += 4) Tile<kWay, 4>(p, row, panel, c);
    for (; row < p.rows; ++row) Tile<kWay, 1>(p, row, panel, c);
  }
}

void ByCodes(const PackedProduct& p, Matrix c) { AllTiles<Way::codes>(p, c); }

void ByFractions(const PackedProduct& p, Matrix c) { AllTiles<Way::fractions>(p, c); }

void ByProducts(const PackedProduct& p, Matrix c) { AllTiles<Way::plain>(p, c); }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfulp {
namespace {

HWY_EXPORT(ByCodes);
HWY_EXPORT(ByFractions);
HWY_EXPORT(ByProducts);

/// (-1)^s 2^e of a number (-1)^s 2^e (1 + x).
double power_of_two(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x) & 0xFFF0'0000'0000'0000;
  return std::bit_cast<double>(bits);
}

/// 2^-l(m) of L-Mul, else 0.
double offset_of(const ApproximateProduct& product) {
  const bool has_offset =
      product.rule == ProductRule::l_mul || product.rule == ProductRule::l_mul_integer;
  return has_offset ? std::ldexp(1.0, -l_mul_shift(product.trailing_bits)) : 0.0;
}

/// One product. In binary64 every step is exact: binary32 fractions need 23 bits and the powers of
/// two stay within 2^298.
float one_product(const ApproximateProduct& product, double offset, float a, float b) {
  const double x = static_cast<double>(a), y = static_cast<double>(b);
  if (product.rule == ProductRule::exact) return static_cast<float>(x * y);
  if (!std::isfinite(x) || !std::isfinite(y) || x == 0.0 || y == 0.0) {
    return static_cast<float>(x * y);
  }
  const double left = power_of_two(x), right = power_of_two(y);
  const double unit = left * right;
  const double whole = x * right + left * (y - right * (1.0 - offset));
  if (product.rule == ProductRule::l_mul) return static_cast<float>(whole);
  // 1 + s, 2 s and 4 (s - 1) cross where s is 1 and 2, so the right one is always the largest.
  const double magnitude = std::abs(whole), one = std::abs(unit);
  const double carried = std::max(2.0 * (magnitude - one), 4.0 * (magnitude - 2.0 * one));
  return static_cast<float>(std::copysign(std::max(magnitude, carried), unit));
}

/// A view of an operand by its place in the product.
struct Operand {
  ConstMatrix matrix;
  bool transposed;

  float operator()(std::size_t row, std::size_t col) const {
    return transposed ? matrix.data[col * matrix.stride + row]
                      : matrix.data[row * matrix.stride + col];
  }

  std::size_t rows() const { return transposed ? matrix.cols : matrix.rows; }

  std::size_t cols() const { return transposed ? matrix.rows : matrix.cols; }
};

/// Biased exponents of the nonzero numbers; least above most where there are none.
struct Exponents {
  int least = 255, most = 0;
};

Exponents exponents_of(const ConstMatrix& x) {
  std::uint32_t least = 255, most = 0;
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t i = 0; i < x.cols; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(x.data[r * x.stride + i]) & 0x7FFF'FFFF;
      const std::uint32_t exponent = bits >> 23;
      most = std::max(most, exponent);
      least = std::min(least, bits == 0 ? 255 : exponent);
    }
  }
  return {static_cast<int>(least), static_cast<int>(most)};
}

/// Whether all numbers are normal and so are all products, which reach up to 2^(e + 2).
bool stays_normal(const ConstMatrix& a, const ConstMatrix& b) {
  const Exponents left = exponents_of(a), right = exponents_of(b);
  const bool none = left.least > left.most || right.least > right.most;
  if (left.most == 255 || right.most == 255 || left.least == 0 || right.least == 0) return false;
  return none || (left.least + right.least >= 128 && left.most + right.most + 2 - 127 <= 254);
}

constexpr std::uint32_t kBiasCode = std::uint32_t{127} << 23;

bool sums_codes(ProductRule rule) {
  return rule == ProductRule::mitchell || rule == ProductRule::l_mul_integer;
}

/// The two words of a left number.
void pack_left(ProductRule rule, float x, std::uint32_t& first, std::uint32_t& second) {
  first = std::bit_cast<std::uint32_t>(x);
  if (sums_codes(rule)) {
    second = x == 0.0F ? 0 : 0xFFFF'FFFF;
  } else {
    second = std::bit_cast<std::uint32_t>(static_cast<float>(power_of_two(static_cast<double>(x))));
  }
}

/// The two words of a right number.
void pack_right(const ApproximateProduct& product, double offset, float x, std::uint32_t& first,
                std::uint32_t& second) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (product.rule == ProductRule::exact) {
    first = bits;
    second = 0;
  } else if (sums_codes(product.rule)) {
    // Signs add modulo 2 in the top bit: nothing is carried into it while exponents stay in range.
    first = bits - kBiasCode + static_cast<std::uint32_t>(std::ldexp(offset, 23));
    second = x == 0.0F ? 0 : 0xFFFF'FFFF;
  } else {
    const double y = static_cast<double>(x), power = power_of_two(y);
    first = std::bit_cast<std::uint32_t>(static_cast<float>(power));
    second = std::bit_cast<std::uint32_t>(static_cast<float>(y - power * (1.0 - offset)));
  }
}

PackedProduct pack(const ApproximateProduct& product, double offset, const Operand& a,
                   const Operand& b) {
  const std::size_t rows = a.rows(), depth = a.cols(), cols = b.cols();
  const std::size_t padded = (cols + kPanel - 1) / kPanel * kPanel;
  PackedProduct p{rows, depth, cols, {}, {}, {}, {}};
  p.left0.resize(rows * depth);
  p.left1.resize(rows * depth);
  p.right0.resize(depth * padded);
  p.right1.resize(depth * padded);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < depth; ++k) {
      pack_left(product.rule, a(r, k), p.left0[r * depth + k], p.left1[r * depth + k]);
    }
  }
  for (std::size_t k = 0; k < depth; ++k) {
    for (std::size_t j = 0; j < cols; ++j) {
      const std::size_t at = j / kPanel * kPanel * depth + k * kPanel + j % kPanel;
      pack_right(product, offset, b(k, j), p.right0[at], p.right1[at]);
    }
  }
  return p;
}

void multiply_one_by_one(const ApproximateProduct& product, double offset, const Operand& a,
                         const Operand& b, const Matrix& c) {
  for (std::size_t r = 0; r < c.rows; ++r) {
    for (std::size_t j = 0; j < c.cols; ++j) {
      float sum = 0.0F;
      for (std::size_t k = 0; k < a.cols(); ++k) {
        sum += one_product(product, offset, a(r, k), b(k, j));
      }
      c.data[r * c.stride + j] = sum;
    }
  }
}

void multiply(const ApproximateProduct& product, const Operand& a, const Operand& b,
              const Matrix& c) {
  if (a.cols() != b.rows() || a.rows() != c.rows || b.cols() != c.cols) {
    throw std::invalid_argument("matrices whose shapes do not fit");
  }
  const double offset = offset_of(product);
  if (!stays_normal(a.matrix, b.matrix)) {
    multiply_one_by_one(product, offset, a, b, c);
    return;
  }
  const PackedProduct packed = pack(product, offset, a, b);
  if (product.rule == ProductRule::exact) {
    HWY_DYNAMIC_DISPATCH(ByProducts)(packed, c);
  } else if (sums_codes(product.rule)) {
    HWY_DYNAMIC_DISPATCH(ByCodes)(packed, c);
  } else {
    HWY_DYNAMIC_DISPATCH(ByFractions)(packed, c);
  }
}

}  // namespace

void approximate_multiply(const ApproximateProduct& product, const float* x, const float* y,
                          float* out, std::size_t n) {
  const double offset = offset_of(product);
  for (std::size_t i = 0; i < n; ++i) out[i] = one_product(product, offset, x[i], y[i]);
}

void approximate_gemm_nn(const ApproximateProduct& product, ConstMatrix a, ConstMatrix b,
                         Matrix c) {
  multiply(product, {a, false}, {b, false}, c);
}

void approximate_gemm_nt(const ApproximateProduct& product, ConstMatrix a, ConstMatrix b,
                         Matrix c) {
  multiply(product, {a, false}, {b, true}, c);
}

void approximate_gemm_tn(const ApproximateProduct& product, ConstMatrix a, ConstMatrix b,
                         Matrix c) {
  multiply(product, {a, true}, {b, false}, c);
}

}  // namespace halfulp
#endif
