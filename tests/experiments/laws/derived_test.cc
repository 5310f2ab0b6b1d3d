// Numeric answers against the closed forms and numbers of the papers.
#include "experiments/laws/derived.h"

#include <gtest/gtest.h>

#include <cmath>

#include "experiments/harness/diagnostics.h"
#include "experiments/laws/published.h"

namespace halfulp::laws {
namespace {

LossModel published(const std::string& name) {
  const PublishedLaw& law = published_law(name);
  return {named_law(law.law), law.constants};
}

TEST(Derived, KumarsOptimalPrecisionIsSevenBitsWithOffsetsAndHalfOfItWithout) {
  const LossModel with = published("kumar2024_training");
  for (const double budget : {1e18, 1e21, 1e24}) {
    EXPECT_NEAR(precision_optimum(with, budget, 6.0 / 16.0, {}, "w,a,kv").bits, 7.00, 0.01);
  }
  const LossModel without = published("kumar2024_training_written");
  EXPECT_NEAR(precision_optimum(without, 1e21, 6.0 / 16.0, {}, "w,a,kv").bits, 3.47, 0.01);
}

TEST(Derived, AtFixedSizeKumarsOptimalPrecisionGrowsWithTheBudget) {
  const LossModel model = published("kumar2024_training");
  double before = 0.0;
  for (const double budget : {1e15, 1e16, 1e17}) {
    const double bits = precision_optimum(model, budget, 6.0 / 16.0, 3e7, "w,a,kv").bits;
    EXPECT_GT(bits, before);
    before = bits;
  }
}

TEST(Derived, KumarsCriticalDataSizeIsTheClosedForm) {
  const LossModel model = published("kumar2024");
  const auto& c = model.constants();
  const double closed =
      std::pow(c.at("beta") * c.at("B") * std::pow(3e7, c.at("gamma_N")) *
                   std::exp(3.0 / c.at("gamma_post") - c.at("b")) / (c.at("gamma_D") * c.at("C_T")),
               1.0 / (c.at("gamma_D") + c.at("beta")));
  EXPECT_NEAR(closed, 5.3e9, 0.05e9);
  EXPECT_NEAR(*critical_data(model, {{"N", 3e7}, {"P_post", 3.0}}) / closed, 1.0, 1e-5);
  EXPECT_FALSE(critical_data(model, {{"N", 3e7}}).has_value());
}

TEST(Derived, SunsCriticalDataSizesAreThoseOfThePaper) {
  const LossModel model = published("sun2025");
  const auto at = [&](double e, double m) {
    return *critical_data(model, {{"N", 1e9}, {"E", e}, {"M", m}, {"log2B", 7.0}});
  };
  EXPECT_NEAR(at(8, 7) / 1730e12, 1.0, 0.01);
  EXPECT_NEAR(at(4, 3) / 27.3e12, 1.0, 0.01);
  EXPECT_NEAR(at(2, 1) / 0.393e12, 1.0, 0.01);
}

TEST(Derived, SunsBestSplitsAreE2M1E4M3E8M7) {
  const LossModel model = published("sun2025_gap");
  const std::map<std::string, double> at = {{"N", 1e9}, {"D", 1e11}, {"log2B", 7.0}};
  EXPECT_EQ(exponent_splits(model, 4, at).front().exponent_bits, 2.0);
  EXPECT_EQ(exponent_splits(model, 8, at).front().exponent_bits, 4.0);
  EXPECT_EQ(exponent_splits(model, 16, at).front().exponent_bits, 8.0);
  const double closed = 3.1926 * 8.0 / (3.1926 + 2.9543) - 0.5;
  EXPECT_NEAR(best_split(model, 8.0, at).exponent_bits, closed, 1e-6);
}

TEST(Derived, ChinchillaOptimumIsTheClosedForm) {
  const LossModel model = published("besiroglu2024");
  const auto& c = model.constants();
  const double alpha = c.at("alpha"), beta = c.at("beta");
  const double g = std::pow(alpha * c.at("A") / (beta * c.at("B")), 1.0 / (alpha + beta));
  const double n = g * std::pow(5.88e23 / 6.0, beta / (alpha + beta));
  const ComputeOptimum optimum = compute_optimum(model, 5.88e23, 6.0, {});
  EXPECT_NEAR(optimum.N / n, 1.0, 1e-6);
  EXPECT_NEAR(optimum.D / optimum.N, 18.0, 0.5);  // 17.9 for the refit of the same points
}

TEST(Derived, EffectiveShareIsTheProductOfKumarsShares) {
  const LossModel model = published("kumar2024_training");
  EXPECT_NEAR(effective_share(model, 1e8, 1e10, 4.0, "w,a,kv"), 0.191, 0.0005);
  EXPECT_NEAR(effective_share(model, 1e8, 1e10, 8.0, "w,a,kv"), 0.828, 0.0005);
  EXPECT_NEAR(effective_share(model, 1e8, 1e10, 4.0, "w"), 0.696, 0.0005);
  EXPECT_TRUE(std::isnan(effective_share(model, 1e8, 1e10, 3.0, "a")));  // a share below 0
}

TEST(Derived, DataForALossGivesThatLoss) {
  const LossModel model = published("besiroglu2024");
  const auto data = data_for_loss(model, 2.5, {{"N", 1e9}});
  ASSERT_TRUE(data.has_value());
  EXPECT_NEAR(model({{"N", 1e9}, {"D", *data}}), 2.5, 1e-9);
  EXPECT_FALSE(data_for_loss(model, 1.9, {{"N", 1e9}}).has_value());
}

TEST(Derived, MissingConstantsAndVariablesAreErrors) {
  EXPECT_THROW(LossModel(named_law("chinchilla"), {{"A", 1.0}}), harness::ConfigError);
  auto constants = published_law("besiroglu2024").constants;
  constants["gamma"] = 1.0;
  EXPECT_THROW(LossModel(named_law("chinchilla"), constants), harness::ConfigError);
  EXPECT_THROW(published("besiroglu2024")({{"N", 1e9}}), harness::ConfigError);
}

}  // namespace
}  // namespace halfulp::laws
