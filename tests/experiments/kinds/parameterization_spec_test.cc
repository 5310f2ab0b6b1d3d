// From the keys model.* to a parameterization, what the numerics string says, and what is refused.
#include "experiments/kinds/parameterization_spec.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "experiments/harness/schema.h"
#include "experiments/kind.h"
#include "experiments/kinds/language_model_spec.h"

namespace halfulp {
namespace {

using Settings = std::vector<std::pair<std::string, Value>>;

Value text(const char* value) { return std::string(value); }

Config config_of(const Settings& settings) {
  Config config = harness::Schema(find_experiment_kind("train_language_model")->fields).defaults();
  for (const auto& [key, value] : settings) config.set(key, value);
  return config;
}

/// The keys that a check names, in its order.
std::vector<std::string> refused(const Settings& settings) {
  std::vector<std::string> keys;
  for (const ConfigIssue& issue : check_language_model(config_of(settings))) {
    keys.push_back(issue.key);
  }
  return keys;
}

const Settings kUnitScaled = {{"model.parameterization", text("u_mup")},
                              {"model.tied_head", false},
                              {"train.weight_decay", 1e-3},
                              {"train.clip_norm", 0.0}};

Settings with(Settings settings, const char* key, const Value& value) {
  settings.emplace_back(key, value);
  return settings;
}

TEST(ParameterizationSpec, DefaultsAreStandardAndSayNothing) {
  const Config config = config_of({});
  EXPECT_EQ(parameterization_of(config).rule, nn::Parameterization::standard);
  EXPECT_TRUE(nn::has_standard_forward(parameterization_of(config)));
  EXPECT_EQ(language_model_numerics(config).find("parameterization"), std::string::npos);
  EXPECT_TRUE(refused({}).empty());
}

TEST(ParameterizationSpec, RulesBringTheirOwnGradientsAndDecay) {
  const nn::ParameterizationSpec own = parameterization_of(config_of(kUnitScaled));
  EXPECT_EQ(own.gradient, nn::GradientScale::unit);
  EXPECT_EQ(own.weight_decay, nn::WeightDecayRule::independent);
  const nn::ParameterizationSpec coupled =
      parameterization_of(config_of(with(kUnitScaled, "model.weight_decay_rule", text("coupled"))));
  EXPECT_EQ(coupled.weight_decay, nn::WeightDecayRule::coupled);
  EXPECT_NE(language_model_numerics(config_of(kUnitScaled)).find("parameterization=u_mup(grad"),
            std::string::npos);
}

TEST(ParameterizationSpec, IndependentDecayIsDividedByThePeak) {
  const Config config = config_of(with(kUnitScaled, "train.learning_rate", 0.5));
  EXPECT_DOUBLE_EQ(train_spec(config).loop.optimizer.weight_decay, 2e-3);
  const Config coupled = config_of({{"train.learning_rate", 0.5}});
  EXPECT_DOUBLE_EQ(train_spec(coupled).loop.optimizer.weight_decay, 0.1);
}

TEST(ParameterizationSpec, RefusesWhatMeansNothing) {
  using Keys = std::vector<std::string>;
  EXPECT_EQ(refused(kUnitScaled), Keys{});
  EXPECT_EQ(refused(with(kUnitScaled, "model.tied_head", true)), Keys{"model.tied_head"});
  EXPECT_EQ(refused(with(kUnitScaled, "train.clip_norm", 1.0)), Keys{"train.clip_norm"});
  EXPECT_EQ(refused(with(kUnitScaled, "train.weight_decay", 0.1)), Keys{"train.weight_decay"});
  EXPECT_EQ(refused(with(kUnitScaled, "model.base_width", std::int64_t{32})),
            Keys{"model.base_width"});
  EXPECT_EQ(refused(with(kUnitScaled, "model.gradient_scale", text("mean"))),
            Keys{"model.gradient_scale"});
}

}  // namespace
}  // namespace halfulp
