// The method: known truth, bits for any number of threads, traps, warnings, profiles.
#include "experiments/laws/fit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "experiments/harness/diagnostics.h"
#include "tests/experiments/laws/published_fits.h"

namespace halfulp::laws {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// Losses of a known law on a grid, with relative deviations of about `noise`.
Table made_table(double noise) {
  std::string text = "N,D,P_w,pair,loss,status\n";
  int row = 0;
  for (const double n : {1e5, 3e5, 1e6, 3e6}) {
    for (const double ratio : {20.0, 60.0, 180.0}) {
      for (const double bits : {3.0, 4.0, 6.0, 16.0}) {
        const double size = n * (1.0 - std::exp(-bits / 2.0));
        const double loss = 1.5 + 400.0 * std::pow(size, -0.4) + 900.0 * std::pow(n * ratio, -0.35);
        const double factor = 1.0 + noise * std::sin(1.7 * row + 3.0 * std::sin(0.9 * row));
        text += fmt::format("{},{},{},{},{},done\n", n, n * ratio, bits, row / 4, loss * factor);
        ++row;
      }
    }
  }
  return parse_csv(text, "made.csv");
}

TEST(Fit, RecoversALawFromExactLosses) {
  const Problem problem(made_table(0.0), spec_of("kumar_training_written", 1e-3));
  const auto values = named_values(problem, fit(problem, 40).best.theta);
  EXPECT_NEAR(values.at("gamma_w"), 2.0, 1e-5);
  EXPECT_NEAR(values.at("A"), 400.0, 1e-2);
  EXPECT_NEAR(values.at("B"), 900.0, 1e-2);
  EXPECT_NEAR(values.at("E"), 1.5, 1e-5);
}

TEST(Fit, SameBitsForAnyNumberOfThreads) {
  const Problem problem(made_table(0.002), spec_of("kumar_training_written", 1e-3));
  FitOptions options;
  options.starts = 30;
  options.bootstrap = 12;
  const FitResult one = run_fit(problem, options, {});
  options.jobs = 3;
  const FitResult three = run_fit(problem, options, {});
  EXPECT_EQ(one.fit.best.theta, three.fit.best.theta);
  EXPECT_EQ(one.replicates, three.replicates);
  options.seed = 1;
  EXPECT_NE(run_fit(problem, options, {}).replicates, one.replicates);
}

TEST(Fit, BootstrapCoversTheTruthAndKeepsPairsTogether) {
  ProblemSpec spec = spec_of("kumar_training_written", 1e-3);
  const Problem single(made_table(0.002), spec);
  EXPECT_EQ(single.groups(), 48U);
  spec.group = "pair";
  const Problem problem(made_table(0.002), spec);
  EXPECT_EQ(problem.groups(), 12U);
  FitOptions options;
  options.starts = 30;
  options.bootstrap = 60;
  for (const ParameterEstimate& p : run_fit(problem, options, {}).parameters) {
    if (p.name != "gamma_w") continue;
    EXPECT_LT(p.interval.low, 2.0);
    EXPECT_GT(p.interval.high, 2.0);
    EXPECT_LT(p.interval.high - p.interval.low, 0.5);
  }
}

TEST(Fit, ACategoryThatAReplicateLacksHasNoValueThere) {
  Table table = made_table(0.002);
  define_columns(table, parse_definitions("rare=(N == 1e5 && P_w == 3 && D == 2e6)", "columns"));
  ProblemSpec spec = spec_of("quest", 1e-3);
  spec.by["eff"] = "rare";
  spec.fixed["eff[0]"] = 1.0;
  const Problem problem(table, spec);
  FitOptions options;
  options.bootstrap = 30;
  const auto replicates = bootstrap(problem, fit(problem, 10), options);
  std::size_t missing = 0;
  for (const auto& replicate : replicates) missing += std::isnan(replicate.back()) ? 1 : 0;
  EXPECT_GT(missing, 3U);  // one row of 48 is left out of a share 1/e of replicates
  EXPECT_LT(missing, 25U);
}

TEST(Fit, TheMeanReducedLossStopsWhereHoffmannStarted) {
  // The trap of reference_refits.json: with an averaged loss L-BFGS ends at once.
  const Problem problem(chinchilla_table(), spec_of("chinchilla", 1e-3));
  const std::vector<double> start = {std::log(406.4), 0.3392, std::log(410.7), 0.2849,
                                     std::log(1.693)};
  const std::vector<double> weights(problem.rows(), 1.0);
  const Minimum mean = minimize_mean(problem, weights, start);
  EXPECT_LE(mean.iterations, 10);
  EXPECT_GT(mean.objective, 1.01 * 0.0010182740);
  const auto values = named_values(problem, mean.theta);
  EXPECT_NEAR(values.at("A"), 406.4, 4.0);
  EXPECT_NEAR(values.at("B"), 410.7, 4.0);
  EXPECT_NEAR(values.at("beta"), 0.2847, 0.003);
  EXPECT_NEAR(minimize(problem, weights, start).objective / 0.0010182740, 1.0, 1e-6);
}

TEST(Fit, ASingleStartMayEndElsewhere) {
  const Problem problem(chinchilla_table(), spec_of("chinchilla", 1e-3));
  const MultiStart many = fit(problem, 40);
  EXPECT_NEAR(many.best.objective / 0.0010182740, 1.0, 1e-6);
  std::size_t elsewhere = 0;
  for (const StartResult& start : many.starts) {
    elsewhere += start.objective > 2.0 * many.best.objective ? 1 : 0;
  }
  EXPECT_GE(elsewhere, 5U);  // a fit from one of these alone is wrong
  EXPECT_GE(many.reached, 5U);
}

TEST(Fit, WarnsOfWhatTheDataDoNotSay) {
  FitOptions options;
  options.starts = 20;
  options.bootstrap = 0;
  ProblemSpec quest = spec_of("quest", kSquares);
  quest.by["eff"] = "kind";
  quest.fixed["eff[16]"] = 1.0;
  const FitResult result = run_fit(Problem(quest_table(""), quest), options, {"E"});
  EXPECT_THAT(result.warnings, Contains(HasSubstr("E is at a bound")));
  ASSERT_EQ(result.profiles.size(), 1U);
  EXPECT_TRUE(result.profiles[0].open_below);
  options.mean_reduced = true;
  const Problem chinchilla(chinchilla_table(), spec_of("chinchilla", 1e-3));
  EXPECT_THAT(run_fit(chinchilla, options, {}).warnings, Contains(HasSubstr("--reduction mean")));
  options.mean_reduced = false;
  const Problem wide(chinchilla_table(), spec_of("chinchilla", 1.0));
  EXPECT_THAT(run_fit(wide, options, {}).warnings, Contains(HasSubstr("least squares")));
}

TEST(Fit, ProfilesCrossTheChiSquaredLimit) {
  const Problem problem(chinchilla_table(), spec_of("chinchilla", 1e-3));
  const MultiStart found = fit(problem, 20);
  const Profile e = profile(problem, found, 4);
  EXPECT_EQ(e.name, "E");
  EXPECT_FALSE(e.open_below);
  EXPECT_FALSE(e.open_above);
  EXPECT_LT(e.interval.low, 1.81722);
  EXPECT_GT(e.interval.high, 1.81722);
  for (const ProfilePoint& point : e.points) EXPECT_GE(point.deviance, -1e-6);
}

TEST(Fit, TheLikelihoodOfSquaresIsTheNormalOne) {
  const double expected = 50.0 * (std::log(2.0 * M_PI * 2.0 * 0.003 / 50.0) + 1.0);
  EXPECT_NEAR(minus_two_log_likelihood(0.003, kSquares, 50), expected, 1e-6);
}

TEST(Fit, DivergedRowsAreListedOrCountAsLimits) {
  Table table = made_table(0.0);
  TableColumn& loss = table.columns[4];
  loss.numbers[3] = std::numeric_limits<double>::quiet_NaN();
  table.columns[5].texts[7] = "diverged";
  ProblemSpec spec = spec_of("kumar_training_written", 1e-3);
  const Problem listed(table, spec);
  EXPECT_EQ(listed.rows(), 46U);
  ASSERT_EQ(listed.excluded().size(), 2U);
  EXPECT_EQ(listed.excluded()[0].row, "line 5");
  spec.censor = 2.0;  // below what the law predicts there: no pull
  const Problem limited(table, spec);
  EXPECT_EQ(limited.rows(), 48U);
  const auto theta = fit(listed, 30).best.theta;
  EXPECT_EQ(limited.residual(3, theta), 0.0);
  spec.censor = 1e6;
  EXPECT_LT(Problem(table, spec).residual(3, theta), -1.0);
}

TEST(Fit, LeavesTheLargestOut) {
  const Problem problem(made_table(0.001), spec_of("kumar_training_written", 1e-3));
  FitOptions options;
  const MultiStart found = fit(problem, 30);
  const auto largest = leave_largest_out(problem, "N", found, options);
  ASSERT_EQ(largest.size(), 1U);
  EXPECT_EQ(largest[0].what, "N >= 3000000");
  EXPECT_EQ(largest[0].rows, 12U);
  EXPECT_LT(largest[0].rms_log_error, 0.01);
  EXPECT_GT(largest[0].rms_log_error, 0.0);
  EXPECT_TRUE(leave_largest_out(problem, "S", found, options).empty());
  const HeldOut folds = cross_validate(problem, 4, found, options);
  EXPECT_EQ(folds.rows, 48U);
  EXPECT_LT(folds.rms_log_error, 0.004);
}

TEST(Fit, MistakesNameThePlace) {
  const Table table = made_table(0.0);
  const auto complaint = [&](const std::function<void(ProblemSpec&)>& change) {
    ProblemSpec spec = spec_of("kumar_training_written", 1e-3);
    change(spec);
    try {
      const Problem problem(table, spec);
    } catch (const harness::ConfigError& error) {
      return error.lines().front();
    }
    return std::string("no complaint");
  };
  EXPECT_THAT(complaint([](auto& s) { s.fixed["gama_w"] = 1; }), HasSubstr("'gamma_w'"));
  EXPECT_THAT(complaint([](auto& s) { s.fixed["gamma_w"] = -1; }), HasSubstr("positive"));
  EXPECT_THAT(complaint([](auto& s) { s.by["A"] = "form"; }), HasSubstr("no column 'form'"));
  EXPECT_THAT(complaint([](auto& s) { s.target = "los"; }), HasSubstr("did you mean 'loss'"));
  EXPECT_THAT(complaint([](auto& s) { s.by["A"] = "loss"; }), HasSubstr("too few"));
  EXPECT_THAT(complaint([](auto& s) { s.bounds["alpha"] = {2.0, 1.0}; }), HasSubstr("low < high"));
  EXPECT_THAT(complaint([](auto& s) { s.law = named_law("sun"); }), HasSubstr("no column 'E'"));
}

TEST(FitFull, BootstrapErrorsOfChinchillaAreThoseOfTheReference) {
  const Problem problem(chinchilla_table(), spec_of("chinchilla", 1e-3));
  FitOptions options;
  options.starts = 200;
  options.jobs = 2;
  const FitResult result = run_fit(problem, options, {});
  const std::map<std::string, double> reference = {
      {"A", 115.8}, {"B", 1427.0}, {"E", .0261}, {"alpha", .0147}, {"beta", .0208}};
  for (const ParameterEstimate& p : result.parameters) {
    EXPECT_NEAR(p.error / reference.at(p.name), 1.0, 0.15) << p.name;
  }
}

}  // namespace
}  // namespace halfulp::laws
