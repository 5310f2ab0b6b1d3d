#include "formats/block.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "formats/block_spec.h"
#include "formats/codec.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/block_oracle.h"

namespace halfulp {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

BlockTensor quantize(const std::string& text, const std::vector<float>& x, std::size_t rows = 1) {
  return quantize_blocks(parse_block_format(text), x.data(), rows, x.size() / rows);
}

void expect_block(const std::string& text, const BlockTensor& tensor,
                  const oracle::OracleBlock& expected) {
  EXPECT_EQ(static_cast<std::uint32_t>(tensor.scales[0]), expected.scale_code) << text;
  for (std::size_t i = 0; i < expected.codes.size(); ++i) {
    ASSERT_EQ(static_cast<std::uint32_t>(tensor.codes[i]), expected.codes[i]) << text << " " << i;
  }
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(tensor.values[i]),
              std::bit_cast<std::uint32_t>(expected.values[i]))
        << text << " " << i;
  }
}

/// Blocks of 8 whose largest magnitude is x: multiples of x, and of its power of two, so that ties
/// occur.
std::vector<float> block_of(float amax) {
  const float power = std::ldexp(1.0F, std::ilogb(amax));
  std::vector<float> x = {amax,        -amax,         power * 0.4375F, -power * 0.6875F,
                          amax * 0.3F, power * 0.03F, -0.0F,           amax * 1e-3F};
  for (float& value : x) value = std::clamp(value, -amax, amax);
  return x;
}

std::vector<float> critical_maxima() {
  std::vector<float> maxima;
  for (int e = -149; e < 128; ++e) {
    for (const float factor : {1.0F, 1.4375F, 1.5F, 1.71875F, 1.75F, 1.875F, 1.9375F, 1.984375F}) {
      const float amax = std::ldexp(factor, e);
      maxima.insert(maxima.end(),
                    {std::nextafter(amax, 0.0F), amax, std::nextafter(amax, kInfinity)});
    }
  }
  maxima.push_back(std::numeric_limits<float>::max());
  std::erase_if(maxima, [](float a) { return !std::isfinite(a) || a == 0; });
  return maxima;
}

struct MxCase {
  const char* name;
  const char* element;
};

constexpr MxCase kMxCases[] = {{"mxfp8_e4m3", "e4m3fn"}, {"mxfp8_e5m2", "e5m2"},
                               {"mxfp6_e3m2", "e3m2fn"}, {"mxfp6_e2m3", "e2m3fn"},
                               {"mxfp4", "e2m1fn"},      {"mxint8", "fixed(8,6)"}};

TEST(QuantizeBlocks, MxEqualsTheOracleAroundEveryPowerOfTwo) {
  const std::vector<float> maxima = critical_maxima();
  for (const MxCase& c : kMxCases) {
    const oracle::MagnitudeTable table = oracle::magnitude_table(c.element);
    for (const char* rule : {"floor", "ceil", "even", "rceil"}) {
      const std::string text = fmt::format("{}({})", c.name, rule);
      for (const float amax : maxima) {
        const std::vector<float> x = block_of(amax);
        expect_block(text + fmt::format(" {:a}", amax), quantize(text, x),
                     oracle::mx_block(table, rule, x));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(QuantizeBlocks, MxOfZerosNanAndInfinity) {
  for (const MxCase& c : kMxCases) {
    const oracle::MagnitudeTable table = oracle::magnitude_table(c.element);
    for (const std::vector<float>& x :
         {std::vector<float>{0.0F, -0.0F, 0.0F}, {1.0F, kNan, 2.0F}, {-kInfinity, 1.0F, 0.0F}}) {
      for (const char* rule : {"floor", "ceil", "even", "rceil"}) {
        const std::string text = fmt::format("{}({})", c.name, rule);
        expect_block(text, quantize(text, x), oracle::mx_block(table, rule, x));
      }
    }
  }
}

TEST(QuantizeBlocks, Nvfp4RecipesEqualTheOracleAndDiffer) {
  std::mt19937 generator(3);
  int different = 0;
  for (int trial = 0; trial < 4000; ++trial) {
    std::vector<float> x(32);
    for (float& value : x) {
      const auto bits = static_cast<std::uint32_t>(generator());
      value = std::ldexp(static_cast<float>(bits >> 8) * 0x1p-24F + 0.5F,
                         static_cast<int>(bits & 7) + trial % 200 - 100);
      if ((bits & 8) != 0) value = -value;
    }
    // The first block's maximum over the tensor's: from 1 down to where the scale vanishes.
    for (std::size_t i = 0; i < 16; ++i) x[i] = std::ldexp(x[i], -(trial % 23));
    float amax = 0;
    for (const float value : x) amax = std::max(amax, std::abs(value));
    const std::vector<float> first(x.begin(), x.begin() + 16);
    const BlockTensor te = quantize("nvfp4", x);
    const BlockTensor torchao = quantize("nvfp4(torchao)", x);
    expect_block("te", te, oracle::transformer_engine_block(amax, first));
    expect_block("torchao", torchao, oracle::torchao_block(amax, first));
    if (HasFatalFailure()) return;
    if (te.values != torchao.values) ++different;
  }
  EXPECT_GT(different, 100);
}

// Block maxima whose scales lie at a tie of E4M3, where the order of operations decides.
TEST(QuantizeBlocks, Nvfp4ScalesAtTiesEqualTheOracle) {
  std::mt19937 generator(6);
  for (int trial = 0; trial < 4000; ++trial) {
    const float tensor_amax = 1.0F + static_cast<float>(generator() >> 9) * 0x1p-23F;
    const int eighths = 17 + 2 * (trial % 8);  // a midpoint between 1 + i / 8 neighbours
    const float middle = static_cast<float>(eighths) / 16 * tensor_amax * 6 / 2688;
    std::vector<float> x(32, 0.0F);
    x[31] = tensor_amax;
    x[0] = std::nextafter(middle, 0.0F);
    for (int step = 0; step < 3; ++step) {
      const std::vector<float> first(x.begin(), x.begin() + 16);
      expect_block("te", quantize("nvfp4", x),
                   oracle::transformer_engine_block(tensor_amax, first));
      expect_block("torchao", quantize("nvfp4(torchao)", x),
                   oracle::torchao_block(tensor_amax, first));
      if (HasFatalFailure()) return;
      x[0] = std::nextafter(x[0], 1.0F);
    }
  }
}

TEST(QuantizeBlocks, GroupedIntegersEqualTheOracle) {
  std::mt19937 generator(4);
  for (int trial = 0; trial < 4000; ++trial) {
    std::vector<float> x(8);
    for (float& value : x) {
      const auto bits = static_cast<std::uint32_t>(generator());
      value = std::ldexp(static_cast<float>(bits >> 8) * 0x1p-24F - 0.5F, trial % 40 - 28);
    }
    expect_block("int4", quantize("grouped(int4,block=8)", x), oracle::int4_binary16_block(x));
    if (HasFatalFailure()) return;
  }
}

// ---- known numbers

TEST(QuantizeBlocks, KnownScales) {
  // amax 150 in E4M3: 2^(7-8) by floor; 150/448 = 0.335 needs 2^-1 by rceil; ceil goes to 2^0.
  const std::vector<float> x = {150.0F, 1.0F};
  EXPECT_EQ(static_cast<int>(quantize("mxfp8(floor)", x).scales[0]), 126);
  EXPECT_EQ(static_cast<int>(quantize("mxfp8(ceil)", x).scales[0]), 127);
  EXPECT_EQ(static_cast<int>(quantize("mxfp8(rceil)", x).scales[0]), 126);
  EXPECT_EQ(static_cast<int>(quantize("mxfp8(even)", x).scales[0]), 126);
  // 7.9 in E2M1: floor keeps 2^0 and clips to 6, even rounds 7.9 to 8 first.
  EXPECT_EQ(quantize("mxfp4(floor)", {7.9F}).values[0], 6.0F);
  EXPECT_EQ(quantize("mxfp4(even)", {7.9F}).values[0], 8.0F);
}

TEST(QuantizeBlocks, E2m1TiesGoToEvenCodes) {
  const std::vector<float> x = {4.0F, 0.25F, 0.75F, 1.25F, 1.75F, 2.5F, 3.5F, -5.0F};
  EXPECT_THAT(quantize("mxfp4(block=8)", x).values,
              ElementsAre(4.0F, 0.0F, 1.0F, 1.0F, 2.0F, 2.0F, 4.0F, -4.0F));
}

TEST(QuantizeBlocks, Bfloat16MaximumMovesTheScale) {
  // 1.999 is 2 in bfloat16.
  EXPECT_EQ(static_cast<int>(quantize("mxint8", {1.999F}).scales[0]), 127);
  EXPECT_EQ(static_cast<int>(quantize("mxint8(amax=bfloat16)", {1.999F}).scales[0]), 128);
}

TEST(QuantizeBlocks, MxInt8ReachesMinusTwoAndTheSymmetricFormDoesNot) {
  EXPECT_EQ(quantize("mxint8", {-1.999F}).values[0], -2.0F);
  EXPECT_EQ(quantize("mxint8", {1.999F}).values[0], 127.0F / 64);
  EXPECT_EQ(quantize("mxint8(microxcaling)", {-1.999F}).values[0], -127.0F / 64);
}

TEST(QuantizeBlocks, MicroxcalingRoundsHalvesAway) {
  EXPECT_THAT(quantize("mxfp4(microxcaling)", {4.0F, 0.25F, 2.5F, -2.5F}).values,
              ElementsAre(4.0F, 0.5F, 3.0F, -3.0F));
}

TEST(QuantizeBlocks, ThreeQuartersNeverClips) {
  for (const float amax : {4.0F, 5.9F, 6.1F, 7.99F}) {
    const float y = quantize("mxfp4(prescale=3/4)", {amax}).values[0];
    EXPECT_NEAR(y, amax, 0.25F * amax) << amax;
    // 3/4 amax lies in [3, 6).
    EXPECT_THAT((std::vector<float>{4.0F, 16.0F / 3, 8.0F}), ::testing::Contains(y)) << amax;
  }
}

TEST(QuantizeBlocks, MinMaxZeroPoints) {
  const BlockTensor t =
      quantize("grouped(uint4,block=4,zero_point=min_max)", {-1.0F, 2.0F, 0.0F, 0.5F});
  EXPECT_EQ(t.zero_points[0], 5);
  EXPECT_EQ(static_cast<float>(to_double(decode(parse_format("binary16"), t.scales[0]))),
            0.199951171875F);
  EXPECT_THAT(t.codes, ElementsAre(0, 15, 5, 8));
  EXPECT_EQ(t.values[2], 0.0F);
  EXPECT_NEAR(t.values[1], 2.0F, 1e-3F);
}

TEST(QuantizeBlocks, DynamicFixedPointSharesOneScale) {
  const BlockTensor t = quantize("dfp(8)", {100.0F, 3.0F, -0.4F, 64.5F}, 2);
  EXPECT_EQ(t.scales.size(), 1U);
  EXPECT_THAT(t.values, ElementsAre(100.0F, 3.0F, 0.0F, 64.0F));
}

TEST(QuantizeBlocks, BlockFloatingPointKeepsTheLeadingBits) {
  // 4 magnitude bits below 2^2: multiples of 1/2.
  EXPECT_THAT(quantize("bfp(4)", {7.3F, 0.3F, -0.2F}).values, ElementsAre(7.5F, 0.5F, -0.0F));
}

// ---- four over six: brute force over both candidates from the published formulas

TEST(QuantizeBlocks, FourOverSixTakesTheSmallerError) {
  std::mt19937 generator(5);
  int at_four = 0;
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<float> x(16);
    for (float& value : x) {
      value = static_cast<float>(static_cast<std::int32_t>(generator())) * 0x1p-31F;
    }
    const BlockTensor six = quantize("nvfp4(tensor=256)", x);
    const BlockTensor best = quantize("nvfp4(four_over_six_mse,tensor=256)", x);
    const auto error = [&](const BlockTensor& t) {
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double d = static_cast<double>(t.values[i]) - static_cast<double>(x[i]);
        sum += d * d;
      }
      return sum;
    };
    EXPECT_LE(error(best), error(six) * 1.00001) << trial;
    if (best.scales[0] != six.scales[0]) ++at_four;
  }
  EXPECT_GT(at_four, 100);
  EXPECT_LT(at_four, 400);
}

// ---- shapes

TEST(QuantizeBlocks, ShortBlocksEqualZeroPaddedOnes) {
  std::vector<float> x = {1.0F, 5.0F, -2.0F, 0.3F, 7.0F};
  for (const char* text : {"mxfp4(block=4)", "nvfp4(block=4)", "nvfp4(four_over_six,block=4)",
                           "grouped(uint4,block=4,zero_point=min_max)"}) {
    const std::vector<float> ragged = quantize(text, x).values;
    std::vector<float> padded = x;
    padded.resize(8, 0.0F);
    std::vector<float> whole = quantize(text, padded).values;
    whole.resize(5);
    EXPECT_EQ(ragged, whole) << text;
  }
}

TEST(QuantizeBlocks, ColumnsAreRowsOfTheTranspose) {
  const std::size_t rows = 10;
  const std::size_t cols = 7;
  std::vector<float> x(rows * cols);
  std::vector<float> transposed(rows * cols);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::sin(static_cast<float>(i * i));
    transposed[i % cols * rows + i / cols] = x[i];
  }
  for (const char* text : {"mxfp4(block=4", "nvfp4(block=3x2", "nvfp4(four_over_six,block=4x3",
                           "grouped(uint4,block=4,zero_point=min_max"}) {
    const BlockTensor down = quantize(fmt::format("{},columns)", text), x, rows);
    const BlockTensor along = quantize(fmt::format("{},rows)", text), transposed, cols);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(down.values[i], along.values[i % cols * rows + i / cols]) << text << i;
    }
    EXPECT_EQ(down.block_rows, along.block_cols);
  }
}

TEST(QuantizeBlocks, DecodingTheCodesGivesTheValues) {
  const std::vector<float> x = {1.0F, 5.0F, -2.0F, 0.3F, 7.0F, 0.0F};
  for (const char* text : {"mxfp4", "nvfp4", "nvfp4(torchao,16x16)", "dfp(5)",
                           "mxfp4(prescale=3/4)", "grouped(int8,block=2,zero_point=min_max)"}) {
    const BlockFormat format = parse_block_format(text);
    const BlockTensor tensor = quantize_blocks(format, x.data(), 2, 3);
    EXPECT_EQ(decode_blocks(format, tensor), tensor.values) << text;
  }
}

TEST(QuantizeBlocks, NonFiniteElementsPoisonOrAreLeftOut) {
  const std::vector<float> x = {1.0F, kInfinity, 6.0F, -kInfinity, kNan};
  EXPECT_THAT(quantize("mxfp4", x).values, Each(::testing::IsNan()));
  const std::vector<float> y = quantize("mxfp4(non_finite=finite)", x).values;
  EXPECT_THAT(y, ElementsAre(1.0F, 6.0F, 6.0F, -6.0F, 6.0F));
}

TEST(QuantizeBlocks, ZeroBlockPoliciesSetTheScaleOnly) {
  const auto scale_code = [](const char* text) {
    return static_cast<int>(quantize(text, {0.0F, -0.0F}).scales[0]);
  };
  EXPECT_EQ(scale_code("mxfp4"), 0);
  EXPECT_EQ(scale_code("mxfp4(zero_block=one)"), 127);
  EXPECT_EQ(scale_code("nvfp4"), 0);
  EXPECT_EQ(scale_code("nvfp4(torchao)"), 8);
  EXPECT_EQ(scale_code("nvfp4(one_level,zero_block=zero)"), 0);
}

TEST(QuantizeBlocks, StochasticRoundingUsesTheIndexOfTheElement) {
  const BlockFormat format = parse_block_format("mxfp4(block=2,rounding=stochastic(2))");
  const std::vector<float> x = {4.0F, 2.25F, 4.0F, 2.25F, 4.0F, 2.25F, 4.0F, 2.25F};
  const BlockTensor t =
      quantize_blocks(format, x.data(), 2, 4, [](std::size_t i) { return i / 2; });
  // 2.25 is a quarter of the way: up when R = 3 of 0..3.
  EXPECT_THAT(t.values, ElementsAre(4.0F, 2.0F, 4.0F, 2.0F, 4.0F, 2.0F, 4.0F, 3.0F));
  EXPECT_THROW(quantize_blocks(format, x.data(), 2, 4), std::invalid_argument);
}

// ---- published facts

// Share of blocks whose maximum is clipped, for maxima spread evenly over a binade's logarithm:
// log2(2^(emax + 1) / max).
TEST(QuantizeBlocks, ShareOfClippedMaximaUnderFloorIsAsPublished) {
  const std::vector<std::pair<const char*, double>> published = {
      {"mxfp4", 0.4150},      {"mxfp6_e2m3", 0.0931}, {"mxfp6_e3m2", 0.1926},
      {"mxfp8_e4m3", 0.1926}, {"mxfp8_e5m2", 0.1926}, {"mxint8", 0.0113}};
  for (const auto& [text, share] : published) {
    const BlockFormat format = parse_block_format(text);
    const double largest = to_double(max_finite(format.element));
    constexpr int kSamples = 20000;
    int clipped = 0;
    for (int i = 0; i < kSamples; ++i) {
      const auto amax = static_cast<float>(std::exp2((i + 0.5) / kSamples));
      const BlockTensor t = quantize_blocks(format, &amax, 1, 1);
      const double scale = to_double(decode(format.scale, t.scales[0]));
      if (static_cast<double>(amax) / scale > largest) ++clipped;
    }
    EXPECT_NEAR(static_cast<double>(clipped) / kSamples, share, 1e-4) << text;
  }
}

}  // namespace
}  // namespace halfulp
