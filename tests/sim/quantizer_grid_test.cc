// Grid values and scales apart: their product is what quantize() gives.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "formats/round.h"
#include "sim/quantizer.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::on_every_simd_target;

const RandomStream kStream{.seed = 4, .stream = 3, .tensor = 1, .step = 2};

struct Shape {
  std::size_t rows, cols;
};

std::vector<float> normals(Shape shape) {
  std::vector<float> x(shape.rows * shape.cols);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(random_normal({3, 0, 0, 0}, i) * std::exp2(i % 13));
  }
  return x;
}

struct Parts {
  std::vector<float> grid, scales;
  Shape scale_shape;
};

Parts split(const Quantizer& quantizer, const std::vector<float>& x, Shape shape) {
  const auto [rows, cols] = quantizer.scale_shape(shape.rows, shape.cols);
  Parts parts = {std::vector<float>(x.size()), std::vector<float>(rows * cols), {rows, cols}};
  quantizer.quantize_to_grid({x.data(), shape.rows, shape.cols, shape.cols},
                             {parts.grid.data(), shape.rows, shape.cols, shape.cols},
                             {parts.scales.data(), rows, cols, cols}, kStream);
  return parts;
}

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

void expect_parts_of_quantize(const std::string& text, const std::vector<float>& x, Shape shape) {
  SCOPED_TRACE(text + " " + std::to_string(shape.rows) + "x" + std::to_string(shape.cols));
  const Quantizer quantizer(parse_quantizer(text));
  const Parts parts = split(quantizer, x, shape);
  std::vector<float> whole(x.size()), product(x.size());
  quantizer.quantize({x.data(), shape.rows, shape.cols, shape.cols},
                     {whole.data(), shape.rows, shape.cols, shape.cols}, kStream);
  const auto [rows, cols] = parts.scale_shape;
  quantizer.apply_scales({parts.grid.data(), shape.rows, shape.cols, shape.cols},
                         {parts.scales.data(), rows, cols, cols},
                         {product.data(), shape.rows, shape.cols, shape.cols});
  const QuantizerSpec& spec = quantizer.spec();
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(bits(product[i]), bits(whole[i])) << i;
    if (std::isnan(whole[i])) continue;
    const auto grid = static_cast<double>(parts.grid[i]);
    const RoundSpec exact = {Rounding::nearest_even, Overflow::saturate};
    ASSERT_EQ(round(spec.format, exact, grid, 0), grid) << i;
  }
}

const std::vector<std::string> kSpecs = {
    "e4m3fn",           "e5m2+row",
    "int4+column",      "e2m1fn+group(16)",
    "int8+group(300)",  "e4m3fn+group(8,columns)+stochastic(16)",
    "int3+group(5)",    "e4m3fn+row+scale_power_of_two",
    "bfloat16",         "posit(8,1)+row",
    "e4m3fn+group(128)"};

TEST(QuantizerGrid, GridTimesScaleIsTheFakeQuantizedValueOnEveryTarget) {
  on_every_simd_target([] {
    for (const Shape shape : {Shape{1, 1}, {7, 40}, {33, 1}, {5, 650}}) {
      const auto x = normals(shape);
      for (const std::string& text : kSpecs) expect_parts_of_quantize(text, x, shape);
    }
  });
}

TEST(QuantizerGrid, UnitsThatAreNotFiniteAreNanWithScaleOne) {
  const Shape shape = {6, 40};
  auto x = normals(shape);
  x[3] = std::numeric_limits<float>::infinity();
  x[5 * 40 + 39] = std::numeric_limits<float>::quiet_NaN();
  for (const std::string& text : kSpecs) {
    if (text != "bfloat16") expect_parts_of_quantize(text, x, shape);
  }
  const Parts rows = split(Quantizer(parse_quantizer("e4m3fn+row")), x, shape);
  EXPECT_EQ(rows.scales[0], 1.0F);
  EXPECT_TRUE(std::isnan(rows.grid[0]));
  EXPECT_NE(rows.scales[1], 1.0F);
  EXPECT_EQ(rows.scales[5], 1.0F);
}

TEST(QuantizerGrid, ScaleShapes) {
  const auto shape = [](const char* text) {
    return Quantizer(parse_quantizer(text)).scale_shape(10, 21);
  };
  using P = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(shape("e4m3fn"), P(1, 1));
  EXPECT_EQ(shape("e4m3fn+unscaled"), P(1, 1));
  EXPECT_EQ(shape("e4m3fn+row"), P(10, 1));
  EXPECT_EQ(shape("e4m3fn+column"), P(1, 21));
  EXPECT_EQ(shape("e4m3fn+group(8)"), P(10, 3));
  EXPECT_EQ(shape("e4m3fn+group(8,columns)"), P(2, 21));
}

TEST(QuantizerGrid, ScalesOfRowsReachTheFormatsRange) {
  const Shape shape = {3, 50};
  const auto x = normals(shape);
  const Parts parts = split(Quantizer(parse_quantizer("e4m3fn+row")), x, shape);
  for (std::size_t r = 0; r < shape.rows; ++r) {
    float largest = 0, amax = 0;
    for (std::size_t c = 0; c < shape.cols; ++c) {
      largest = std::max(largest, std::fabs(parts.grid[r * shape.cols + c]));
      amax = std::max(amax, std::fabs(x[r * shape.cols + c]));
    }
    EXPECT_EQ(largest, 448.0F);
    EXPECT_NEAR(parts.scales[r], amax / 448.0F, 1e-6F * amax);
  }
}

TEST(QuantizerGrid, BlockFormatsKeepTheirScales) {
  const Quantizer quantizer(parse_quantizer("mxfp4"));
  std::vector<float> x(64), scale(1);
  EXPECT_THROW(quantizer.quantize_to_grid({x.data(), 1, 64, 64}, {x.data(), 1, 64, 64},
                                          {scale.data(), 1, 1, 1}),
               std::invalid_argument);
}

}  // namespace
}  // namespace halfulp
