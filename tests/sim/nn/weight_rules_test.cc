// Training with weights, moments and updates in bfloat16 throughout: what Collage (Yu et al. 2024)
// found, in sign and size, on a small transformer.
#include <gtest/gtest.h>

#include "sim/nn/trainer.h"

namespace halfulp::nn {
namespace {

struct Found {
  double loss, quality, pair_quality, lost;
};

double mean(const std::vector<LossPoint>& points) {
  double sum = 0.0;
  for (const LossPoint& point : points) sum += point.loss;
  return sum / static_cast<double>(points.size());
}

Found trained(const WeightSpec& weights, const char* arithmetic) {
  static const Corpus corpus = make_markov(3, 8, 1 << 17, 0.1);
  TrainSpec spec;
  spec.model.blocks = 1;
  spec.model.width = 16;
  spec.model.heads = 2;
  spec.model.context = 16;
  spec.model.hidden = 32;
  spec.sequences = 16;
  spec.evaluation_bytes = 4096;
  spec.loop.schedule = {Schedule::cosine, 3e-3, 0.1, 800, 10, 0};
  spec.loop.update_metrics_every = 10;
  spec.loop.optimizer.weights = weights;
  spec.loop.optimizer.arithmetic = parse_quantizer(arithmetic);
  const TrainResult result = train(spec, corpus, 1, [](std::int64_t, double) {});
  EXPECT_FALSE(result.diverged) << result.reason;
  return {result.validation_loss, mean(result.update_quality), mean(result.update_pair_quality),
          mean(result.lost_update_share)};
}

Found in_bfloat16(WeightRule rule) {
  return trained({std::nullopt, parse_quantizer("bfloat16"), rule}, "bfloat16");
}

TEST(WeightRulesFull, NearestLosesUpdatesAndOtherRulesKeepThem) {
  const Found exact = trained({}, "binary32");
  const Found master = trained(
      {parse_quantizer("binary32"), parse_quantizer("bfloat16"), WeightRule::nearest}, "binary32");
  const Found nearest = in_bfloat16(WeightRule::nearest);
  EXPECT_NEAR(exact.quality, 1.0, 1e-3);
  EXPECT_NEAR(master.quality, 1.0, 1e-3);
  EXPECT_LT(master.lost, 0.01);
  EXPECT_GT(nearest.lost, 0.4);
  EXPECT_LT(nearest.quality, 0.8);
  const double harm = nearest.loss - exact.loss;
  EXPECT_GT(harm, 0.01);
  for (const auto rule : {WeightRule::stochastic, WeightRule::kahan, WeightRule::collage_light,
                          WeightRule::collage_plus}) {
    const Found other = in_bfloat16(rule);
    EXPECT_NEAR(other.quality, 1.0, 0.1);
    EXPECT_NEAR(other.pair_quality, 1.0, 0.02);
    EXPECT_GT(other.lost, 0.3);  // the first numbers stand still as often as ever
    EXPECT_LT(other.loss - exact.loss, 0.5 * harm);
  }
}

}  // namespace
}  // namespace halfulp::nn
