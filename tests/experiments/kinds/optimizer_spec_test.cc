// The keys of the optimizer and of loss scaling: where they arrive, and which do not go together.
#include "experiments/kinds/optimizer_spec.h"

#include <gmock/gmock.h>

#include "experiments/harness/schema.h"
#include "experiments/kinds/language_model_fields.h"

namespace halfulp {
namespace {

using ::testing::HasSubstr;

using Settings = std::vector<std::pair<std::string, Value>>;

Config config_with(const Settings& settings) {
  Config config = harness::Schema(language_model_fields()).defaults();
  for (const auto& [key, value] : settings) config.set(key, value);
  return config;
}

std::vector<std::string> refused_keys(const Settings& settings) {
  std::vector<std::string> keys;
  for (const ConfigIssue& issue : check_optimizer(config_with(settings))) keys.push_back(issue.key);
  return keys;
}

TEST(OptimizerSpec, DefaultsAreAdamWInBinary32) {
  const Config config = config_with({});
  EXPECT_TRUE(check_optimizer(config).empty());
  EXPECT_EQ(optimizer_numerics(config), "");
  const nn::OptimizerSpec spec = optimizer_spec(config);
  EXPECT_EQ(spec.kind, nn::OptimizerKind::adamw);
  EXPECT_TRUE(Quantizer(spec.first_moment).is_identity());
  EXPECT_TRUE(Quantizer(spec.weights.held()).is_identity());
  EXPECT_EQ(spec.weights.rule, nn::WeightRule::nearest);
  EXPECT_EQ(loss_scale_spec(config).kind, nn::LossScaling::none);
}

TEST(OptimizerSpec, EveryKeyArrives) {
  const nn::OptimizerSpec muon =
      optimizer_spec(config_with({{"train.optimizer", "muon"},
                                  {"train.muon.steps", std::int64_t{3}},
                                  {"train.muon.scale", "spectral"},
                                  {"train.muon.momentum", 0.5},
                                  {"precision.optimizer.newton_schulz", "bfloat16"}}));
  EXPECT_EQ(muon.kind, nn::OptimizerKind::muon);
  EXPECT_EQ(muon.muon.steps, 3);
  EXPECT_EQ(muon.muon.scale, nn::MuonScale::spectral);
  EXPECT_EQ(muon.muon.momentum, 0.5);
  EXPECT_FALSE(Quantizer(muon.muon.iterates).is_identity());
  const nn::OptimizerSpec collage =
      optimizer_spec(config_with({{"precision.master_weights", "none"},
                                  {"precision.weight_storage", "bfloat16"},
                                  {"precision.optimizer.arithmetic", "bfloat16"},
                                  {"precision.optimizer.second_moment", "e5m2"},
                                  {"precision.weight_update", "collage_light"}}));
  EXPECT_FALSE(collage.weights.master.has_value());
  EXPECT_EQ(collage.weights.held(), parse_quantizer("bfloat16"));
  EXPECT_EQ(collage.arithmetic, parse_quantizer("bfloat16"));
  EXPECT_EQ(collage.second_moment, parse_quantizer("e5m2"));
  EXPECT_EQ(collage.weights.rule, nn::WeightRule::collage_light);
  const nn::LossScaleSpec scale =
      loss_scale_spec(config_with({{"train.loss_scaling", "dynamic"},
                                   {"train.loss_scale", 8.0},
                                   {"train.loss_scale_growth_interval", std::int64_t{7}}}));
  EXPECT_EQ(scale.kind, nn::LossScaling::dynamic);
  EXPECT_EQ(scale.scale, 8.0);
  EXPECT_EQ(scale.growth_interval, 7);
}

TEST(OptimizerSpec, NumericsNameWhatIsNotBinary32) {
  const std::string text = optimizer_numerics(config_with({{"precision.master_weights", "none"},
                                                           {"precision.weight_storage", "bfloat16"},
                                                           {"precision.weight_update", "kahan"},
                                                           {"train.loss_scaling", "static"}}));
  EXPECT_EQ(text,
            "; master_weights=none; weight_storage=bfloat16; weight_update=kahan; "
            "loss_scaling=static");
}

TEST(OptimizerSpec, HyperParametersOfOtherOptimizersAreRefusedAtTheirKeys) {
  using Keys = std::vector<std::string>;
  EXPECT_EQ(refused_keys({{"train.momentum", 0.5}}), Keys{"train.momentum"});
  EXPECT_EQ(refused_keys({{"train.optimizer", "sgd"}, {"train.beta2", 0.99}}), Keys{"train.beta2"});
  EXPECT_EQ(refused_keys({{"train.optimizer", "sgd"}, {"train.momentum", 0.5}}), Keys{});
  EXPECT_EQ(refused_keys({{"train.soap.frequency", std::int64_t{5}}}),
            Keys{"train.soap.frequency"});
  EXPECT_EQ(
      refused_keys({{"train.optimizer", "shampoo"}, {"train.soap.frequency", std::int64_t{5}}}),
      Keys{});
  EXPECT_EQ(refused_keys({{"train.loss_scale", 8.0}}), Keys{"train.loss_scale"});
  EXPECT_EQ(refused_keys(
                {{"train.optimizer", "adafactor"}, {"precision.optimizer.first_moment", "e4m3fn"}}),
            Keys{"precision.optimizer.first_moment"});
  const auto issues = check_optimizer(config_with({{"train.momentum", 0.5}}));
  EXPECT_THAT(issues[0].message, HasSubstr("only with sgd"));
}

TEST(OptimizerSpec, FormatsThatDoNotFitAreRefusedAtTheirKeys) {
  using Keys = std::vector<std::string>;
  EXPECT_EQ(refused_keys({{"precision.optimizer.arithmetic", "e4m3fn"}}),
            Keys{"precision.optimizer.arithmetic"});
  EXPECT_EQ(refused_keys({{"precision.weight_update", "kahan"}}), Keys{"precision.weight_update"});
  EXPECT_EQ(refused_keys({{"precision.weight_update", "stochastic"}}),
            Keys{"precision.weight_update"});
  EXPECT_EQ(refused_keys({{"precision.master_weights", "bfloat16"},
                          {"precision.weight_update", "collage_plus"}}),
            Keys{"precision.weight_update"});
  EXPECT_EQ(refused_keys({{"precision.master_weights", "bfloat16"},
                          {"precision.optimizer.arithmetic", "bfloat16"},
                          {"precision.weight_update", "collage_plus"}}),
            Keys{});
  EXPECT_EQ(refused_keys({{"precision.master_weights", "bfloat16"},
                          {"precision.optimizer.arithmetic", "bfloat16"},
                          {"precision.optimizer.second_moment", "bfloat16"},
                          {"precision.weight_update", "collage_plus"}}),
            Keys{});
  EXPECT_EQ(refused_keys({{"precision.master_weights", "bfloat16"},
                          {"precision.optimizer.arithmetic", "bfloat16"},
                          {"precision.optimizer.second_moment", "e5m2"},
                          {"precision.weight_update", "collage_plus"}}),
            Keys{"precision.weight_update"});
}

}  // namespace
}  // namespace halfulp
