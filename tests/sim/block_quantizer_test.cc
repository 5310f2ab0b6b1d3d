#include "sim/block_quantizer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "formats/block.h"
#include "formats/block_spec.h"
#include "formats/named_block_formats.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "sim/round_kernels.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::on_every_simd_target;

const RandomStream kStream{.seed = 5, .stream = 3, .tensor = 1, .step = 8};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Shape {
  std::size_t rows, cols;
};

std::vector<float> reference(const BlockFormat& format, const std::vector<float>& x, Shape shape) {
  const auto random = [&](std::size_t index) {
    return random_bits(kStream, index, format.rounding.random_bits);
  };
  return quantize_blocks(format, x.data(), shape.rows, shape.cols, random).values;
}

// Bits, NaN patterns and signs of zeros included.
void expect_values(const std::string& text, const std::vector<float>& x, Shape shape,
                   const std::vector<float>& expected) {
  const BlockQuantizer quantizer(parse_block_format(text));
  std::vector<float> y(x.size());
  quantizer.quantize({x.data(), shape.rows, shape.cols, shape.cols},
                     {y.data(), shape.rows, shape.cols, shape.cols}, kStream);
  int shown = 0;
  for (std::size_t i = 0; i < x.size() && shown < 3; ++i) {
    if (std::bit_cast<std::uint32_t>(y[i]) == std::bit_cast<std::uint32_t>(expected[i])) continue;
    ++shown;
    ADD_FAILURE() << fmt::format("{}: element {} of {} x {}: {:a} gave {:a}, expected {:a}", text,
                                 i, shape.rows, shape.cols, x[i], y[i], expected[i]);
  }
}

// On every SIMD target.
void expect_reference(const std::string& text, const std::vector<float>& x, Shape shape) {
  const std::vector<float> expected = reference(parse_block_format(text), x, shape);
  on_every_simd_target([&] { expect_values(text, x, shape, expected); });
}

// Magnitudes over some binades, ties of small formats, and a few zeros of both signs.
std::vector<float> example(std::size_t n, unsigned int seed) {
  std::mt19937 generator(seed);
  std::vector<float> x(n);
  for (float& value : x) {
    const auto bits = static_cast<std::uint32_t>(generator());
    float significand = static_cast<float>(bits >> 8) * 0x1p-24F + 0.5F;
    if ((bits & 0x30) == 0x30) significand = static_cast<float>(bits >> 27) * 0x1p-5F + 0.5F;
    value = std::ldexp(bits & 1 ? significand : -significand, static_cast<int>(bits >> 1 & 7) - 4);
    if ((bits & 0xF00) == 0) value = bits & 1 ? 0.0F : -0.0F;
  }
  return x;
}

const std::vector<std::string> kBases = {"mxfp8_e4m3",
                                         "mxfp8_e5m2",
                                         "mxfp6_e3m2",
                                         "mxfp6_e2m3",
                                         "mxfp4",
                                         "mxint8",
                                         "nvfp4",
                                         "nvfp4(torchao)",
                                         "nvfp4(torchao,one_level)",
                                         "nvfp4(one_level)",
                                         "msfp12",
                                         "grouped(int4,block=32,scale=binary16)",
                                         "grouped(int8,block=32,scale=binary32)",
                                         "grouped(uint4,block=32,scale=bfloat16)",
                                         "mx(e2m1fn,scale=e8m0fnu:exact)",
                                         "mx(e2m1fn,scale=e8m0fnu:exact:toward_positive)",
                                         "nvfp4(scale=ue5m3)",
                                         "mxfp4(prescale=3/4)",
                                         "mxfp8_e4m3(amax=bfloat16)"};

std::string with(const std::string& base, const std::string& options) {
  if (options.empty()) return base;
  if (base.back() != ')') return base + "(" + options + ")";
  return base.substr(0, base.size() - 1) + "," + options + ")";
}

TEST(BlockQuantizer, EqualsTheReferenceForEveryFormatAxisAndShapeOnEveryTarget) {
  {
    for (const Shape shape :
         {Shape{40, 64}, Shape{7, 75}, Shape{33, 5}, Shape{1, 300}, Shape{3, 208}}) {
      const std::vector<float> x = example(shape.rows * shape.cols, 1);
      for (const std::string& base : kBases) {
        for (const char* options :
             {"", "columns", "16x16", "block=5", "block=3x2,columns", "block=48"}) {
          expect_reference(with(base, options), x, shape);
        }
      }
    }
  }
}

TEST(BlockQuantizer, EqualsTheReferenceUnderEveryScaleRuleAndRounding) {
  const Shape shape{9, 96};
  const std::vector<float> x = example(shape.rows * shape.cols, 2);
  {
    for (const char* base :
         {"mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp4", "mxint8", "msfp12"}) {
      for (const char* rule : {"floor", "ceil", "even", "rceil", "scale=ue4m3:floor"}) {
        expect_reference(with(base, rule), x, shape);
      }
    }
    for (const std::string& base : kBases) {
      for (const char* rounding : {"nearest_away", "toward_zero", "toward_positive",
                                   "toward_negative", "to_odd", "stochastic(1)", "stochastic(8)",
                                   "stochastic(11,unbiased)", "stochastic(16)", "stochastic(24)"}) {
        for (const char* axis : {"rows", "columns"}) {
          expect_reference(with(base, fmt::format("rounding={},axis={}", rounding, axis)), x,
                           shape);
        }
      }
    }
  }
}

TEST(BlockQuantizer, EqualsTheReferenceForOtherPolicies) {
  const Shape shape{18, 70};
  const std::vector<float> x = example(shape.rows * shape.cols, 3);
  for (const char* text :
       {"dfp(8)", "dfp(8,rounding=stochastic(12))", "grouped(uint4,block=32,zero_point=min_max)",
        "nvfp4(four_over_six)", "nvfp4(four_over_six_mse,tensor=256,16x16)",
        "nvfp4(arithmetic=exact)", "mxfp4(microxcaling)", "mxfp4(non_finite=finite)",
        "mxint8(microxcaling)", "mx(e4m3fn,overflow=nan)", "mx(bfloat16)", "bfp(4,block=7)"}) {
    expect_reference(text, x, shape);
  }
}

// Every power of two as a block's maximum, and its neighbours; the ends of the range.
TEST(BlockQuantizer, EqualsTheReferenceAtEveryBinadeOfTheMaximum) {
  std::vector<float> maxima;
  for (int e = -149; e < 128; ++e) {
    const float power = std::ldexp(1.0F, e);
    for (const float factor : {1.0F, 1.25F, 1.5F, 1.75F, 1.875F, 1.9375F, 1.96875F, 1.9921875F}) {
      const float amax = power * factor;
      maxima.insert(maxima.end(),
                    {std::nextafter(amax, 0.0F), amax, std::nextafter(amax, kInfinity)});
    }
  }
  std::erase_if(maxima, [](float a) { return !std::isfinite(a) || a == 0; });
  const Shape shape{maxima.size(), 32};
  std::vector<float> x(shape.rows * shape.cols);
  for (std::size_t r = 0; r < shape.rows; ++r) {
    for (std::size_t c = 0; c < shape.cols; ++c) {
      x[r * shape.cols + c] = maxima[r] * (c == r % 32 ? 1.0F : static_cast<float>(c) / 33.0F) *
                              (c % 2 == 0 ? 1.0F : -1.0F);
    }
  }
  {
    for (const char* base :
         {"mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp4", "mxint8"}) {
      for (const char* rule : {"floor", "ceil", "even", "rceil"}) {
        expect_reference(with(base, rule), x, shape);
      }
    }
    for (const char* text :
         {"nvfp4(one_level)", "nvfp4(torchao,one_level)", "nvfp4", "nvfp4(torchao)",
          "grouped(int4,block=32,scale=bfloat16)", "mxfp4(rounding=toward_positive)",
          "mxfp4(prescale=3/4)", "mx(e2m1fn,scale=e8m0fnu:exact)"}) {
      expect_reference(text, x, shape);
    }
  }
}

TEST(BlockQuantizer, BlocksWithZerosNanAndInfinity) {
  const Shape shape{40, 64};
  std::vector<float> x = example(shape.rows * shape.cols, 4);
  for (std::size_t i = 0; i < 64; ++i) x[64 + i] = i % 2 == 0 ? 0.0F : -0.0F;  // row 1
  for (std::size_t r = 0; r < 40; ++r) x[r * 64 + 7] = -0.0F;                  // column 7
  std::vector<float> tiny = x;
  for (float& value : tiny) value *= 1e-43F;
  std::vector<float> broken = x;
  broken[130] = -kNan;
  broken[300] = kInfinity;
  broken[2000] = -kInfinity;
  {
    for (const std::string& base : kBases) {
      for (const char* options : {"", "columns", "16x16", "block=5", "non_finite=finite"}) {
        expect_reference(with(base, options), x, shape);
        expect_reference(with(base, options), tiny, shape);
        expect_reference(with(base, options), broken, shape);
      }
    }
    expect_reference("dfp(8)", broken, shape);
    expect_reference("dfp(8)", tiny, shape);
  }
}

// Where block scales are subnormal they are off by up to a half, and elements need their clamp.
TEST(BlockQuantizer, SubnormalBlockScalesEqualTheReference) {
  const Shape shape{64, 64};
  for (int shift = 8; shift < 22; ++shift) {
    std::vector<float> x = example(shape.rows * shape.cols, 8);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::ldexp(x[i], -shift);
    x[4095] = 4.0F;
    for (const char* text : {"nvfp4", "nvfp4(torchao)", "nvfp4(columns)", "nvfp4(scale=ue5m3)"}) {
      expect_reference(text, x, shape);
    }
  }
}

// torchao's scale is a quotient of a quotient: maxima a few units of the last place around those
// whose scale is a tie of e4m3fn.
TEST(BlockQuantizer, TorchaoScalesAroundTiesEqualTheReference) {
  const Shape shape{64, 256};
  for (const float largest : {2688.0F, 1000.7F, 3.3e-4F, 7.7e9F}) {
    std::vector<float> x = example(shape.rows * shape.cols, 9);
    for (float& value : x) value *= largest * 1e-5F;
    for (std::size_t block = 1; block < x.size() / 16; ++block) {
      const std::size_t code = block / 21 % 49;  // tie of significands 8 to 15 of seven binades
      const double tie =
          std::ldexp(static_cast<double>(code % 7) + 8.5, static_cast<int>(code / 7));
      auto maximum = static_cast<float>(tie * static_cast<double>(largest) / 28672);
      const auto units = static_cast<std::int32_t>(block % 21) - 10;
      maximum = std::bit_cast<float>(std::bit_cast<std::int32_t>(maximum) + units);
      x[16 * block + block % 16] = block % 2 == 0 ? maximum : -maximum;
    }
    x[0] = largest;
    expect_reference("nvfp4(torchao)", x, shape);
    expect_reference("nvfp4(torchao,one_level)", x, shape);
  }
}

TEST(BlockQuantizer, StridesAndInPlaceGiveTheSameAndLeaveTheRestAlone) {
  const std::size_t rows = 35;
  const std::size_t cols = 80;
  const std::size_t stride = 93;
  const std::vector<float> x = example(rows * cols, 5);
  for (const char* text :
       {"mxfp4", "mxfp4(columns)", "mxfp8_e4m3(rounding=stochastic(9))", "nvfp4(16x16)", "nvfp4",
        "nvfp4(columns)", "mxfp4(columns,rounding=stochastic(9))", "grouped(int4,block=16)",
        "dfp(8)"}) {
    const BlockFormat format = parse_block_format(text);
    const std::vector<float> dense = reference(format, x, {rows, cols});
    std::vector<float> spread(rows * stride, 77.0F);
    for (std::size_t i = 0; i < x.size(); ++i) spread[i / cols * stride + i % cols] = x[i];
    const Matrix view{spread.data(), rows, cols, stride};
    BlockQuantizer(format).quantize(view, view, kStream);
    for (std::size_t i = 0; i < spread.size(); ++i) {
      const std::size_t c = i % stride;
      ASSERT_EQ(spread[i], c < cols ? dense[i / stride * cols + c] : 77.0F) << text << " " << i;
    }
  }
}

// Copies of a matrix have its largest magnitude, so each is quantized as it is alone.
TEST(BlockQuantizer, CopiesInALargeMatrixEqualTheReference) {
  const Shape shape{16, 1024};
  const std::size_t copies = 260;
  const std::vector<float> x = example(shape.rows * shape.cols, 9);
  std::vector<float> all;
  for (std::size_t i = 0; i < copies; ++i) all.insert(all.end(), x.begin(), x.end());
  for (const char* text : {"nvfp4", "nvfp4(columns)"}) {
    const std::vector<float> expected = reference(parse_block_format(text), x, shape);
    on_every_simd_target([&] {
      std::vector<float> y = all;
      const Matrix view{y.data(), copies * shape.rows, shape.cols, shape.cols};
      BlockQuantizer(parse_block_format(text)).quantize(view, view, kStream);
      for (std::size_t i = 0; i < copies; ++i) {
        const float* copy = y.data() + i * x.size();
        ASSERT_EQ(std::memcmp(copy, expected.data(), x.size() * sizeof(float)), 0) << text << i;
      }
    });
  }
}

// Wherever the largest magnitude is, NaN above all.
TEST(BlockQuantizer, LargestMagnitudeOfManyElements) {
  const std::size_t n = (std::size_t{1} << 20) + 8 * 1024 + 37;
  std::vector<float> x(n, -0.5F);
  on_every_simd_target([&] {
    for (std::size_t i = 0; i < n; i += i < n - 9000 ? 26209 : 97) {
      for (const float largest : {-2.0F, -kNan}) {
        x[i] = largest;
        ASSERT_EQ(largest_magnitude(x.data(), n), std::bit_cast<std::uint32_t>(-largest)) << i;
        x[i] = -0.5F;
      }
    }
  });
}

TEST(BlockQuantizer, OverflowErrorIsThrown) {
  BlockFormat format = parse_block_format("mxfp4(overflow=error)");
  const std::vector<float> x = {7.9F, 1.0F};
  std::vector<float> y(2);
  EXPECT_THROW(BlockQuantizer(format).quantize({x.data(), 1, 2, 2}, {y.data(), 1, 2, 2}),
               OverflowError);
}

TEST(BlockQuantizer, RandomMatricesEqualTheReferenceFull) {
  {
    for (unsigned int seed = 10; seed < 30; ++seed) {
      const Shape shape{1 + seed * 7 % 97, 1 + seed * 31 % 401};
      const std::vector<float> x = example(shape.rows * shape.cols, seed);
      for (const std::string& base : kBases) {
        for (const char* options :
             {"", "columns", "32x32", "block=64", "rounding=stochastic(16)"}) {
          expect_reference(with(base, options), x, shape);
        }
      }
    }
  }
}

}  // namespace
}  // namespace halfulp
