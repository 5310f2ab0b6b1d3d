// How far a run's weights moved, against the weights that the run itself stores on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/kinds/train_language_model.h"
#include "experiments/store/safetensors.h"
#include "tests/experiments/support/kind_run.h"

namespace halfulp::test {
namespace {

class Keeper : public RunObserver {
 public:
  void progress(std::int64_t, std::int64_t, double) override {}

  void keep_weights(std::int64_t updates, const Safetensors& weights) override {
    kept[updates] = weights;
  }

  std::map<std::int64_t, Safetensors> kept;
};

/// Over the tensors whose names end as one of `layers`.
double change(const Safetensors& before, const Safetensors& after,
              const std::vector<std::string>& layers) {
  double changes = 0.0, magnitudes = 0.0;
  for (std::size_t t = 0; t < before.tensors.size(); ++t) {
    const NamedTensor &a = before.tensors[t], &b = after.tensors[t];
    const bool counts = std::any_of(layers.begin(), layers.end(), [&](const std::string& layer) {
      return a.name.ends_with(layer);
    });
    for (std::size_t i = 0; counts && i < a.values.size(); ++i) {
      changes += std::fabs(static_cast<double>(b.values[i]) - static_cast<double>(a.values[i]));
      magnitudes += std::fabs(static_cast<double>(a.values[i]));
    }
  }
  return changes / magnitudes;
}

void compare(const char* mixer, const std::vector<std::string>& layers, double parameters) {
  const auto point = [&](double updates) {
    return std::to_string((updates - 0.25) * 32.0 / parameters);
  };
  const ExperimentKind kind = train_language_model_kind();
  const Settings settings = {
      {"data.corpus", text("markov")},
      {"data.bytes", count(20000)},
      {"model.mixer", text(mixer)},
      {"model.width", count(16)},
      {"model.layers", count(2)},
      {"model.context", count(8)},
      {"train.batch", count(4)},
      {"train.steps", count(40)},
      {"train.learning_rate", Value(1e-2)},
      {"evaluation.bytes", count(512)},
      {"precision.switch_at", Value(0.5)},
      {"precision.switch_to", text("int4")},
      {"train.keep_weights_at", std::vector<std::string>{point(20), point(40)}}};
  Keeper keeper;
  const RunResult result = kind.run(config_of(kind, settings), 0, {}, keeper);
  ASSERT_EQ(keeper.kept.size(), 2U);
  const auto found =
      std::find_if(result.metrics.begin(), result.metrics.end(),
                   [](const Metric& metric) { return metric.name == "weight_change"; });
  ASSERT_NE(found, result.metrics.end());
  EXPECT_GT(found->value, 0.0);
  EXPECT_NEAR(found->value, change(keeper.kept.at(20), keeper.kept.at(40), layers), 1e-12) << mixer;
}

TEST(WeightChange, IsOfTheBlocksLinearLayersSinceTheNumericsSwitched) {
  compare("attention", {"attention.qkv", "attention.output", "mlp.up", "mlp.down"}, 6656);
}

TEST(WeightChange, LeavesOutWhatAMixerHasBesides) {
  const double mixer = 16 * 64 + 32 * 33 + 32 + 32 * 16;
  compare("state_space",
          {"mixer.input", "mixer.selection", "mixer.step", "mixer.output", "mlp.up", "mlp.down"},
          2 * (mixer + 3 * 16 * 48));
}

}  // namespace
}  // namespace halfulp::test
