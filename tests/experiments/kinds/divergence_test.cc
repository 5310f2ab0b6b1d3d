// Statistics of outputs that part, on hand-made outputs.
#include "experiments/kinds/divergence.h"

#include <gmock/gmock.h>

#include <cmath>
#include <string>
#include <vector>

namespace halfulp {
namespace {

using ::testing::ElementsAre;

DecodedText text(const std::string& bytes, std::vector<double> probability) {
  return {{bytes.begin(), bytes.end()}, std::move(probability)};
}

TEST(Divergence, OfHandMadeOutputs) {
  // Two prompts of four tokens under three configurations.
  const std::vector<DecodedText> outputs = {
      text("abc.xy.z", {.5, .5, .5, .5, .9, .8, .7, .6}),
      text("abd.xy.z", {.5, .8, .1, .1, .9, .8, .7, .6}),
      text("ab..xy.z", {.5, .5, .2, .2, .9, .8, .7, .6}),
  };
  const DivergenceStatistics found = divergence_statistics(outputs, 4, '.');
  EXPECT_THAT(found.first_difference, ElementsAre(2, 4));
  EXPECT_EQ(found.diverged_share, 0.5);
  EXPECT_EQ(found.pair_share, 0.5);  // 3 of 6
  // Three tokens of the first prompt, the last of which parts, and four of the second.
  EXPECT_DOUBLE_EQ(found.rate, 1.0 / 7.0);
  // Tokens 0 and 1 of the first prompt, 0 to 3 of the second; only one has a deviation:
  // of .5 .8 .5, sqrt(2) / 10.
  EXPECT_NEAR(found.probability_std, std::sqrt(2.0) / 10.0 / 6.0, 1e-15);
  // Lengths 4, 4, 3 and 3, 3, 3.
  EXPECT_NEAR(found.length_std, std::sqrt(2.0) / 3.0 / 2.0, 1e-15);
  EXPECT_TRUE(std::isnan(divergence_statistics(outputs, 4, -1).length_std));
}

TEST(Divergence, EqualOutputsNeverPart) {
  const std::vector<DecodedText> outputs(3, text("abcd", {.1, .2, .3, .4}));
  const DivergenceStatistics found = divergence_statistics(outputs, 2, '.');
  EXPECT_THAT(found.first_difference, ElementsAre(2, 2));
  EXPECT_EQ(found.diverged_share, 0.0);
  EXPECT_EQ(found.pair_share, 0.0);
  EXPECT_EQ(found.rate, 0.0);
  EXPECT_EQ(found.probability_std, 0.0);
  EXPECT_EQ(found.length_std, 0.0);
}

TEST(Divergence, AtTheFirstTokenLeavesNothingToCompare) {
  const DivergenceStatistics found =
      divergence_statistics(std::vector{text("a", {.5}), text("b", {.6})}, 1, -1);
  EXPECT_EQ(found.diverged_share, 1.0);
  EXPECT_EQ(found.rate, 1.0);
  EXPECT_TRUE(std::isnan(found.probability_std));
}

TEST(Divergence, QuantilesInterpolate) {
  EXPECT_EQ(quantile({4, 1, 2}, 0.5), 2.0);
  EXPECT_EQ(quantile({4, 1, 2, 3}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({0, 10}, 0.9), 9.0);
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
}

}  // namespace
}  // namespace halfulp
