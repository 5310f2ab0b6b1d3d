#include "sim/quantizer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <vector>

#include "formats/block.h"
#include "formats/block_spec.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using ::testing::HasSubstr;
using testing::on_every_simd_target;

const RandomStream kStream{.seed = 11, .stream = 3, .tensor = 2, .step = 9};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// ---- a quantizer written from the definition, element by element

std::size_t unit_of(const QuantizerSpec& spec, std::size_t r, std::size_t c) {
  const auto group = static_cast<std::size_t>(std::max(spec.group_size, 1));
  switch (spec.granularity) {
    case Granularity::tensor:
      return 0;
    case Granularity::row:
      return r;
    case Granularity::column:
      return c;
    case Granularity::group:
    case Granularity::tile:
      break;
  }
  const auto lines = static_cast<std::size_t>(spec.tile_lines);
  return spec.along_columns ? c / lines * 100000 + r / group : r / lines * 100000 + c / group;
}

struct Factors {
  float multiplier;
  float scale;
};

Factors factors(const QuantizerSpec& spec, float amax) {
  const auto largest = static_cast<float>(to_double(max_finite(spec.format)));
  if (amax == 0 || largest == 0) return {1, 1};
  float multiplier = std::min(largest / amax, std::numeric_limits<float>::max());
  if (spec.scale == ScaleRule::scale_power_of_two) {
    // The largest power of two that keeps amax inside, found by trying all.
    int exponent = -127;
    while (exponent < 127 &&
           std::ldexp(static_cast<double>(amax), exponent + 1) <= static_cast<double>(largest)) {
      ++exponent;
    }
    multiplier = std::ldexp(1.0F, exponent);
  }
  return {multiplier, std::min(1 / multiplier, std::numeric_limits<float>::max())};
}

std::vector<float> reference(const QuantizerSpec& spec, const std::vector<float>& x,
                             std::size_t rows, std::size_t cols) {
  std::map<std::size_t, float> amax;
  for (std::size_t i = 0; i < rows * cols; ++i) {
    float& unit = amax[unit_of(spec, i / cols, i % cols)];
    if (std::isnan(x[i]) || std::isnan(unit)) {
      unit = kNan;
    } else {
      unit = std::max(unit, std::abs(x[i]));
    }
  }
  std::vector<float> y(rows * cols);
  for (std::size_t i = 0; i < rows * cols; ++i) {
    const float unit = amax[unit_of(spec, i / cols, i % cols)];
    const std::uint64_t random =
        spec.rounding.random_bits == 0 ? 0 : random_bits(kStream, i, spec.rounding.random_bits);
    const auto rounded = [&](float operand) {
      return static_cast<float>(
          round(spec.format, spec.rounding, static_cast<double>(operand), random));
    };
    if (spec.scale == ScaleRule::unscaled) {
      y[i] = rounded(x[i]);
    } else if (!std::isfinite(unit)) {
      y[i] = kNan;
    } else {
      const Factors f = factors(spec, unit);
      const float product = x[i] * f.multiplier;
      y[i] = rounded(product) * f.scale;
    }
  }
  return y;
}

// Magnitudes over many binades and a few zeros.
std::vector<float> example(std::size_t n, unsigned int seed) {
  std::mt19937 generator(seed);
  std::vector<float> x(n);
  for (float& value : x) {
    const auto bits = static_cast<std::uint32_t>(generator());
    const float significand = static_cast<float>(bits >> 8) * 0x1p-24F + 0.5F;
    value =
        std::ldexp(bits & 1 ? significand : -significand, static_cast<int>(bits >> 1 & 15) - 12);
    if ((bits & 0xF0) == 0) value = bits & 1 ? 0.0F : -0.0F;
  }
  return x;
}

struct Shape {
  std::size_t rows, cols;
};

void expect_reference(const std::string& text, const std::vector<float>& x, Shape shape) {
  const QuantizerSpec spec = parse_quantizer(text);
  const Quantizer quantizer(spec);
  const std::vector<float> expected = reference(spec, x, shape.rows, shape.cols);
  std::vector<float> y(x.size());
  quantizer.quantize({x.data(), shape.rows, shape.cols, shape.cols},
                     {y.data(), shape.rows, shape.cols, shape.cols}, kStream);
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_TRUE(same(y[i], expected[i]))
        << text << " element " << i << " of " << shape.rows << " x " << shape.cols << ": " << x[i]
        << " gave " << y[i] << ", expected " << expected[i];
  }
}

const std::vector<std::string> kFormats = {"e4m3fn",  "e2m1fn",  "int4",
                                           "int4sym", "uint4",   "bfloat16+scale_binary32",
                                           "e5m2",    "e8m0fnu", "binary16+scale_power_of_two"};
const std::vector<std::string> kGranularities = {"tensor",
                                                 "row",
                                                 "column",
                                                 "group(3)",
                                                 "group(16)",
                                                 "group(300)",
                                                 "group(4,columns)",
                                                 "group(64,columns)",
                                                 "tile(1,8)",
                                                 "tile(4,16)",
                                                 "tile(3,5,columns)",
                                                 "tile(128,128)"};

TEST(Quantizer, EqualsItsDefinitionForEveryGranularityOnEveryTarget) {
  on_every_simd_target([] {
    for (const Shape shape : {Shape{5, 7}, Shape{33, 64}, Shape{1, 701}, Shape{130, 1}}) {
      const std::vector<float> x = example(shape.rows * shape.cols, 1);
      for (const std::string& format : kFormats) {
        for (const std::string& granularity : kGranularities) {
          expect_reference(format + "+" + granularity, x, shape);
          expect_reference(format + "+" + granularity + "+stochastic(13)", x, shape);
        }
      }
    }
  });
}

TEST(Quantizer, EqualsItsDefinitionUnderOtherRoundingsAndScaleRules) {
  const Shape shape{12, 50};
  const std::vector<float> x = example(600, 2);
  for (const char* rounding : {"nearest_away", "toward_zero", "toward_positive", "to_odd"}) {
    for (const char* scale : {"scale_binary32", "scale_power_of_two", "unscaled"}) {
      expect_reference(fmt::format("int8+{}+{}", rounding, scale), x, shape);
      expect_reference(fmt::format("e5m2+infinity+{}+{}", rounding, scale), x, shape);
    }
  }
  for (const char* text : {"bfloat16", "bfloat16+stochastic(16)", "tf32", "binary16+infinity"}) {
    expect_reference(text, x, shape);
  }
}

TEST(Quantizer, WideMatricesEqualTheirDefinition) {
  const Shape shape{3, 5000};
  const std::vector<float> x = example(15000, 3);
  for (const char* granularity : {"row", "column", "group(100)", "group(7)", "group(2,columns)"}) {
    expect_reference(fmt::format("e4m3fn+{}", granularity), x, shape);
  }
}

TEST(Quantizer, ManyGroupsInOneRunEqualTheirDefinition) {
  on_every_simd_target([] {
    for (const Shape shape : {Shape{40, 64}, Shape{9, 1040}, Shape{64, 48}}) {
      std::vector<float> x = example(shape.rows * shape.cols, 7);
      x[77] = kNan;
      x[1500] = -kInfinity;
      for (std::size_t i = 0; i < 32; ++i) x[640 + i] = 0.0F;
      for (const char* text : {"e4m3fn+group(16)", "int4+group(32)", "uint4+group(16)",
                               "e2m1fn+group(16,columns)", "int8+group(32,columns)"}) {
        expect_reference(text, x, shape);
      }
    }
  });
}

TEST(Quantizer, UnitsWithZeroNanAndInfinity) {
  const Shape shape{8, 40};
  std::vector<float> x = example(320, 4);
  for (std::size_t i = 0; i < 40; ++i) x[80 + i] = i % 2 == 0 ? 0.0F : -0.0F;  // row 2
  for (std::size_t r = 0; r < 8; ++r) x[r * 40 + 7] = -0.0F;                   // column 7
  x[45] = kNan;
  x[200] = -kInfinity;
  x[317] = 1e-45F;
  on_every_simd_target([&] {
    for (const std::string& format : kFormats) {
      for (const std::string& granularity : kGranularities) {
        expect_reference(format + "+" + granularity, x, shape);
        expect_reference(format + "+" + granularity + "+stochastic(8)", x, shape);
      }
    }
  });
}

TEST(Quantizer, ExtremeUnitsKeepMultiplierAndScaleFinite) {
  using Limits = std::numeric_limits<float>;
  for (const float amax : {Limits::denorm_min(), Limits::min(), 1e-38F, 1e38F, Limits::max()}) {
    const std::vector<float> x = {amax, -amax, amax / 3, 0.0F};
    for (const char* text : {"int2", "e4m3fn", "binary16+scale_binary32", "int2+scale_power_of_two",
                             "e5m2+scale_power_of_two", "bfloat16+scale_power_of_two"}) {
      expect_reference(text, x, {1, 4});
      std::vector<float> y(4);
      Quantizer(parse_quantizer(text)).quantize({x.data(), 1, 4, 4}, {y.data(), 1, 4, 4});
      // At the very top a result may round up past binary32's range.
      for (const float value : y) EXPECT_TRUE(std::isfinite(value) || amax > 2e38F) << text << amax;
    }
  }
}

TEST(Quantizer, PowerOfTwoScaleNeverSaturatesAndHasNoRoomForAnotherBit) {
  for (const float amax : {1.0F, 1.75F, 1.7500001F, 447.9F, 448.0F, 448.1F, 1e-20F}) {
    const std::vector<float> x = {amax};
    float y = 0;
    Quantizer(parse_quantizer("e4m3fn+scale_power_of_two+toward_zero"))
        .quantize({x.data(), 1, 1, 1}, {&y, 1, 1, 1});
    EXPECT_LE(y, amax);
    EXPECT_GT(y, amax * 0.875F) << amax;
  }
}

TEST(Quantizer, StridesAndInPlaceGiveTheSameAndLeaveTheRestAlone) {
  const std::size_t rows = 9;
  const std::size_t cols = 35;
  const std::size_t stride = 41;
  const std::vector<float> x = example(rows * cols, 5);
  for (const std::string& granularity : kGranularities) {
    const Quantizer quantizer(parse_quantizer("e3m2fn+stochastic(9)+" + granularity));
    std::vector<float> dense(rows * cols);
    quantizer.quantize({x.data(), rows, cols, cols}, {dense.data(), rows, cols, cols}, kStream);
    std::vector<float> spread(rows * stride, 77.0F);
    for (std::size_t i = 0; i < x.size(); ++i) spread[i / cols * stride + i % cols] = x[i];
    const Matrix view{spread.data(), rows, cols, stride};
    quantizer.quantize(view, view, kStream);
    for (std::size_t i = 0; i < spread.size(); ++i) {
      const std::size_t c = i % stride;
      const float expected = c < cols ? dense[i / stride * cols + c] : 77.0F;
      ASSERT_TRUE(same(spread[i], expected)) << granularity << " " << i;
    }
  }
}

TEST(Quantizer, KnownNumbers) {
  const std::vector<float> x = {7.0F, -3.5F, 1.2F, 0.4F};
  std::vector<float> y(4);
  const auto run = [&](const char* text) {
    Quantizer(parse_quantizer(text)).quantize({x.data(), 2, 2, 2}, {y.data(), 2, 2, 2});
    return y;
  };
  EXPECT_THAT(run("int4"), ::testing::ElementsAre(7.0F, -4.0F, 1.0F, 0.0F));
  EXPECT_THAT(run("int4sym+unscaled"), ::testing::ElementsAre(7.0F, -4.0F, 1.0F, 0.0F));
  EXPECT_THAT(run("uint4+unscaled"), ::testing::ElementsAre(7.0F, 0.0F, 1.0F, 0.0F));
  EXPECT_THAT(run("int4+scale_power_of_two+row"), ::testing::ElementsAre(7.0F, -4.0F, 1.25F, 0.5F));
}

TEST(Quantizer, Binary32AloneIsTheIdentity) {
  const std::vector<float> x = {1.0F,   -0.0F, kInfinity, std::bit_cast<float>(0x7F812345U),
                                1e-45F, 3.0F};
  std::vector<float> y(6);
  const Quantizer quantizer(parse_quantizer("binary32"));
  EXPECT_TRUE(quantizer.is_identity());
  quantizer.quantize({x.data(), 2, 3, 3}, {y.data(), 2, 3, 3});
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(x[i]), std::bit_cast<std::uint32_t>(y[i]));
  }
  EXPECT_FALSE(Quantizer(parse_quantizer("bfloat16")).is_identity());
  EXPECT_FALSE(Quantizer(parse_quantizer("binary32+scale_binary32")).is_identity());
}

TEST(Quantizer, OverflowErrorNamesRowAndColumn) {
  std::vector<float> x(60, 1.0F);
  x[34] = 1000.0F;
  std::vector<float> y(60);
  for (const std::size_t stride : {10U, 12U}) {
    std::vector<float> spread(6 * stride, 1.0F);
    spread[3 * stride + 4] = 1000.0F;
    try {
      Quantizer(parse_quantizer("int8+unscaled+error"))
          .quantize({spread.data(), 6, 10, stride}, {y.data(), 6, 10, 10});
      ADD_FAILURE();
    } catch (const OverflowError& error) {
      EXPECT_THAT(error.what(), HasSubstr("(3, 4), 1000"));
      EXPECT_THAT(error.what(), HasSubstr("int8"));
    }
  }
  x[34] = kInfinity;
  for (const char* granularity : {"row", "column", "group(5)", "column+scale_power_of_two"}) {
    const Quantizer quantizer(parse_quantizer(fmt::format("int8+error+{}", granularity)));
    EXPECT_NO_THROW(quantizer.quantize({x.data(), 6, 10, 10}, {y.data(), 6, 10, 10}));
    EXPECT_TRUE(std::isnan(y[34])) << granularity;
  }
}

TEST(Quantizer, RefusesAnImpossibleRounding) {
  QuantizerSpec spec{.format = parse_format("int8")};
  spec.rounding.overflow = Overflow::infinity;
  EXPECT_THROW(Quantizer{spec}, SpecError);
  spec = {.format = parse_format("int8")};
  spec.granularity = Granularity::group;
  EXPECT_THROW(Quantizer{spec}, SpecError);
}

// ---- block formats

TEST(Quantizer, BlockFormatsQuantizeAsBlocks) {
  const std::vector<float> x = example(40 * 70, 6);
  for (const char* text : {"mxfp4", "nvfp4", "mxfp8_e4m3+columns", "mxint8+stochastic(8)"}) {
    const QuantizerSpec spec = parse_quantizer(text);
    std::vector<float> y(x.size());
    Quantizer(spec).quantize({x.data(), 40, 70, 70}, {y.data(), 40, 70, 70}, kStream);
    const auto random = [&](std::size_t index) {
      return random_bits(kStream, index, spec.rounding.random_bits);
    };
    EXPECT_EQ(y, quantize_blocks(*spec.block, x.data(), 40, 70, random).values) << text;
    EXPECT_FALSE(Quantizer(spec).is_identity());
  }
}

}  // namespace
}  // namespace halfulp
