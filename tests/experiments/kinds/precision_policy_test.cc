// The keys precision.*: what each sets, what inherits it, what is refused, how it is written down.
#include "experiments/kinds/precision_policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/precision_spec.h"
#include "experiments/kinds/train_language_model.h"
#include "formats/spec.h"
#include "tests/experiments/support/kind_run.h"

namespace halfulp {
namespace {

using test::Settings;
using test::text;

const ExperimentKind& kind() {
  static const ExperimentKind own = train_language_model_kind();
  return own;
}

Config with(const Settings& settings) { return test::config_of(kind(), settings); }

Value list(std::vector<std::string> items) { return items; }

/// Names of everything that is not binary32, with blanks between.
std::string rounded(const nn::ModelNumerics& numerics) {
  const nn::AttentionNumerics& a = numerics.attention;
  const nn::TensorNumerics& t = numerics.tensors;
  const std::vector<std::pair<const char*, QuantizerSpec>> places = {
      {"fprop", numerics.linear.fprop_output},
      {"dgrad", numerics.linear.dgrad_output},
      {"wgrad", numerics.linear.wgrad_output},
      {"scores", a.scores_output},
      {"context", a.context_output},
      {"dp", a.grad_probabilities_output},
      {"dv", a.grad_value_output},
      {"dq", a.grad_query_output},
      {"dk", a.grad_key_output},
      {"query", a.query_operand},
      {"key", a.key_operand},
      {"value", a.value_operand},
      {"probabilities", a.probabilities_operand},
      {"grad_output", a.grad_output_operand},
      {"grad_scores", a.grad_scores_operand},
      {"key_cache", a.key_cache},
      {"value_cache", a.value_cache},
      {"embedding", t.embedding},
      {"embedding_output", t.embedding_output},
      {"norm_parameter", t.norm_parameter},
      {"norm_output", t.norm_output},
      {"activation_output", t.activation_output},
      {"residual", t.residual},
      {"logits_gradient", t.logits_gradient},
      {"residual_gradient", t.residual_gradient},
      {"activation_gradient", t.activation_gradient},
      {"weight_gradient", t.weight_gradient},
      {"head_weight", numerics.head.weight.value_or(nn::binary32_quantizer())},
      {"head_activation", numerics.head.activation.value_or(nn::binary32_quantizer())},
      {"head_gradient", numerics.head.gradient.value_or(nn::binary32_quantizer())},
      {"logits", numerics.head.output.value_or(nn::binary32_quantizer())},
      {"high", numerics.high_format}};
  std::string names;
  for (const auto& [name, spec] : places) {
    if (spec != nn::binary32_quantizer()) names += (names.empty() ? "" : " ") + std::string(name);
  }
  if (numerics.functions.loss) names += "loss";
  return names;
}

TEST(PrecisionPolicy, EveryKeySetsWhatItNamesAndWhatInheritsIt) {
  EXPECT_EQ(rounded(model_numerics(with({}))), "");
  const std::map<std::string, std::string> expected = {
      {"output", "fprop dgrad wgrad scores context dp dv dq dk"},
      {"fprop.output", "fprop"},
      {"dgrad.output", "dgrad"},
      {"wgrad.output", "wgrad"},
      {"attention.scores.output", "scores"},
      {"attention.context.output", "context"},
      {"attention.backward.output", "dp dv dq dk"},
      {"attention.grad_probabilities.output", "dp"},
      {"attention.grad_value.output", "dv"},
      {"attention.grad_query.output", "dq"},
      {"attention.grad_key.output", "dk"},
      {"attention.operand", "query key value probabilities grad_output grad_scores"},
      {"attention.query", "query"},
      {"attention.key", "key"},
      {"attention.value", "value"},
      {"attention.probabilities", "probabilities"},
      {"attention.gradient", "grad_output grad_scores"},
      {"attention.grad_output", "grad_output"},
      {"attention.grad_scores", "grad_scores"},
      {"attention.kv_cache", "key_cache value_cache"},
      {"attention.key_cache", "key_cache"},
      {"attention.value_cache", "value_cache"},
      {"stored_activation", "embedding_output norm_output activation_output residual"},
      {"stored_gradient", "logits_gradient residual_gradient activation_gradient weight_gradient"},
      {"embedding", "embedding"},
      {"embedding_output", "embedding_output"},
      {"norm_parameter", "norm_parameter"},
      {"norm_output", "norm_output"},
      {"activation_output", "activation_output"},
      {"residual", "residual"},
      {"logits", "logits"},
      {"loss", "loss"},
      {"logits_gradient", "logits_gradient"},
      {"residual_gradient", "residual_gradient"},
      {"activation_gradient", "activation_gradient"},
      {"weight_gradient", "weight_gradient"},
      {"head.weight", "head_weight"},
      {"head.activation", "head_activation"},
      {"head.gradient", "head_gradient"},
      {"keep_high_format", "high"}};
  for (const auto& [key, names] : expected) {
    const Config config = with({{"precision." + key, text("bfloat16")}});
    EXPECT_EQ(rounded(model_numerics(config)), names) << key;
    EXPECT_TRUE(check_language_model(config).empty()) << key;
  }
}

TEST(PrecisionPolicy, AnOwnKeyBeatsWhatItWouldInherit) {
  const nn::ModelNumerics numerics =
      model_numerics(with({{"precision.stored_activation", text("bfloat16")},
                           {"precision.residual", text("binary32")},
                           {"precision.attention.operand", text("e4m3fn")},
                           {"precision.attention.gradient", text("e5m2")},
                           {"precision.attention.grad_scores", text("int8")}}));
  EXPECT_EQ(numerics.tensors.residual, nn::binary32_quantizer());
  EXPECT_EQ(numerics.tensors.norm_output, parse_quantizer("bfloat16"));
  EXPECT_EQ(numerics.attention.query_operand, parse_quantizer("e4m3fn"));
  EXPECT_EQ(numerics.attention.grad_output_operand, parse_quantizer("e5m2"));
  EXPECT_EQ(numerics.attention.grad_scores_operand, parse_quantizer("int8"));
}

TEST(PrecisionPolicy, LayersHaveKeysOfTheirOwn) {
  const nn::ModelNumerics numerics = model_numerics(
      with({{"precision.weight", text("e4m3fn")},
            {"precision.activation", text("e4m3fn")},
            {"precision.layers",
             list({"*.mlp.*: weight=mxfp4, activation = int4+group(16,columns)",
                   "*.attention.products: attention.query=int8  attention.scores.accumulator=e8m7",
                   "blocks.1: wgrad.input=e5m2"})}}));
  ASSERT_EQ(numerics.layers.size(), 3U);
  const nn::LayerNumerics &mlp = numerics.layers[0], &attention = numerics.layers[1];
  EXPECT_EQ(mlp.pattern, "*.mlp.*");
  EXPECT_EQ(mlp.linear.fprop_weight, parse_quantizer("mxfp4"));
  EXPECT_EQ(mlp.linear.dgrad_weight, parse_quantizer("mxfp4"));
  EXPECT_EQ(mlp.linear.wgrad_input, parse_quantizer("int4+group(16,columns)"));
  EXPECT_EQ(attention.linear, numerics.linear);
  EXPECT_EQ(attention.attention.query_operand, parse_quantizer("int8"));
  EXPECT_EQ(attention.attention.key_operand, nn::binary32_quantizer());
  EXPECT_NE(attention.attention.scores, numerics.attention.scores);
  EXPECT_EQ(numerics.layers[2].linear.wgrad_input, parse_quantizer("e5m2"));
  EXPECT_EQ(numerics.layers[2].linear.fprop_input, parse_quantizer("e4m3fn"));
}

/// Messages about `settings`, one to a line.
std::string complaints(const Settings& settings) {
  std::string all;
  for (const ConfigIssue& issue : check_language_model(with(settings))) {
    all += issue.key + ": " + issue.message + "\n";
  }
  return all;
}

TEST(PrecisionPolicy, RefusesWhatCannotBe) {
  const auto layers = [](const char* line) {
    return complaints({{"precision.layers", list({line})}});
  };
  const std::map<std::string, std::string> lines = {
      {"*.mlp.* weight=int4", "a layer's line is"},
      {"*.mlp.*: wieght=int4", "did you mean weight"},
      {"*.mlp.*: softmax=bfloat16", "no layer has a key 'softmax'"},
      {"*.mlp.*: weight", "'weight' is not key=value"},
      {"*.mlp.*:", "needs a pattern before its colon and settings behind it"},
      {"*.mlp.*: weight=int99x", "int99x"},
      {"*.mpl.*: weight=int4", "matches no layer; the layers are blocks.0.attention.qkv"},
      {"head: weight=int4", "precision.keep_high keeps every layer that matches"},
      {"blocks.0: fprop.accumulator=binary64", "result(binary32)"}};
  for (const auto& [line, complaint] : lines) {
    EXPECT_NE(layers(line.c_str()).find(complaint), std::string::npos) << line << "\n"
                                                                       << layers(line.c_str());
  }
  EXPECT_EQ(layers("*.mlp.*: weight=int4"), "");
  EXPECT_NE(complaints({{"precision.attention.scores.output", text("e4m3fn")}}).find("+unscaled"),
            std::string::npos);
  EXPECT_NE(complaints({{"precision.loss", text("e4m3fn")}}).find("+unscaled"), std::string::npos);
  EXPECT_NE(complaints({{"precision.keep_last", std::int64_t{3}}}).find("the model has 2 blocks"),
            std::string::npos);
  EXPECT_NE(complaints({{"precision.switch_at", 0.5}, {"precision.switch_until", 0.25}})
                .find("below precision.switch_at"),
            std::string::npos);
}

TEST(PrecisionPolicy, TheSwitchIsAtTheFirstUpdateOfItsShare) {
  const auto updates = [](double share, std::int64_t n) {
    nn::ModelNumerics numerics;
    set_switch(with({{"precision.switch_at", share}}), n, numerics);
    return numerics.switch_to.from;
  };
  EXPECT_EQ(updates(0.0, 100), 0U);
  EXPECT_EQ(updates(0.82, 100), 82U);
  EXPECT_EQ(updates(0.07, 100), 7U);  // 0.07 * 100 is above 7 in binary64
  EXPECT_EQ(updates(0.29, 100), 29U);
  EXPECT_EQ(updates(0.5, 7), 4U);
  EXPECT_EQ(updates(0.999, 10), 10U);
  EXPECT_EQ(updates(1.0, 100), nn::NumericsSwitch::kNever);
  nn::ModelNumerics numerics;
  set_switch(with({{"precision.switch_at", 0.0},
                   {"precision.switch_until", 0.1},
                   {"precision.switch_operands", text("backward")},
                   {"precision.switch_to", text("bfloat16")}}),
             50, numerics);
  EXPECT_EQ(numerics.switch_to,
            (nn::NumericsSwitch{0, 5, false, true, parse_quantizer("bfloat16")}));
}

TEST(PrecisionPolicy, TheNumericsStringNamesWhatIsNotBinary32AndNothingElse) {
  EXPECT_EQ(policy_text(model_numerics(with({}))), "");
  const std::string bfloat = to_spec(parse_quantizer("bfloat16"));
  const std::map<std::string, std::string> expected = {
      {"output", "outputs(fprop=" + bfloat + ", dgrad="},
      {"attention.query", "; attention_operands(query=" + bfloat + ")"},
      {"attention.value_cache", "; kv_cache(value=" + bfloat + ")"},
      {"residual", "; tensors(residual=" + bfloat + ")"},
      {"logits", "; head(output=" + bfloat + ")"},
      {"keep_high_format", "; keep_high(format=" + bfloat + ")"},
      {"loss", "; loss=bfloat16+nearest_even+infinity; others=binary32"}};
  for (const auto& [key, part] : expected) {
    const std::string all = language_model_numerics(with({{"precision." + key, text("bfloat16")}}));
    EXPECT_NE(all.find(part), std::string::npos) << all;
  }
  const std::string all =
      language_model_numerics(with({{"train.steps", std::int64_t{50}},
                                    {"precision.layers", list({"*.mlp.*: weight=int4"})},
                                    {"precision.keep_last", std::int64_t{1}},
                                    {"precision.keep_share", 0.25},
                                    {"precision.keep_order", text("evenly")},
                                    {"precision.switch_at", 0.9},
                                    {"precision.switch_operands", text("forward")}}));
  for (const char* part :
       {"; keep_high(last_blocks=1, share=0.25 evenly)", "; layers[*.mlp.*: weight=int4]",
        "; switch(from_update=45, operands=forward, to=binary32"}) {
    EXPECT_NE(all.find(part), std::string::npos) << all;
  }
}

Settings tiny_run(std::int64_t steps) {
  return {{"data.corpus", text("markov")},         {"data.bytes", std::int64_t{16384}},
          {"model.layers", std::int64_t{2}},       {"model.width", std::int64_t{16}},
          {"model.hidden", std::int64_t{32}},      {"model.context", std::int64_t{8}},
          {"train.batch", std::int64_t{4}},        {"train.steps", steps},
          {"evaluation.bytes", std::int64_t{1024}}};
}

// Every tensor in binary16: a first scale that overflows is halved until no gradient does, and the
// run learns as in binary32; without a scale small gradients are lost.
TEST(PrecisionPolicy, Binary16TrainsUnderDynamicLossScaling) {
  Settings half = tiny_run(120);
  for (const char* key : {"weight", "activation", "gradient", "attention.operand", "output",
                          "stored_activation", "stored_gradient", "keep_high_format"}) {
    half["precision." + std::string(key)] = text("binary16+infinity");
  }
  half["precision.logits"] = text("binary32");
  const Settings scaled =
      test::with(half, {{"train.loss_scaling", text("dynamic")}, {"train.loss_scale", 0x1p30}});
  test::Metrics exact = test::run_kind(kind(), tiny_run(120));
  test::Metrics dynamic = test::run_kind(kind(), scaled);
  EXPECT_GT(dynamic["skipped_updates"], 3.0);
  EXPECT_LT(dynamic["skipped_updates"], 30.0);
  EXPECT_EQ(dynamic["loss_scale"], 0x1p30 * std::exp2(-dynamic["skipped_updates"]));
  EXPECT_LT(exact["validation_loss"], 5.0);
  EXPECT_NEAR(dynamic["validation_loss"], exact["validation_loss"], 0.4);
  // Saturating formats hide the overflow.
  Settings saturating = scaled;
  for (auto& [key, value] : saturating) {
    if (value == text("binary16+infinity")) value = text("binary16");
  }
  EXPECT_EQ(test::run_kind(kind(), saturating)["skipped_updates"], 0.0);
}

TEST(PrecisionPolicy, AutomaticLossScalingFollowsWeightGradientsThatSaturate) {
  const auto issues = [](const char* weight_gradient) {
    return kind().check(
        with(test::with(tiny_run(1), {{"train.loss_scaling", text("automatic")},
                                      {"precision.weight_gradient", text(weight_gradient)}})));
  };
  EXPECT_TRUE(issues("e4m3fn+unscaled").empty());
  for (const char* scaled : {"e4m3fn", "mxfp8", "binary32", "inherit"}) {
    ASSERT_EQ(issues(scaled).size(), 1U) << scaled;
    EXPECT_EQ(issues(scaled)[0].key, "train.loss_scaling");
  }
  // From far too large a scale it halves until gradients fit, and the run is near binary32.
  const Settings scaled =
      test::with(tiny_run(120), {{"train.loss_scaling", text("automatic")},
                                 {"train.loss_scale", 0x1p30},
                                 {"precision.weight_gradient", text("e4m3fn+unscaled")}});
  test::Metrics exact = test::run_kind(kind(), tiny_run(120));
  test::Metrics automatic = test::run_kind(kind(), scaled);
  EXPECT_EQ(automatic["skipped_updates"], 0.0);
  EXPECT_LT(automatic["loss_scale"], 0x1p20);
  EXPECT_GT(automatic["loss_scale"], 0x1p4);
  EXPECT_NEAR(automatic["validation_loss"], exact["validation_loss"], 0.4);
}

TEST(PrecisionPolicy, PropagatedScalesNeedAModelWithRules) {
  const auto issues = [](const Settings& settings) {
    std::vector<std::string> keys;
    for (const ConfigIssue& issue : kind().check(with(test::with(tiny_run(1), settings)))) {
      keys.push_back(issue.key);
    }
    return keys;
  };
  using Keys = std::vector<std::string>;
  const Settings scaled = {{"precision.gradient", text("e5m2+propagated")},
                           {"precision.layers", list({"*.up: weight=e4m3fn+propagated"})}};
  EXPECT_EQ(issues(scaled), Keys());
  const Keys refused = {"precision.gradient", "precision.gradient", "precision.layers"};
  Settings experts = scaled, unit = scaled;
  experts["precision.layers"] = list({"*.qkv: weight=e4m3fn+propagated"});
  experts["model.experts"] = std::int64_t{3};
  unit["model.parameterization"] = text("munit");
  unit["model.tied_head"] = false;
  EXPECT_EQ(issues(experts), refused);
  EXPECT_EQ(issues(unit), refused);
}

TEST(PrecisionPolicy, BitsAreMeansOverTheBlocksParameters) {
  const Settings tiny = test::with(
      tiny_run(1), {{"precision.weight", text("int8")}, {"precision.gradient", text("e5m2")}});
  test::Metrics metrics = test::run_kind(kind(), tiny);
  EXPECT_EQ(metrics["weight_bits"], 8.0);
  EXPECT_EQ(metrics["activation_bits"], 32.0);
  EXPECT_EQ(metrics["gradient_bits"], 8.0);
  metrics =
      test::run_kind(kind(), test::with(tiny, {{"precision.layers", list({"*.mlp.*: weight=int4"})},
                                               {"precision.keep_last", std::int64_t{1}},
                                               {"precision.keep_high_format", text("bfloat16")}}));
  // A block has 16 x 64 parameters in attention, 32 x 48 in the feed-forward layers.
  EXPECT_DOUBLE_EQ(metrics["weight_bits"], ((8 * 1024 + 4 * 1536) / 2560.0 + 16) / 2);
  EXPECT_DOUBLE_EQ(metrics["activation_bits"], (32 + 16) / 2.0);
  EXPECT_DOUBLE_EQ(metrics["gradient_bits"], (8 + 16) / 2.0);
}

TEST(PrecisionPolicy, BitsOfStateSpaceBlocksLeaveOutWhatIsNoLinearLayer) {
  // A mixer's convolution is a matrix that decays, but no operand of a product.
  test::Metrics metrics = test::run_kind(
      kind(),
      test::with(tiny_run(1), {{"model.mixer", text("state_space")},
                               {"precision.weight", text("int8")},
                               {"precision.layers",
                                list({"*.mixer.input: weight=int4",
                                      "*.mixer.selection: weight=int4", "*.mixer.step: weight=int4",
                                      "*.mixer.output: weight=int4", "*.mlp.*: weight=int4"})}}));
  EXPECT_EQ(metrics["weight_bits"], 4.0);
}

}  // namespace
}  // namespace halfulp
