// Training runs as wholes: they learn a source of known entropy, repeat bit for bit, and stop when
// they diverge.
#include "sim/nn/trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "formats/accumulator_spec.h"
#include "sim/nn/transformer.h"

namespace halfulp::nn {
namespace {

const Corpus& source() {
  static const Corpus corpus = make_markov(3, 8, 1 << 17, 0.1);
  return corpus;
}

TrainSpec small_spec() {
  TrainSpec spec;
  spec.model.blocks = 1;
  spec.model.width = 16;
  spec.model.heads = 2;
  spec.model.context = 16;
  spec.model.hidden = 32;
  spec.loop.schedule = {Schedule::cosine, 1e-2, 0.1, 400, 10, 0};
  spec.sequences = 16;
  spec.evaluation_bytes = 4096;
  return spec;
}

TrainResult run(const TrainSpec& spec, std::uint64_t seed = 1) {
  return train(spec, source(), seed, [](std::int64_t, double) {});
}

TEST(Trainer, ApproachesTheEntropyOfAMarkovSourceAndNeverBeatsIt) {
  const TrainResult result = run(small_spec());
  ASSERT_FALSE(result.diverged);
  // 4096 held-out bytes estimate the entropy within 5 sigma = 5 sd(-log p) / 64 < 0.08.
  EXPECT_LT(result.validation_loss, source().entropy_nats + 0.15);
  EXPECT_GT(result.validation_loss, source().entropy_nats - 0.08);
  EXPECT_NEAR(result.train_loss.front().loss, std::log(256.0), 0.1);
}

TEST(Trainer, RepeatsBitForBitAndDependsOnTheSeed) {
  TrainSpec spec = small_spec();
  spec.loop.schedule.steps = 20;
  const TrainResult first = run(spec), again = run(spec), other = run(spec, 2);
  EXPECT_EQ(first.validation_loss, again.validation_loss);
  EXPECT_EQ(first.gradient_norm.back().loss, again.gradient_norm.back().loss);
  EXPECT_NE(first.validation_loss, other.validation_loss);
}

TEST(Trainer, FormatsArePairedThroughWeightsAndBatches) {
  TrainSpec exact = small_spec(), narrow = small_spec();
  exact.loop.schedule.steps = narrow.loop.schedule.steps = 1;
  narrow.numerics.linear.fprop_weight = parse_quantizer("bfloat16");
  // The same batch through nearly the same weights: far closer than another seed's.
  const double a = run(exact).train_loss[0].loss, b = run(narrow).train_loss[0].loss;
  EXPECT_NE(a, b);
  EXPECT_NEAR(a, b, 1e-4);
  EXPECT_GT(std::fabs(a - run(exact, 2).train_loss[0].loss), 1e-4);
}

TEST(Trainer, ExactSumsTrainLikeBinary32AndNarrowOnesDoNot) {
  const auto loss_under = [](const char* text) {
    TrainSpec spec = small_spec();
    spec.loop.schedule.steps = 12;
    spec.evaluation_bytes = 256;
    const AccumulatorSpec sums = parse_accumulator(text);
    spec.numerics.high_precision = {};
    spec.numerics.linear.fprop = spec.numerics.linear.dgrad = spec.numerics.linear.wgrad = sums;
    spec.numerics.attention = {sums, sums, sums, sums, sums, sums};
    return run(spec).validation_loss;
  };
  const double plain = loss_under("binary32");
  EXPECT_NE(loss_under("exact(binary32)"), plain);
  EXPECT_NEAR(loss_under("exact(binary32)"), plain, 1e-4);
  EXPECT_GT(std::fabs(loss_under("e8m2") - plain), 1e-3);
}

TEST(Trainer, DivergenceEndsTheRunWithItsStep) {
  TrainSpec spec = small_spec();
  spec.loop.schedule.peak = 1e30;
  spec.loop.clip_norm = 0.0;
  const TrainResult overflowed = run(spec);
  EXPECT_TRUE(overflowed.diverged);
  EXPECT_LT(overflowed.steps_done, 400);
  EXPECT_NE(overflowed.reason.find("not finite at step"), std::string::npos) << overflowed.reason;
  EXPECT_TRUE(std::isnan(overflowed.validation_loss));

  spec = small_spec();
  spec.loop.stop_above = 1.0;
  const TrainResult stopped = run(spec);
  EXPECT_TRUE(stopped.diverged);
  EXPECT_EQ(stopped.steps_done, 1);
}

TEST(Trainer, EvaluatesAtTheAskedStepsAndAtTheEnd) {
  TrainSpec spec = small_spec();
  spec.loop.schedule.steps = 10;
  spec.loop.evaluate_every = 4;
  std::vector<std::int64_t> steps;
  for (const LossPoint& point : run(spec).validation) steps.push_back(point.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{0, 4, 8, 10}));
}

TEST(Trainer, KeepsTheWeightsOfTheReferenceUpdate) {
  TrainSpec spec = small_spec();
  spec.loop.schedule = {Schedule::constant, 1e-2, 0.0, 7, 0, 0};
  const std::vector<float> after_seven = run(spec).weights;
  spec.loop.schedule.steps = 12;
  EXPECT_TRUE(run(spec).reference_weights.empty());
  spec.loop.reference_update = 7;
  const TrainResult result = run(spec);
  EXPECT_EQ(result.reference_weights, after_seven);
  EXPECT_NE(result.weights, after_seven);
  spec.loop.reference_update = 0;
  EXPECT_NE(run(spec).reference_weights, after_seven);
}

TEST(Trainer, RefusesACorpusShorterThanAContext) {
  TrainSpec spec = small_spec();
  spec.model.context = 1 << 20;
  EXPECT_THROW(run(spec), DataError);
}

}  // namespace
}  // namespace halfulp::nn
