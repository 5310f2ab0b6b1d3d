#include "formats/approximate_multiply.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "formats/spec.h"

namespace halfulp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const ApproximateProduct kMitchell = {ProductRule::mitchell, 0};

ApproximateProduct formula(int m) { return {ProductRule::l_mul, m}; }

ApproximateProduct integer(int m) { return {ProductRule::l_mul_integer, m}; }

struct Errors {
  double rms, mean, max, mean_absolute;
};

// Over all pairs of significands with m trailing bits; `mean_absolute` is the mean of approximate
// minus exact.
Errors errors(const ApproximateProduct& product, int m) {
  const int count = 1 << m;
  double squares = 0.0, sum = 0.0, most = 0.0, absolute = 0.0;
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < count; ++j) {
      const double x = 1.0 + static_cast<double>(i) / count;
      const double y = 1.0 + static_cast<double>(j) / count;
      const double error = approximate_multiply(product, x, y) - x * y;
      const double relative = error / (x * y);
      squares += relative * relative;
      sum += relative;
      absolute += error;
      most = std::max(most, std::abs(relative));
    }
  }
  const double pairs = static_cast<double>(count) * count;
  return {std::sqrt(squares / pairs), sum / pairs, most, absolute / pairs};
}

// A value that is known with four decimals.
void expect_printed(double actual, double printed) { EXPECT_NEAR(actual, printed, 0.5e-4); }

// The known values for m = 4 are off by up to 1.4e-4; the enumeration was checked in NumPy.
void expect_near_printed(double actual, double printed, double enumerated) {
  EXPECT_NEAR(actual, printed, 1.5e-4);
  EXPECT_NEAR(actual, enumerated, 1e-9);
}

TEST(ApproximateMultiply, ErrorsOfTheFormula) {
  expect_printed(errors(formula(3), 3).rms, .0814);
  expect_printed(errors(formula(3), 3).mean, -.0097);
  expect_near_printed(errors(formula(4), 4).rms, .0835, .083449220949);
  expect_near_printed(errors(formula(4), 4).mean, -.0217, -.021833573704);
  expect_printed(errors(formula(7), 7).rms, .0953);
  expect_printed(errors(formula(7), 7).mean, -.0628);
}

TEST(ApproximateMultiply, ErrorsOfTheSumOfCodes) {
  expect_printed(errors(integer(3), 3).rms, .0602);
  expect_printed(errors(integer(3), 3).mean, .0493);
  expect_printed(errors(integer(4), 4).rms, .0587);
  expect_near_printed(errors(integer(4), 4).mean, .0488, .048727691850);
  expect_printed(errors(integer(7), 7).rms, .0310);
  expect_printed(errors(integer(7), 7).mean, .0041);
}

TEST(ApproximateMultiply, ErrorsOfMitchell) {
  expect_printed(errors(kMitchell, 3).rms, .0493);
  expect_printed(errors(kMitchell, 3).mean, -.0378);
  expect_printed(errors(kMitchell, 4).rms, .0486);
  expect_printed(errors(kMitchell, 4).mean, -.0383);
  expect_printed(errors(kMitchell, 7).rms, .0484);
  expect_printed(errors(kMitchell, 7).mean, -.0385);
  // At x = y = 1/2.
  EXPECT_DOUBLE_EQ(errors(kMitchell, 7).max, 1.0 / 9.0);
}

// E(2^-l - x y) for independent uniform fractions x, y.
TEST(ApproximateMultiply, MeanAbsoluteErrorOfTheFormula) {
  const std::array shifts = {1, 2, 3, 3, 4, 4, 4};
  for (int m = 1; m <= 7; ++m) {
    const double mean = (1.0 - std::ldexp(1.0, -m)) / 2.0;
    const double expected = std::ldexp(1.0, -shifts[static_cast<std::size_t>(m - 1)]) - mean * mean;
    EXPECT_DOUBLE_EQ(errors(formula(m), m).mean_absolute, expected) << m;
  }
  EXPECT_NEAR(errors(formula(3), 3).mean_absolute, -0.06641, 0.5e-5);
  EXPECT_NEAR(errors(formula(4), 4).mean_absolute, -0.09473, 0.5e-5);
}

using Product = std::function<double(double, double)>;

Product of(const ApproximateProduct& rule) {
  return [rule](double a, double b) { return approximate_multiply(rule, a, b); };
}

// The product rounded to m trailing bits.
Product rounded(int m) {
  return [m](double a, double b) {
    const double unit = std::ldexp(1.0, std::ilogb(a * b) - m);
    return std::nearbyint(a * b / unit) * unit;
  };
}

// The formula where an operand that was rounded up to 2 counts as fraction 1.
Product without_normalization(int m) {
  const double offset = std::ldexp(1.0, -l_mul_shift(m));
  return [offset](double a, double b) { return 1.0 + (a - 1.0) + (b - 1.0) + offset; };
}

// rms of (p / (a b) - 1) for a, b uniform in [1, 2) that are first rounded to m trailing bits: a
// sum over pairs of cells of p^2 E(a^-2) E(b^-2) - 2 p E(1/a) E(1/b) + 1 in closed form.
double rms_with_input_rounding(const Product& product, int m) {
  struct Cell {
    double value, share, inverse, inverse_square;
  };

  std::vector<Cell> cells;
  const double step = std::ldexp(1.0, -m);
  for (double value = 1.0; value <= 2.0; value += step) {
    const double low = std::max(1.0, value - step / 2), high = std::min(2.0, value + step / 2);
    cells.push_back({value, high - low, std::log(high / low), 1.0 / low - 1.0 / high});
  }
  double sum = 0.0;
  for (const Cell& a : cells) {
    for (const Cell& b : cells) {
      const double p = product(a.value, b.value);
      sum += p * p * a.inverse_square * b.inverse_square - 2.0 * p * a.inverse * b.inverse +
             a.share * b.share;
    }
  }
  return std::sqrt(sum);
}

TEST(ApproximateMultiply, ErrorsWithInputRounding) {
  // E4M3 and E5M2: the product is rounded too.
  EXPECT_NEAR(rms_with_input_rounding(rounded(3), 3), .0435, .0005);
  EXPECT_NEAR(rms_with_input_rounding(rounded(2), 2), .0868, .0005);
  EXPECT_NEAR(rms_with_input_rounding(of(integer(4)), 4), .061, .0005);
  EXPECT_NEAR(rms_with_input_rounding(of(integer(3)), 3), .069, .0005);
  // The formula's known values hold without normalization.
  EXPECT_NEAR(rms_with_input_rounding(without_normalization(4), 4), .087, .0005);
  EXPECT_NEAR(rms_with_input_rounding(without_normalization(3), 3), .089, .0005);
  EXPECT_NEAR(rms_with_input_rounding(of(formula(4)), 4), .0848, .00005);
  EXPECT_NEAR(rms_with_input_rounding(of(formula(3)), 3), .0872, .00005);
}

// The hardware's form: codes of binary32 are added as integers, the offset and the bias corrected.
TEST(ApproximateMultiply, IntegerRuleIsASumOfCodes) {
  constexpr std::uint32_t kBias = 127U << 23;
  std::uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525 + 1013904223; };
  for (const int m : {3, 4, 7, 10, 23}) {
    const std::uint32_t offset = 1U << (23 - l_mul_shift(m));
    for (int i = 0; i < 2000; ++i) {
      const std::uint32_t low = ~((1U << (23 - m)) - 1);
      const std::uint32_t a = ((next() & 0x807F'FFFF) | (100 + next() % 50) << 23) & low;
      const std::uint32_t b = ((next() & 0x807F'FFFF) | (100 + next() % 50) << 23) & low;
      const std::uint32_t magnitude = (a & 0x7FFF'FFFF) + (b & 0x7FFF'FFFF) - kBias;
      const std::uint32_t sign = (a ^ b) & 0x8000'0000;
      const auto product = [&](const ApproximateProduct& rule) {
        return std::bit_cast<std::uint32_t>(static_cast<float>(
            approximate_multiply(rule, static_cast<double>(std::bit_cast<float>(a)),
                                 static_cast<double>(std::bit_cast<float>(b)))));
      };
      ASSERT_EQ(product(kMitchell), sign | magnitude);
      ASSERT_EQ(product(integer(m)), sign | (magnitude + offset));
    }
  }
}

TEST(ApproximateMultiply, FormulaKeepsTheExponent) {
  EXPECT_EQ(approximate_multiply(formula(3), 1.875, 1.875), 2.875);
  EXPECT_EQ(approximate_multiply(integer(3), 1.875, 1.875), 3.75);
  // The sum of fractions and offset reaches 2: two carries.
  EXPECT_EQ(approximate_multiply(integer(4), 1.9375, 1.9375), 4.0);
  EXPECT_EQ(approximate_multiply(kMitchell, -3.0, 0.75), -2.0);
}

TEST(ApproximateMultiply, SubnormalOperandsAreNormalized) {
  const double least = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(approximate_multiply(kMitchell, 3.0 * least, 1.5), 4.0 * least);
  EXPECT_EQ(approximate_multiply(kMitchell, least, least), 0.0);
}

TEST(ApproximateMultiply, SpecialOperands) {
  for (const ApproximateProduct& rule : {ApproximateProduct{}, kMitchell, formula(3), integer(3)}) {
    EXPECT_EQ(approximate_multiply(rule, 0.0, 3.0), 0.0);
    EXPECT_TRUE(std::signbit(approximate_multiply(rule, -0.0, 3.0)));
    EXPECT_EQ(approximate_multiply(rule, -kInfinity, 3.0), -kInfinity);
    EXPECT_TRUE(std::isnan(approximate_multiply(rule, kNan, 0.0)));
    Flags flags;
    approximate_multiply(rule, from_double(0.0), from_double(kInfinity), flags);
    EXPECT_TRUE(flags.invalid);
    EXPECT_TRUE(std::isnan(approximate_multiply(rule, 0.0, kInfinity)));
  }
}

TEST(ApproximateMultiply, RejectsWhatItCannotMultiply) {
  Flags flags;
  const Number wide = {Number::Kind::finite, false, false, 0, (std::uint64_t{1} << 40) + 1};
  const Number sticky = {Number::Kind::finite, false, true, 0, 1};
  EXPECT_THROW(approximate_multiply(kMitchell, wide, wide, flags), std::invalid_argument);
  EXPECT_THROW(approximate_multiply(kMitchell, sticky, sticky, flags), std::invalid_argument);
  EXPECT_THROW(approximate_multiply(formula(0), 1.0, 1.0), std::invalid_argument);
}

TEST(ApproximateMultiply, Spelling) {
  for (const char* text : {"exact", "mitchell", "l_mul(3)", "l_mul_integer(23)"}) {
    EXPECT_EQ(to_spec(parse_product(text)), text);
  }
  for (const char* text :
       {"", "l_mul", "l_mul(0)", "l_mul(3", "l_mul(3)x", "mitchell(3)", "l_mull"}) {
    EXPECT_THROW(parse_product(text), SpecError) << text;
  }
}

}  // namespace
}  // namespace halfulp
