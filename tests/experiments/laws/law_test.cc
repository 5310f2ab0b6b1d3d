// Exact derivatives against central differences, and formulas against named laws.
#include "experiments/laws/law.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "experiments/harness/diagnostics.h"
#include "experiments/laws/dual.h"

namespace halfulp::laws {
namespace {

/// A value of every variable at which each law is defined.
double ordinary(const std::string& variable, std::mt19937& random) {
  const auto between = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(random()) / 4294967296.0;
  };
  if (variable == "N") return std::exp(between(11.0, 20.0));
  if (variable == "D" || variable == "S") return std::exp(between(15.0, 24.0));
  if (variable == "P_post") return between(2.0, 5.0);
  if (variable.starts_with("P_")) return between(6.0, 12.0);
  if (variable.starts_with("r")) return between(0.01, 0.9);
  return between(2.0, 12.0);
}

double ordinary_internal(const Parameter& parameter, std::mt19937& random) {
  const double share = static_cast<double>(random()) / 4294967296.0;
  const double start = parameter.starts[random() % parameter.starts.size()];
  return to_internal(parameter, start) + (parameter.positive ? 0.2 : 0.1) * share;
}

void check_gradient(const Law& law, const Row& row, const std::vector<double>& internal,
                    const std::string& what) {
  const std::size_t count = internal.size();
  std::vector<double> gradient(count);
  const double value = law.log_value(row, internal.data(), gradient.data());
  const double plain = law.log_value(row, internal.data());
  if (std::isnan(plain)) {
    EXPECT_TRUE(std::isnan(value)) << what;
    return;
  }
  EXPECT_NEAR(value, plain, 1e-12 * (1.0 + std::abs(value))) << what;
  for (std::size_t i = 0; i < count; ++i) {
    const double step = 1e-5;
    std::vector<double> up = internal, down = internal;
    up[i] += step;
    down[i] -= step;
    const double slope =
        (law.log_value(row, up.data()) - law.log_value(row, down.data())) / (2.0 * step);
    if (std::isnan(slope)) continue;
    EXPECT_NEAR(gradient[i], slope, 2e-5 * (1.0 + std::abs(slope)) + 1e-9 * std::abs(value))
        << what << " by " << law.info().parameters[i].name;
  }
}

TEST(Laws, GradientsAreThoseOfTheValues) {
  std::mt19937 random(7);
  auto names = law_names();
  names.push_back("data_mixing(5)");
  Curve curve;
  for (int k = 0; k < 12; ++k) {
    curve.rate.push_back(3e-4 * (k < 6 ? 1.0 : 1.0 / (k - 4)));
    curve.rate_sum.push_back(0.3 * (k + 1));
  }
  for (const std::string& name : names) {
    const auto law = named_law(name);
    int defined = 0;
    for (int trial = 0; trial < 50; ++trial) {
      std::vector<double> values, logs, internal;
      for (const Variable& variable : law->info().variables) {
        values.push_back(ordinary(variable.name, random));
        logs.push_back(std::log(values.back()));
      }
      for (const Parameter& parameter : law->info().parameters) {
        internal.push_back(ordinary_internal(parameter, random));
      }
      const Row row = {values.data(), logs.data(), &curve, 11};
      defined += std::isfinite(law->log_value(row, internal.data())) ? 1 : 0;
      check_gradient(*law, row, internal, name);
    }
    EXPECT_GT(defined, 10) << name;
  }
}

TEST(Laws, AFormulaIsTheNamedLaw) {
  const auto named = named_law("quartet");
  const auto formula =
      expression_law("E + (A/(N*eff_N)^alpha + B/(D*eff_D)^beta)^gamma", {"N", "D", "loss"}, {});
  const std::map<std::string, double> at = {{"N", 3e7}, {"D", 1e9}};
  const std::map<std::string, double> constants = {{"A", 1.3e5},   {"alpha", 0.58}, {"B", 4.7e5},
                                                   {"beta", 0.54}, {"gamma", 0.28}, {"E", 1.34},
                                                   {"eff_N", 0.6}, {"eff_D", 0.9}};
  EXPECT_NEAR(evaluate_law(*named, at, constants), evaluate_law(*formula, at, constants), 1e-12);
}

TEST(Laws, FormulasWithEveryFunctionHaveExactGradients) {
  const auto law = expression_law(
      "abs(min(a*x, b) + max(sqrt(c)/x, log(2 + d)) - pow(x, p)*exp(-q*x) + log2(e + 1) - log10(x))"
      " + x^2 + s^2 - -1",
      {"x"}, {"s"});
  std::mt19937 random(3);
  for (int trial = 0; trial < 100; ++trial) {
    const double x = ordinary("P_w", random);
    const double log_x = std::log(x);
    std::vector<double> internal;
    for (const Parameter& parameter : law->info().parameters) {
      internal.push_back(parameter.positive ? 0.3 * ordinary("E", random) - 1.5 : 0.7);
    }
    check_gradient(*law, {&x, &log_x, nullptr, 0}, internal, "formula");
  }
}

TEST(Laws, LogSumExpTakesWhatWouldOverflow) {
  EXPECT_NEAR((log_sum_exp<double, 2>({2000.0, 2000.0})), 2000.0 + std::log(2.0), 1e-12);
  EXPECT_EQ((log_sum_exp<double, 2>({1.5, -std::numeric_limits<double>::infinity()})), 1.5);
  EXPECT_NEAR((log_sum_exp<double, 3>({-3000.0, 0.0, -3000.0})), 0.0, 1e-300);
}

TEST(Laws, FormulasWithoutParametersOrWithComparisonsAreErrors) {
  EXPECT_THROW(expression_law("N + D", {"N", "D"}, {}), harness::ConfigError);
  EXPECT_THROW(expression_law("A*(N < 3)", {"N"}, {}), harness::ConfigError);
  EXPECT_THROW(expression_law("A/N", {"N"}, {"b"}), harness::ConfigError);
}

}  // namespace
}  // namespace halfulp::laws
