#include "sim/format_functions.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::on_every_simd_target;

const RandomStream kStream = {7, 3, 2, 1};

using Row = std::vector<double>;

Row row_of(const std::vector<float>& x, std::size_t row, std::size_t cols) {
  const auto first = x.begin() + static_cast<std::ptrdiff_t>(row * cols);
  return Row(first, first + static_cast<std::ptrdiff_t>(cols));
}

struct Case {
  std::size_t rows = 0, cols = 0;
  std::vector<float> x, gain, bias;
};

Case make_case(std::size_t rows, std::size_t cols, double spread) {
  Case c{rows, cols, std::vector<float>(rows * cols), std::vector<float>(cols),
         std::vector<float>(cols)};
  const RandomStream numbers = {3, 6, static_cast<std::uint32_t>(cols), 0};
  for (std::size_t i = 0; i < c.x.size(); ++i) {
    c.x[i] = static_cast<float>(spread * random_normal(numbers, i));
  }
  for (std::size_t i = 0; i < cols; ++i) {
    c.gain[i] = static_cast<float>(1.0 + 0.1 * random_normal(numbers, 1000 + i));
    c.bias[i] = static_cast<float>(0.1 * random_normal(numbers, 2000 + i));
  }
  return c;
}

// All functions of the definition, one after another, and of the arrays in the same order.
std::vector<float> defined(const FunctionArithmetic& a, const Case& c) {
  std::vector<float> out;
  const int bits = a.operation.rounding.random_bits;
  const auto append = [&](const auto& function) {
    for (std::size_t r = 0; r < c.rows; ++r) {
      const StepDraw draws = [&](int step, std::size_t i) {
        return random_bits(kStream, (std::uint64_t(step) << 40) + r * c.cols + i, bits);
      };
      for (const double y : function(r, draws)) out.push_back(static_cast<float>(y));
    }
  };
  const Row gain = row_of(c.gain, 0, c.cols), bias = row_of(c.bias, 0, c.cols);
  const auto x = [&](std::size_t r) { return row_of(c.x, r, c.cols); };
  const auto reversed = [&](std::size_t r) {
    Row row = row_of(c.x, c.rows - 1 - r, c.cols);
    return row;
  };
  append([&](std::size_t r, const StepDraw& d) { return softmax(a, x(r), 0.125, d); });
  append([&](std::size_t r, const StepDraw& d) { return rms_norm(a, x(r), gain, 1e-5, d); });
  append(
      [&](std::size_t r, const StepDraw& d) { return layer_norm(a, x(r), gain, bias, 1e-5, d); });
  append([&](std::size_t r, const StepDraw& d) { return gelu(a, x(r), d); });
  append([&](std::size_t r, const StepDraw& d) { return silu(a, x(r), d); });
  append([&](std::size_t r, const StepDraw& d) { return swiglu(a, x(r), reversed(r), d); });
  return out;
}

std::vector<float> computed(const FunctionArithmetic& a, const Case& c) {
  const FormatFunctions functions(a);
  const std::size_t n = c.rows * c.cols;
  std::vector<float> up;
  for (std::size_t r = c.rows; r-- > 0;) {
    for (std::size_t i = 0; i < c.cols; ++i) up.push_back(c.x[r * c.cols + i]);
  }
  std::vector<float> out(6 * n);
  const float* x = c.x.data();
  float* y = out.data();
  functions.softmax(x, y, c.rows, c.cols, 0.125F, kStream);
  functions.rms_norm(x, c.gain.data(), y + n, c.rows, c.cols, 1e-5, kStream);
  functions.layer_norm(x, c.gain.data(), c.bias.data(), y + 2 * n, c.rows, c.cols, 1e-5, kStream);
  functions.gelu(x, y + 3 * n, n, kStream);
  functions.silu(x, y + 4 * n, n, kStream);
  functions.swiglu(x, up.data(), y + 5 * n, n, kStream);
  return out;
}

void compare(const FunctionArithmetic& arithmetic, const Case& c) {
  const std::vector<float> expected = defined(arithmetic, c);
  on_every_simd_target([&] {
    const std::vector<float> actual = computed(arithmetic, c);
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const bool same =
          std::bit_cast<std::uint32_t>(actual[i]) == std::bit_cast<std::uint32_t>(expected[i]);
      ASSERT_TRUE(same || (std::isnan(actual[i]) && std::isnan(expected[i])))
          << to_spec(arithmetic.operation.format) << " "
          << rounding_to_string(arithmetic.operation.rounding) << " function "
          << i / (c.rows * c.cols) << " element " << i % (c.rows * c.cols) << ": " << actual[i]
          << " is not " << expected[i];
    }
  });
}

Overflow overflow_of(const std::string& format) {
  return format.starts_with("e4") || format.starts_with("int") || format.starts_with("fixed") ||
                 format.starts_with("posit") || format.starts_with("takum")
             ? Overflow::saturate
             : Overflow::infinity;
}

Destination destination(const std::string& format, Rounding rounding, int random_bits = 0) {
  return {parse_format(format), {rounding, overflow_of(format), random_bits}};
}

TEST(FormatFunctions, EqualTheDefinitionInEveryFormat) {
  const Case c = make_case(3, 21, 2.0);
  for (const char* format : {"binary32", "bfloat16", "binary16", "tf32", "e4m3fn", "e5m2",
                             "posit(8,1)", "fixed(16,10)", "int8"}) {
    compare(uniform_arithmetic(destination(format, Rounding::nearest_even)), c);
  }
}

TEST(FormatFunctions, EqualTheDefinitionInEveryRounding) {
  const Case c = make_case(2, 13, 3.0);
  for (const Rounding rounding :
       {Rounding::nearest_away, Rounding::toward_zero, Rounding::toward_positive,
        Rounding::toward_negative, Rounding::to_odd}) {
    for (const char* format : {"binary32", "bfloat16", "e5m2"}) {
      compare(uniform_arithmetic(destination(format, rounding)), c);
    }
  }
  compare(uniform_arithmetic(destination("bfloat16", Rounding::stochastic, 16)), c);
  compare(uniform_arithmetic(destination("e4m3fn", Rounding::stochastic, 8)), c);
  compare(uniform_arithmetic(destination("binary32", Rounding::stochastic, 4)), c);
}

TEST(FormatFunctions, EqualTheDefinitionUnderAnAccumulator) {
  const Case c = make_case(3, 40, 1.0);
  FunctionArithmetic a = uniform_arithmetic(destination("bfloat16", Rounding::nearest_even));
  a.sum = uniform_arithmetic(destination("binary32", Rounding::nearest_even)).sum;
  compare(a, c);
  std::get<RoundedSum>(a.sum.method).order = {Order::blocked, 16};
  a.sum.result = a.operation;
  compare(a, c);
}

TEST(FormatFunctions, SpecialArguments) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Case c = make_case(7, 4, 1.0);
  c.x = {0.0F,   -0.0F, 0.0F,   -0.0F,  1e-40F, -1e-40F,    3e38F,      -3e38F, kInfinity, 1.0F,
         2.0F,   3.0F,  -1.0F,  -2.0F,  -3.0F,  -kInfinity, nan,        1.0F,   2.0F,      3.0F,
         100.0F, 50.0F, -88.0F, 448.0F, 1e-20F, -1e-20F,    -kInfinity, 0.5F};
  for (const char* format : {"binary32", "bfloat16", "e4m3fn", "e5m2fnuz", "posit(8,1)"}) {
    Destination to = destination(format, Rounding::nearest_even);
    if (std::string(format) == "e5m2fnuz") to.rounding.overflow = Overflow::nan;
    compare(uniform_arithmetic(to), c);
  }
  compare(uniform_arithmetic(destination("bfloat16", Rounding::toward_positive)), c);
}

// Rows that do not fill, and that overfill, the blocks in which arrays are worked on.
TEST(FormatFunctions, EqualTheDefinitionAcrossBlocks) {
  compare(uniform_arithmetic(destination("bfloat16", Rounding::nearest_even)),
          make_case(5, 1030, 1.0));
  compare(uniform_arithmetic(destination("bfloat16", Rounding::nearest_even)),
          make_case(70, 1, 1.0));
}

TEST(FormatFunctions, RejectsFormatsItCannotServe) {
  const auto make = [](const Destination& to) { FormatFunctions{uniform_arithmetic(to)}; };
  EXPECT_THROW(make(destination("binary64", Rounding::nearest_even)), SpecError);
  EXPECT_THROW(make(destination("nf4", Rounding::nearest_even)), SpecError);
  EXPECT_THROW(make(destination("binary32", Rounding::stochastic, 32)), SpecError);
  FunctionArithmetic a = uniform_arithmetic(destination("bfloat16", Rounding::nearest_even));
  a.sum.result = destination("bfloat16", Rounding::stochastic, 8);
  EXPECT_THROW(FormatFunctions{a}, SpecError);
}

}  // namespace
}  // namespace halfulp
