#include "experiments/harness/estimate.h"

#include <gtest/gtest.h>

namespace halfulp::harness {
namespace {

TEST(DescribeDuration, PicksItsUnits) {
  EXPECT_EQ(describe_duration(0), "0.0 s");
  EXPECT_EQ(describe_duration(0.44), "0.4 s");
  EXPECT_EQ(describe_duration(9.94), "9.9 s");
  EXPECT_EQ(describe_duration(9.96), "10 s");
  EXPECT_EQ(describe_duration(59.6), "1 min 00 s");
  EXPECT_EQ(describe_duration(200), "3 min 20 s");
  EXPECT_EQ(describe_duration(3599.7), "1 h 00 min");
  EXPECT_EQ(describe_duration(7500), "2 h 05 min");
  EXPECT_EQ(describe_duration(3 * 86400 + 4 * 3600 + 10), "3 d 4 h");
}

TEST(ScheduleSeconds, StartsEachJobOnTheFirstFreeWorker) {
  EXPECT_EQ(schedule_seconds({}, 4), 0);
  EXPECT_EQ(schedule_seconds({3, 2, 1}, 1), 6);
  EXPECT_EQ(schedule_seconds({3, 2, 1}, 2), 3);
  EXPECT_EQ(schedule_seconds({3, 2, 1}, 8), 3);
  EXPECT_EQ(schedule_seconds({1, 1}, 2, {5, 0.5}), 5);
  EXPECT_EQ(schedule_seconds({5}, 2, {5, 0.5}), 5.5);
}

TEST(EtaModel, KnowsNothingBeforeAnythingRan) {
  const EtaModel model;
  EXPECT_FALSE(model.remaining({}, {1, 2}, 2));
  EXPECT_FALSE(model.remaining({{10, 1, 0.0}}, {1, 2}, 2));
}

TEST(EtaModel, ScalesEstimatesBySpeedSeen) {
  EtaModel model;
  model.finished(10, 30);  // this machine is three times as slow as the estimates
  EXPECT_DOUBLE_EQ(*model.remaining({}, {4, 4}, 1), 24);
  EXPECT_DOUBLE_EQ(*model.remaining({}, {4, 4}, 2), 12);
  EXPECT_DOUBLE_EQ(*model.remaining({{10, 12, 0.0}}, {}, 2), 18);
}

TEST(EtaModel, RunInProgressCountsByItsFraction) {
  const EtaModel model;
  EXPECT_DOUBLE_EQ(*model.remaining({{100, 5, 0.25}}, {}, 1), 15);
  EXPECT_DOUBLE_EQ(*model.remaining({{100, 5, 0.25}}, {100}, 1), 15 + 20);
}

TEST(EtaModel, RunsOfUnequalSizeAreNotCountedAlike) {
  EtaModel model;
  model.finished(1, 1);
  EXPECT_DOUBLE_EQ(*model.remaining({}, {100, 1}, 1), 101);
}

}  // namespace
}  // namespace halfulp::harness
