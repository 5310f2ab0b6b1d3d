// Greedy decoding: in binary32 with the default order it is the transformer's forward pass bit for
// bit; in other arithmetics the roundings are where they are said to be.
#include "sim/nn/generate.h"

#include <gmock/gmock.h>

#include <bit>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/nn/transformer.h"
#include "sim/random.h"
#include "tests/sim/nn/plain_decoder.h"
#include "tests/sim/simd_targets.h"

namespace halfulp::nn {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

InferenceArithmetic arithmetic(const char* weights, const char* results,
                               const char* partial = "binary32", const char* sums = "binary32") {
  return {parse_format(weights), parse_format(results), parse_format(sums), parse_format(partial)};
}

InferenceArithmetic binary32() { return arithmetic("binary32", "binary32"); }

std::vector<std::uint8_t> bytes(std::uint32_t stream, std::size_t n) {
  std::vector<std::uint8_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<std::uint8_t>(random_word({7, stream, 0, 0}, i) & 0xff);
  }
  return out;
}

/// A model far enough from its start that every tensor matters.
std::vector<float> some_weights(const ModelConfig& config) {
  Transformer<float> model(config, {}, 1);
  model.initialize(3);
  std::vector<float> weights(model.weights().begin(), model.weights().end());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] += static_cast<float>(0.1 * random_normal({11, 0, 0, 0}, i));
  }
  return weights;
}

ModelConfig small_model() {
  ModelConfig config;
  config.blocks = 2;
  config.width = 36;
  config.heads = 2;
  config.context = 70;  // two row blocks of attention
  config.hidden = 40;
  return config;
}

/// Logits of every position, sequence by sequence.
std::vector<float> forced_logits(const ModelConfig& config, std::span<const float> weights,
                                 const std::vector<std::uint8_t>& text, std::size_t rows,
                                 const InferenceArithmetic& how, const Reduction& reduction) {
  Decoder decoder(config, weights, how, reduction, rows);
  std::vector<float> logits(rows * config.context * config.vocabulary);
  std::vector<std::uint8_t> next(rows);
  for (std::size_t p = 0; p < config.context; ++p) {
    for (std::size_t r = 0; r < rows; ++r) next[r] = text[r * config.context + p];
    const ConstMatrix step = decoder.step(next);
    for (std::size_t r = 0; r < rows; ++r) {
      std::copy_n(step.data + r * step.stride, step.cols,
                  logits.data() + (r * config.context + p) * config.vocabulary);
    }
  }
  return logits;
}

std::size_t count_different(std::span<const float> a, std::span<const float> b) {
  std::size_t different = a.size() == b.size() ? 0 : a.size();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    different += std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]) ? 1 : 0;
  }
  return different;
}

using Choice = std::tuple<Norm, Positions, Activation, bool>;

class TeacherForcing : public ::testing::TestWithParam<Choice> {};

TEST_P(TeacherForcing, InBinary32IsTheForwardPassBitForBit) {
  ModelConfig config = small_model();
  std::tie(config.norm, config.positions, config.activation, config.tied_head) = GetParam();
  constexpr std::size_t kRows = 5;
  const std::vector<float> weights = some_weights(config);
  Transformer<float> model(config, {}, kRows);
  std::copy(weights.begin(), weights.end(), model.weights().begin());
  const auto text = bytes(1, kRows * config.context);
  const auto forward = model.logits(text.data(), kRows, {});
  EXPECT_EQ(count_different(forward, forced_logits(config, weights, text, kRows, binary32(), {})),
            0U);
  EXPECT_GT(count_different(forward,
                            forced_logits(config, weights, text, kRows, binary32(), {.split = 2})),
            forward.size() / 4);
}

INSTANTIATE_TEST_SUITE_P(
    AllArchitectures, TeacherForcing,
    ::testing::Combine(::testing::Values(Norm::layer_norm, Norm::rms_norm),
                       ::testing::Values(Positions::rotary, Positions::learned),
                       ::testing::Values(Activation::gelu, Activation::swiglu), ::testing::Bool()));

TEST(Decoder, EverySimdTargetGivesTheSameBits) {
  const ModelConfig config = small_model();
  const std::vector<float> weights = some_weights(config);
  const auto text = bytes(2, 3 * config.context);
  const Reduction reduction = {{Order::interleaved, 4}, 4, 5};
  const InferenceArithmetic how = arithmetic("bfloat16", "bfloat16", "bfloat16");
  const std::vector<float> expected = forced_logits(config, weights, text, 3, how, reduction);
  testing::on_every_simd_target([&] {
    EXPECT_EQ(count_different(expected, forced_logits(config, weights, text, 3, how, reduction)),
              0U);
  });
}

TEST(Decoder, RowsDoNotDependOnEachOther) {
  const ModelConfig config = small_model();
  const std::vector<float> weights = some_weights(config);
  const auto text = bytes(3, 6 * config.context);
  const InferenceArithmetic how = arithmetic("binary16", "binary16");
  const auto together = forced_logits(config, weights, text, 6, how, {});
  const std::vector<std::uint8_t> last(text.end() - 70, text.end());
  const auto alone = forced_logits(config, weights, last, 1, how, {});
  EXPECT_EQ(count_different(std::span(together).last(alone.size()), alone), 0U);
}

TEST(Decoder, ResultsAndWeightsAreInTheirFormats) {
  const ModelConfig config = small_model();
  const std::vector<float> weights = some_weights(config);
  const auto text = bytes(4, config.context);
  const auto is_in = [](float x, const char* format) {
    return round(parse_format(format), {}, static_cast<double>(x)) == static_cast<double>(x);
  };
  for (const char* format : {"bfloat16", "binary16"}) {
    for (const float x : forced_logits(config, weights, text, 1, arithmetic(format, format), {})) {
      ASSERT_TRUE(is_in(x, format)) << x;
    }
  }
  // Weights in bfloat16 with results in binary32 are binary32 on rounded weights (LayerCast).
  ModelConfig learned = config;
  learned.positions = Positions::learned;  // no tables beside the weights
  const std::vector<float> own = some_weights(learned);
  std::vector<float> rounded = own;
  NearestRounding(parse_format("bfloat16"))(rounded.data(), rounded.size());
  const auto layercast = arithmetic("bfloat16", "binary32");
  const auto cast = forced_logits(learned, own, text, 1, layercast, {});
  EXPECT_EQ(count_different(cast, forced_logits(learned, rounded, text, 1, binary32(), {})), 0U);
  EXPECT_GT(count_different(cast, forced_logits(learned, own, text, 1, binary32(), {})), 0U);
}

TEST(Decoder, RoundsWhatItStoresAndNothingElse) {
  ModelConfig config = small_model();
  config.width = 32;  // head width 16: the scale of the scores is exactly 1/4
  const std::vector<float> weights = some_weights(config);
  const auto text = bytes(8, 9);
  for (const char* format : {"bfloat16", "binary16", "binary32"}) {
    PlainDecoder plain(config, weights, format);
    Decoder decoder(config, weights, arithmetic(format, format, format), {.split = 2}, 1);
    for (std::size_t p = 0; p < text.size(); ++p) {
      const ConstMatrix step = decoder.step(std::span(text).subspan(p, 1));
      const std::vector<float> expected(
          plain.logits({text.begin(), text.begin() + static_cast<std::ptrdiff_t>(p) + 1}));
      EXPECT_EQ(count_different(expected, {step.data, step.cols}), 0U) << format << " " << p;
    }
  }
}

TEST(Decoder, RefusesPositionsBeyondTheContextAndOtherWeights) {
  ModelConfig config = small_model();
  config.context = 2;
  const std::vector<float> weights = some_weights(config);
  Decoder decoder(config, weights, binary32(), {}, 1);
  const std::uint8_t byte[] = {65};
  decoder.step(byte);
  decoder.step(byte);
  EXPECT_THROW(decoder.step(byte), std::length_error);
  config.width = 40;
  EXPECT_THROW(Decoder(config, weights, binary32(), {}, 1), std::invalid_argument);
}

/// A model whose blocks add nothing: the logits are the head's products with a row of ones times
/// r = 1 / sqrt(1 + 1e-5).
struct HandMade {
  ModelConfig config;
  std::vector<float> weights;

  HandMade() {
    config.blocks = 1;
    config.width = 4;
    config.heads = 1;
    config.hidden = 4;
    config.context = 8;
    config.tied_head = false;
    const auto parameters = model_parameters(config);
    weights.assign(parameters.back().offset + parameters.back().size(), 0.0F);
    for (const Parameter& parameter : parameters) {
      if (parameter.name != "token_embedding" && parameter.name.find("gain") == std::string::npos) {
        continue;
      }
      std::fill_n(weights.begin() + static_cast<std::ptrdiff_t>(parameter.offset), parameter.size(),
                  1.0F);
    }
  }

  void head(std::uint8_t byte, std::initializer_list<float> row) {
    const auto place = model_parameters(config).back().offset + byte * std::size_t{4};
    std::copy(row.begin(), row.end(), weights.begin() + static_cast<std::ptrdiff_t>(place));
  }

  std::vector<std::uint8_t> decode(const Reduction& reduction,
                                   const InferenceArithmetic& how = binary32()) const {
    Decoder decoder(config, weights, how, reduction, 1);
    const std::uint8_t prompt[] = {1, 2};
    return decode_greedily(decoder, prompt, 1, 3);
  }
};

// 'A' is 2^26 r + r - 2^26 r: in sequence r is below half an ulp of 2^26 r and lost, so 'B' with
// r / 2 wins; in lanes of even and odd terms it is kept.
TEST(DecodeGreedily, TwoOrdersChooseDifferentBytes) {
  HandMade model;
  model.head('A', {0x1p26F, 1.0F, -0x1p26F, 0.0F});
  model.head('B', {0.5F, 0.0F, 0.0F, 0.0F});
  EXPECT_THAT(model.decode({}), Each('B'));
  EXPECT_THAT(model.decode({.split = 2}), Each('B'));
  EXPECT_THAT(model.decode({{Order::interleaved, 2}}), Each('A'));
}

// In bfloat16 1 + 2^-9 is 1: the next number is 1 + 2^-7.
TEST(DecodeGreedily, RoundedLogitsTieAndTheSmallestByteWins) {
  HandMade model;
  model.head('A', {1.0F, 0.0F, 0.0F, 0.0F});
  model.head('B', {1.0F, 0x1p-9F, 0.0F, 0.0F});
  EXPECT_THAT(model.decode({}), ElementsAre('B', 'B', 'B'));
  EXPECT_THAT(model.decode({}, arithmetic("bfloat16", "binary32")), Each('B'));
  EXPECT_THAT(model.decode({}, arithmetic("bfloat16", "bfloat16")), Each('A'));
}

TEST(DecodeGreedily, NanIsNeverTheLargest) {
  HandMade model;
  model.head(0, {std::numeric_limits<float>::quiet_NaN(), 0.0F, 0.0F, 0.0F});
  model.head('C', {1.0F, 0.0F, 0.0F, 0.0F});
  EXPECT_THAT(model.decode({}), Each('C'));
}

// What is written is what the same model predicts when it is read back.
TEST(DecodeGreedily, EachByteIsTheLargestLogitAfterTheTextBefore) {
  ModelConfig config = small_model();
  const std::vector<float> weights = some_weights(config);
  constexpr std::size_t kRows = 2, kPrompt = 10, kTokens = 30;
  const auto prompts = bytes(6, kRows * kPrompt);
  Decoder decoder(config, weights, binary32(), {}, kRows);
  std::size_t calls = 0;
  const auto written =
      decode_greedily(decoder, prompts, kRows, kTokens,
                      [&](std::size_t row, std::size_t token, std::span<const float> logits) {
                        EXPECT_EQ(row, calls % kRows);
                        EXPECT_EQ(token, calls / kRows);
                        EXPECT_EQ(logits.size(), 256U);
                        ++calls;
                      });
  EXPECT_EQ(calls, kRows * kTokens);
  for (std::size_t r = 0; r < kRows; ++r) {
    std::vector<std::uint8_t> text(config.context);
    std::copy_n(prompts.begin() + static_cast<std::ptrdiff_t>(r * kPrompt), kPrompt, text.begin());
    std::copy_n(written.begin() + static_cast<std::ptrdiff_t>(r * kTokens), kTokens,
                text.begin() + kPrompt);
    Transformer<float> model(config, {}, 1);
    std::copy(weights.begin(), weights.end(), model.weights().begin());
    const auto logits = model.logits(text.data(), 1, {});
    for (std::size_t t = 0; t < kTokens; ++t) {
      const auto row = logits.subspan((kPrompt + t - 1) * config.vocabulary, config.vocabulary);
      EXPECT_EQ(std::max_element(row.begin(), row.end()) - row.begin(), written[r * kTokens + t]);
    }
  }
  EXPECT_EQ(written, decode_greedily(decoder, prompts, kRows, kTokens));
}

}  // namespace
}  // namespace halfulp::nn
