#include "sim/nn/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace halfulp::nn {
namespace {

TEST(Schedule, WarmupRisesLinearlyToThePeak) {
  const ScheduleConfig config = {Schedule::constant, 0.8, 0.1, 100, 10, 0};
  EXPECT_DOUBLE_EQ(learning_rate(config, 0), 0.08);
  EXPECT_DOUBLE_EQ(learning_rate(config, 9), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate(config, 99), 0.8);
}

TEST(Schedule, CosineEndsAtItsRatioAndPassesTheMiddle) {
  const ScheduleConfig config = {Schedule::cosine, 1.0, 0.2, 101, 0, 0};
  EXPECT_NEAR(learning_rate(config, 0), 1.0, 1e-15);
  EXPECT_NEAR(learning_rate(config, 50), 0.6, 1e-15);
  EXPECT_NEAR(learning_rate(config, 100), 0.2, 1e-15);
}

TEST(Schedule, StableDecayHoldsThenFallsLinearly) {
  const ScheduleConfig config = {Schedule::warmup_stable_decay, 1.0, 0.0, 101, 5, 20};
  EXPECT_DOUBLE_EQ(learning_rate(config, 80), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 90), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 100), 0.0);
}

TEST(Schedule, OneStepRunsWork) {
  for (const auto kind : {Schedule::constant, Schedule::cosine, Schedule::warmup_stable_decay}) {
    EXPECT_DOUBLE_EQ(learning_rate({kind, 0.5, 0.1, 1, 0, 0}, 0), 0.5);
  }
}

}  // namespace
}  // namespace halfulp::nn
