// Which layers get which numerics, and in which updates.
#include "sim/nn/layer_policy.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "formats/accumulator_spec.h"
#include "formats/spec.h"
#include "sim/nn/trainer.h"
#include "sim/nn/transformer.h"

namespace halfulp::nn {
namespace {

using Names = std::vector<std::string>;

/// Ten layers a, b, ..., j and the head.
Names ten_layers() {
  Names names;
  for (char c = 'a'; c <= 'j'; ++c) names.emplace_back(1, c);
  names.emplace_back("head");
  return names;
}

std::string kept(double share, LayerOrder order) {
  std::string joined;
  for (const auto& name : selected_layers({.share = share, .order = order}, ten_layers(), 0)) {
    joined += name;
  }
  return joined;
}

TEST(SelectedLayers, SharesFromTheEnd) {
  EXPECT_EQ(kept(0.0, LayerOrder::end), "");
  EXPECT_EQ(kept(0.04, LayerOrder::end), "");
  EXPECT_EQ(kept(0.05, LayerOrder::end), "j");
  EXPECT_EQ(kept(0.16, LayerOrder::end), "ij");
  EXPECT_EQ(kept(0.3, LayerOrder::end), "hij");
  EXPECT_EQ(kept(1.0, LayerOrder::end), "abcdefghij");
}

TEST(SelectedLayers, SharesAlternatingBetweenEndAndStart) {
  EXPECT_EQ(kept(0.1, LayerOrder::alternate), "j");
  EXPECT_EQ(kept(0.2, LayerOrder::alternate), "aj");
  EXPECT_EQ(kept(0.3, LayerOrder::alternate), "aij");
  EXPECT_EQ(kept(0.4, LayerOrder::alternate), "abij");
  EXPECT_EQ(kept(0.9, LayerOrder::alternate), "abcdfghij");
  EXPECT_EQ(kept(1.0, LayerOrder::alternate), "abcdefghij");
}

TEST(SelectedLayers, SharesEvenlySpaced) {
  EXPECT_EQ(kept(0.1, LayerOrder::evenly), "j");
  EXPECT_EQ(kept(0.2, LayerOrder::evenly), "ej");
  EXPECT_EQ(kept(0.3, LayerOrder::evenly), "dgj");
  EXPECT_EQ(kept(0.5, LayerOrder::evenly), "bdfhj");
  EXPECT_EQ(kept(1.0, LayerOrder::evenly), "abcdefghij");
}

TEST(SelectedLayers, FirstAndLastBlocks) {
  const auto blocks = [](std::size_t first, std::size_t last, std::size_t n) {
    return selected_layers({.first = first, .last = last}, {}, n);
  };
  EXPECT_EQ(blocks(0, 0, 5), Names());
  EXPECT_EQ(blocks(2, 0, 5), (Names{"blocks.0", "blocks.1"}));
  EXPECT_EQ(blocks(0, 1, 5), Names{"blocks.4"});
  EXPECT_EQ(blocks(1, 2, 4), (Names{"blocks.0", "blocks.2", "blocks.3"}));
  EXPECT_EQ(blocks(2, 2, 3), (Names{"blocks.0", "blocks.1", "blocks.2"}));
}

ModelConfig four_blocks() {
  ModelConfig config;
  config.blocks = 4;
  return config;
}

LinearNumerics with_weight(const char* text) {
  LinearNumerics numerics = binary32_numerics();
  numerics.fprop_weight = numerics.dgrad_weight = parse_quantizer(text);
  return numerics;
}

std::string weight_of(const ModelNumerics& numerics, const std::string& layer) {
  const ModelConfig config = four_blocks();
  const LayerPolicy policy(numerics, linear_layer_names(config), config.blocks);
  return to_spec(policy.linear(layer).fprop_weight.quantizer.format);
}

TEST(LayerPolicy, TheLastLineThatMatchesDecidesAndHighPrecisionWins) {
  ModelNumerics numerics;
  numerics.linear = with_weight("int8");
  numerics.layers = {{"*.mlp.*", "", with_weight("int4"), {}},
                     {"blocks.1", "", with_weight("int3"), {}},
                     {"blocks.2.mlp.up", "", with_weight("int2"), {}}};
  numerics.selection.last = 1;
  const std::map<std::string, std::string> expected = {
      {"blocks.0.attention.qkv", "int8"}, {"blocks.0.mlp.up", "int4"},
      {"blocks.0.mlp.down", "int4"},      {"blocks.1.attention.output", "int3"},
      {"blocks.1.mlp.up", "int3"},        {"blocks.2.mlp.up", "int2"},
      {"blocks.2.mlp.down", "int4"},      {"blocks.3.attention.qkv", "binary32"},
      {"blocks.3.mlp.down", "binary32"},  {"head", "binary32"}};
  for (const auto& [layer, format] : expected) EXPECT_EQ(weight_of(numerics, layer), format);
  numerics.high_precision = {};
  EXPECT_EQ(weight_of(numerics, "head"), "int8");
}

TEST(LayerPolicy, HighPrecisionKeepsOutputsAndTakesItsFormat) {
  ModelNumerics numerics;
  numerics.linear = with_weight("int8");
  numerics.linear.fprop = parse_accumulator("e8m7");
  numerics.linear.fprop_output = parse_quantizer("e8m5+unscaled");
  numerics.attention.query_operand = numerics.attention.key_cache = parse_quantizer("int8");
  numerics.attention.scores = parse_accumulator("e8m7");
  numerics.high_precision = {"blocks.-1"};
  numerics.high_format = parse_quantizer("bfloat16");
  const ModelConfig config = four_blocks();
  const LayerPolicy policy(numerics, linear_layer_names(config), config.blocks);
  const LinearNumerics linear = policy.linear("blocks.3.mlp.up");
  EXPECT_EQ(linear.wgrad_input, numerics.high_format);
  EXPECT_EQ(linear.fprop, binary32_accumulator());
  EXPECT_EQ(linear.fprop_output, numerics.linear.fprop_output);
  const AttentionNumerics attention = policy.attention(attention_name(3));
  EXPECT_EQ(attention.query_operand, numerics.high_format);
  EXPECT_EQ(attention.key_cache, numerics.attention.key_cache);
  EXPECT_EQ(attention.scores, binary32_accumulator());
  EXPECT_EQ(policy.attention(attention_name(2)), numerics.attention);
}

TEST(LayerPolicy, TheHeadsOwnOperandsAreStrongest) {
  ModelNumerics numerics;
  numerics.head = {.weight = parse_quantizer("int8"),
                   .gradient = parse_quantizer("e5m2"),
                   .accumulator = parse_accumulator("e8m7")};
  const ModelConfig config = four_blocks();
  const LayerPolicy policy(numerics, linear_layer_names(config), config.blocks);
  const LinearNumerics head = policy.linear("head");
  EXPECT_EQ(head.fprop_weight, parse_quantizer("int8"));
  EXPECT_EQ(head.dgrad_weight, parse_quantizer("int8"));
  EXPECT_EQ(head.fprop_input, binary32_quantizer());
  EXPECT_EQ(head.wgrad_input, binary32_quantizer());
  EXPECT_EQ(head.dgrad_grad_output, parse_quantizer("e5m2"));
  EXPECT_EQ(head.wgrad_grad_output, parse_quantizer("e5m2"));
  EXPECT_EQ(head.wgrad, parse_accumulator("e8m7"));
  EXPECT_EQ(policy.linear("blocks.0.mlp.up"), binary32_numerics());
}

TEST(NumericsSwitch, ReplacesTheOperandsNamedAndLeavesBinary32) {
  const QuantizerSpec low = parse_quantizer("int4"), to = parse_quantizer("bfloat16");
  LinearNumerics linear = {low, low, low, low, low, low};
  linear.dgrad_weight = binary32_quantizer();
  const LinearNumerics forward = switched(linear, {.backward = false, .to = to});
  EXPECT_EQ(forward, (LinearNumerics{to, to, low, binary32_quantizer(), low, low}));
  const LinearNumerics backward = switched(linear, {.forward = false, .to = to});
  EXPECT_EQ(backward, (LinearNumerics{low, low, to, binary32_quantizer(), to, to}));
  AttentionNumerics attention;
  attention.key_operand = attention.grad_scores_operand = attention.key_cache = low;
  AttentionNumerics expected = attention;
  expected.key_operand = to;
  EXPECT_EQ(switched(attention, {.backward = false, .to = to}), expected);
  expected.grad_scores_operand = to;
  EXPECT_EQ(switched(attention, {.to = to}), expected);
}

const Corpus& source() {
  static const Corpus corpus = make_markov(3, 8, 1 << 15, 0.1);
  return corpus;
}

TrainSpec small_spec() {
  TrainSpec spec;
  spec.model.blocks = 2;
  spec.model.width = 16;
  spec.model.heads = 2;
  spec.model.context = 16;
  spec.model.hidden = 32;
  spec.loop.schedule = {Schedule::constant, 1e-2, 0.1, 8, 0, 0};
  spec.sequences = 4;
  spec.evaluation_bytes = 64;
  spec.numerics.linear = with_weight("int3");
  spec.numerics.linear.wgrad_input = parse_quantizer("int4+stochastic(8)");
  spec.numerics.attention.query_operand = parse_quantizer("int4");
  spec.numerics.attention.grad_scores_operand = parse_quantizer("int4+stochastic(8)");
  spec.numerics.tensors.residual = parse_quantizer("bfloat16+stochastic(8)");
  return spec;
}

std::vector<double> losses(const TrainSpec& spec) {
  const TrainResult result = train(spec, source(), 1, [](std::int64_t, double) {});
  std::vector<double> out;
  for (const LossPoint& point : result.train_loss) out.push_back(point.loss);
  return out;
}

/// The first update whose loss differs; 8 for none.
std::size_t first_difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::size_t i = 0;
  while (i < a.size() && a[i] == b[i]) ++i;
  return i;
}

TEST(NumericsSwitch, HappensAtTheExactUpdate) {
  const TrainSpec base = small_spec();
  const std::vector<double> plain = losses(base);
  for (const std::uint32_t at : {0U, 3U, 7U}) {
    TrainSpec spec = base;
    spec.numerics.switch_to.from = at;
    EXPECT_EQ(first_difference(losses(spec), plain), at);
    // The loss of an update is of the forward pass, the gradients act on the next one.
    spec.numerics.switch_to.forward = false;
    EXPECT_EQ(first_difference(losses(spec), plain), std::min<std::size_t>(at + 1, 8));
  }
  TrainSpec later = base;
  later.numerics.switch_to.from = 8;
  EXPECT_EQ(losses(later), plain);
}

TEST(NumericsSwitch, BeforeAndAfterAreTheModelsOfTheirNumerics) {
  ModelNumerics numerics = small_spec().numerics;
  numerics.switch_to = {.from = 3, .until = 5, .to = parse_quantizer("e8m4+unscaled")};
  ModelNumerics other = numerics;
  other.switch_to = {};
  other.linear = switched(numerics.linear, numerics.switch_to);
  other.attention = switched(numerics.attention, numerics.switch_to);
  const auto result = [](const ModelNumerics& own, std::uint32_t step) {
    Transformer<float> model(small_spec().model, own, 1);
    model.initialize(2);
    const std::vector<std::uint8_t> inputs(16, 'a'), targets(16, 'b');
    std::vector<double> out = {
        model.loss_and_gradient(inputs.data(), targets.data(), 1, {1, step})};
    out.insert(out.end(), model.gradients().begin(), model.gradients().end());
    return out;
  };
  ModelNumerics never = numerics;
  never.switch_to = {};
  for (const std::uint32_t step : {2U, 5U}) {
    EXPECT_EQ(result(numerics, step), result(never, step));
    EXPECT_NE(result(numerics, step), result(other, step));
  }
  for (const std::uint32_t step : {3U, 4U, 3U | StepKey::kEvaluation}) {
    EXPECT_EQ(result(numerics, step), result(other, step));
  }
}

/// Keeps everything that is visited, or puts it back.
class Memory final : public StateVisitor {
 public:
  bool restores = false;

  void visit(std::string_view name, std::span<float> values) override { keep(name, values); }

  void visit(std::string_view name, std::span<double> values) override { keep(name, values); }

  void visit(std::string_view name, std::span<std::int64_t> values) override { keep(name, values); }

 private:
  template <class T>
  void keep(std::string_view name, std::span<T> values) {
    const auto bytes = std::as_writable_bytes(values);
    if (restores) {
      std::copy_n(kept_.at(std::string(name)).begin(), bytes.size(), bytes.begin());
    } else {
      kept_[std::string(name)].assign(bytes.begin(), bytes.end());
    }
  }

  std::map<std::string, std::vector<std::byte>> kept_;
};

TEST(NumericsSwitch, ARunContinuesAcrossItFromWeightsAndOptimizerAlone) {
  TrainSpec spec = small_spec();
  spec.numerics.switch_to.from = 5;
  const std::vector<double> whole = losses(spec);
  Memory memory;
  {
    LanguageModelTask task(spec, source());
    TrainingLoop loop(spec.loop, task, 1);
    for (int i = 0; i < 4; ++i) loop.advance();
    loop.visit_state(memory);
  }
  memory.restores = true;
  LanguageModelTask task(spec, source());
  TrainingLoop loop(spec.loop, task, 1);
  loop.visit_state(memory);
  for (std::size_t i = 4; i < 8; ++i) {
    loop.advance();
    EXPECT_EQ(loop.last_loss(), whole[i]);
  }
}

}  // namespace
}  // namespace halfulp::nn
