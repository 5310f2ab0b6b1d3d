// Exact dot products: against MPFR, where 128-bit integers hold them and where they do not.
#include "sim/exact_product.h"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <cmath>
#include <vector>

#include "sim/random.h"

namespace halfulp {
namespace {

/// The sum in 4000 bits, as its nearest binary64 number and the rest.
DoublePair oracle(const float* a, const float* b, std::size_t n) {
  mpfr_t sum, term;
  mpfr_inits2(4000, sum, term, nullptr);
  mpfr_set_zero(sum, 1);
  for (std::size_t k = 0; k < n; ++k) {
    mpfr_set_flt(term, a[k], MPFR_RNDN);
    mpfr_mul_d(term, term, static_cast<double>(b[k]), MPFR_RNDN);
    mpfr_add(sum, sum, term, MPFR_RNDN);
  }
  const double high = mpfr_get_d(sum, MPFR_RNDN);
  mpfr_sub_d(sum, sum, high, MPFR_RNDN);
  const double low = mpfr_get_d(sum, MPFR_RNDN);
  mpfr_clears(sum, term, nullptr);
  return {high, low};
}

/// Random numbers with exponents from -spread to spread.
std::vector<float> numbers(std::size_t count, int spread, std::uint32_t tensor) {
  const RandomStream stream{7, 6, tensor, 0};
  std::vector<float> out;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = random_unit(stream, 2 * i) - 0.5;
    const auto exponent = static_cast<int>(
        random_below(stream, 1000 + i, static_cast<std::uint64_t>(2 * spread + 1)));
    out.push_back(static_cast<float>(std::ldexp(x, exponent - spread)));
  }
  return out;
}

TEST(ExactProduct, EqualsMpfr) {
  constexpr std::size_t kRows = 3, kColumns = 4, kLength = 37, kStride = 40;
  for (const int spread : {0, 5, 14, 30, 60}) {
    std::vector<float> a = numbers(kRows * kStride, spread, 1);
    const std::vector<float> b = numbers(kColumns * kStride, spread, 2);
    a[1] = -0.0F;
    std::vector<DoublePair> out(kRows * kColumns);
    exact_products({a.data(), kRows, kLength, kStride}, {b.data(), kColumns, kLength, kStride},
                   out.data());
    for (std::size_t m = 0; m < kRows; ++m) {
      for (std::size_t n = 0; n < kColumns; ++n) {
        const DoublePair want = oracle(a.data() + m * kStride, b.data() + n * kStride, kLength);
        EXPECT_EQ(out[m * kColumns + n].high, want.high) << spread;
        EXPECT_EQ(out[m * kColumns + n].low, want.low) << spread;
      }
    }
  }
}

TEST(ExactProduct, AddsAndSubtractsExactly) {
  const DoublePair x{1.0, 0x1p-60};
  const DoublePair sum = x + 0x1p-55;
  EXPECT_EQ(sum.high, 1.0);
  EXPECT_EQ(sum.low, 0x1p-60 + 0x1p-55);
  EXPECT_EQ(difference(1.0, x), -0x1p-60);
}

TEST(ExactProduct, OfZerosIsZero) {
  const float zeros[3] = {0.0F, -0.0F, 0.0F};
  DoublePair out{1.0, 1.0};
  exact_products({zeros, 1, 3, 3}, {zeros, 1, 3, 3}, &out);
  EXPECT_EQ(out.high, 0.0);
  EXPECT_EQ(out.low, 0.0);
}

}  // namespace
}  // namespace halfulp
