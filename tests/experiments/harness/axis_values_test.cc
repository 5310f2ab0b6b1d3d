#include "experiments/harness/axis_values.h"

#include <gmock/gmock.h>

#include <cmath>

namespace halfulp::harness {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// The values of `text` ("{ start = ... }") as TOML.
std::vector<std::string> range(const std::string& text) {
  Diagnostics diagnostics;
  const auto document = parse_toml("x = " + text, "f", diagnostics);
  std::vector<std::string> out;
  for (const TomlNode& node : range_values("x", document->entries.at(0).value, diagnostics)) {
    out.push_back(to_toml(node));
  }
  EXPECT_THAT(diagnostics.lines(), IsEmpty());
  return out;
}

std::vector<TomlNode> draws(const std::string& text, int n, std::uint64_t seed = 0) {
  Diagnostics diagnostics;
  const auto document = parse_toml("x = " + text, "f", diagnostics);
  auto out = random_values("x", document->entries.at(0).value, n, seed, diagnostics);
  EXPECT_THAT(diagnostics.lines(), IsEmpty());
  return out;
}

TEST(RangeValues, LinearByCountIncludesBothEnds) {
  EXPECT_THAT(range("{ start = 0, stop = 1, num = 5 }"),
              ElementsAre("0", "0.25", "0.5", "0.75", "1"));
  EXPECT_THAT(range("{ start = 4, stop = 1, num = 4 }"), ElementsAre("4", "3", "2", "1"));
  EXPECT_THAT(range("{ start = 7, stop = 9, num = 1 }"), ElementsAre("7"));
}

TEST(RangeValues, LinearByStepStopsAtOrBeforeTheEnd) {
  EXPECT_THAT(range("{ start = 0, stop = 0.3, step = 0.1 }"),
              ElementsAre("0", "0.1", "0.2", "0.3"));
  EXPECT_THAT(range("{ start = 1, stop = 6, step = 2 }"), ElementsAre("1", "3", "5"));
  EXPECT_THAT(range("{ start = 3, stop = 1, step = -1 }"), ElementsAre("3", "2", "1"));
}

TEST(RangeValues, LogarithmicKeepsEndsAndRoundPowers) {
  EXPECT_THAT(range("{ logspace = [1e-4, 1e-1, 4] }"),
              ElementsAre("0.0001", "0.001", "0.01", "0.1"));
  EXPECT_THAT(range("{ logspace = [1, 1000, 4] }"), ElementsAre("1", "10", "100", "1000"));
  EXPECT_THAT(range("{ logspace = [2, 3, 3] }"), ElementsAre("2", "2.44948974278", "3"));
}

TEST(RangeValues, PowersOfTwo) {
  EXPECT_THAT(range("{ pow2 = [3, 6] }"), ElementsAre("8", "16", "32", "64"));
  EXPECT_THAT(range("{ pow2 = [-2, 0] }"), ElementsAre("0.25", "0.5", "1"));
  EXPECT_THAT(range("{ pow2 = [60, 60] }"), ElementsAre("1152921504606846976"));
}

TEST(RandomValues, StayInTheirRangeAndFillIt) {
  double least = 1, most = 0;
  for (const TomlNode& node : draws("{ uniform = [0.25, 0.75] }", 2000)) {
    ASSERT_EQ(node.type, TomlType::real);
    least = std::min(least, node.real);
    most = std::max(most, node.real);
  }
  // 2000 draws miss a hundredth of the range with probability 0.99^2000 < 2e-9.
  EXPECT_GE(least, 0.25);
  EXPECT_LT(least, 0.255);
  EXPECT_LE(most, 0.75);
  EXPECT_GT(most, 0.745);
}

TEST(RandomValues, LogUniformHasItsMedianAtTheGeometricMean) {
  int below = 0;
  for (const TomlNode& node : draws("{ log_uniform = [1e-6, 1e-2] }", 10000)) {
    below += node.real < 1e-4 ? 1 : 0;
  }
  EXPECT_NEAR(below, 5000, 250);  // five standard deviations of a fair coin
}

TEST(RandomValues, IntegersIncludeBothEndsEvenly) {
  std::vector<int> counts(4);
  for (const TomlNode& node : draws("{ integer = [-1, 2] }", 10000)) {
    ++counts.at(static_cast<std::size_t>(node.integer + 1));
  }
  for (const int count : counts) {
    EXPECT_NEAR(count, 2500, 217);  // five standard deviations: sqrt(10000 x 1/4 x 3/4) = 43.3
  }
}

TEST(RandomValues, KeysAreIndependent) {
  Diagnostics diagnostics;
  const auto document = parse_toml("x = { uniform = [0, 1] }", "f", diagnostics);
  const TomlNode& distribution = document->entries.at(0).value;
  const auto a = random_values("a", distribution, 1000, 0, diagnostics);
  const auto b = random_values("b", distribution, 1000, 0, diagnostics);
  double covariance = 0.0;
  for (std::size_t i = 0; i < 1000; ++i) {
    covariance += (a[i].real - 0.5) * (b[i].real - 0.5) / 1000;
  }
  EXPECT_NEAR(covariance, 0.0, 5 * (1.0 / 12) / 31.6);  // five standard deviations
}

TEST(RandomValues, ChoiceKeepsTheItems) {
  for (const TomlNode& node : draws("{ choice = [\"a\", 3] }", 20)) {
    EXPECT_TRUE(to_toml(node) == "\"a\"" || to_toml(node) == "3");
  }
}

TEST(RandomValues, AreRoundedToSixDigits) {
  for (const TomlNode& node : draws("{ uniform = [0, 1] }", 100)) {
    const double scaled = node.real * std::pow(10.0, 5 - std::floor(std::log10(node.real)));
    EXPECT_NEAR(scaled, std::round(scaled), 1e-6) << node.real;
  }
}

}  // namespace
}  // namespace halfulp::harness
