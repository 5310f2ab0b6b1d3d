// Outliers and errors of activations, on numbers that are worked out by hand.
#include "experiments/kinds/hidden_states.h"

#include <gtest/gtest.h>

namespace halfulp {
namespace {

using Role = nn::LinearOperand::Role;

void show(HiddenStates& states, const std::string& layer, const std::vector<float>& values,
          std::size_t cols, Role role = Role::input) {
  states.observer()({layer, role, {values.data(), values.size() / cols, cols, cols}});
}

TEST(HiddenStates, OutliersAreMeansOverPositionsAndLayers) {
  HiddenStates states(3);
  // Fourth moments 1 and (1 + 16) / 2 over squared second ones 1 and ((1 + 4) / 2)^2.
  show(states, "blocks.0.mlp.up", {1, -1, 1, -1, 1, 1, -1, 1}, 4);
  show(states, "blocks.0.mlp.down", {1, 2, -2, 1}, 2);
  EXPECT_DOUBLE_EQ(states.outliers().kurtosis, (1.0 + 8.5 / 6.25) / 2);
  EXPECT_DOUBLE_EQ(states.outliers().max_to_median, 1.0);  // the upper median of two
  // A third position: 8 over the median 2; the fourth is beyond what was asked for.
  HiddenStates wide(3);
  show(wide, "a", {1, 1, 1, 1, 1, 1}, 3);
  show(wide, "a", {-8, 2, 1, 100, 1, 1}, 3);
  EXPECT_DOUBLE_EQ(wide.outliers().max_to_median, (1.0 + 1.0 + 4.0) / 3);
  EXPECT_DOUBLE_EQ(wide.outliers().kurtosis,
                   (7 + 4096 + 16) / 9.0 / ((7 + 64 + 4) / 9.0) / (75 / 9.0));
}

TEST(HiddenStates, OnlyInputsCountAndAPositionOfZerosHasNoOutlier) {
  HiddenStates states(8);
  show(states, "a", {9, 1, 1}, 3, Role::weight);
  show(states, "a", {9, 1, 1}, 3, Role::grad_output);
  show(states, "a", {0, 0, 0, 3, 1, 1}, 3);
  EXPECT_DOUBLE_EQ(states.outliers().max_to_median, 1.5);
}

TEST(HiddenStates, TheLastStateIsTheHeadsInput) {
  HiddenStates states(3);
  show(states, "blocks.0.mlp.up", {7, 7}, 2);
  show(states, "head", {1, 2, 3, 4}, 2);
  show(states, "head", {5, 6, 7, 8}, 2);
  EXPECT_EQ(states.last(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_DOUBLE_EQ(hidden_error({3, 4}, {3, 4}), 0.0);
  EXPECT_DOUBLE_EQ(hidden_error({3, 4}, {3, 3}), 1.0 / 25);
}

}  // namespace
}  // namespace halfulp
