// The fit of a law: many starts, polished optimum, bootstrap, held-out error, model choice.
// docs/LAWS.md describes the protocol and why it is so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/laws/minimize.h"
#include "experiments/laws/problem.h"

namespace halfulp::laws {

struct FitOptions {
  std::size_t starts = 5000;  ///< at most so many points of the grid of starts
  std::size_t bootstrap = 1000;
  bool mean_reduced = false;  ///< only to show how it fails
  std::uint64_t seed = 0;
  int jobs = 1;
};

/// What one start came to.
struct StartResult {
  std::vector<double> start;
  double objective = 0.0;
};

struct MultiStart {
  Minimum best;
  double grid_points = 0.0;  ///< of the full grid
  std::vector<StartResult> starts;
  std::size_t reached = 0;  ///< starts within 1e-6 (relative) of the best objective
};

/// Minimizes from the grid of starts (or a sample of `options.starts` of its points) and polishes
/// the ten best. Equal bits for any number of jobs.
MultiStart fit_from_grid(const Problem& problem, const std::vector<double>& weights,
                         const FitOptions& options);

/// Slots in natural values, one row for each replicate; groups of rows are drawn with replacement
/// and each replicate is refitted from the optimum and from three starts of the grid.
std::vector<std::vector<double>> bootstrap(const Problem& problem, const MultiStart& fit,
                                           const FitOptions& options);

struct Interval {
  double low = 0.0, high = 0.0;
};

/// The quantiles (1 - share)/2 and (1 + share)/2 of the finite values, interpolated.
Interval quantile_interval(std::vector<double> values, double share);

/// Of the finite values.
double standard_deviation(const std::vector<double>& values);

/// How well a law predicts rows that it was not fitted to.
struct HeldOut {
  std::string what;  ///< "N >= 203188480", "5 folds"
  std::size_t rows = 0;
  double rms_log_error = 0.0;
  double mean_relative_error = 0.0;  ///< of |prediction / target - 1|
  double mean_bias = 0.0;            ///< mean of ln(prediction / target)
};

/// ln(prediction / target) of rows by fits that did not see them; NaN for rows not predicted so.
struct HeldOutRows {
  std::string what;
  std::vector<double> errors;
};

/// Weight 0 for the largest values of `variable` (its highest decile, at least the largest value),
/// 1 for the other rows, and how that reads; nothing when the law has no such variable.
struct LargestRows {
  std::string what;
  std::vector<double> weights;
};

std::optional<LargestRows> largest_rows(const Problem& problem, const std::string& variable);

/// Predicts the rows without weight by the fit to the others. Nothing when that leaves too few rows
/// on either side.
std::optional<HeldOutRows> predict_largest(const Problem& problem, const LargestRows& largest,
                                           const MultiStart& fit, const FitOptions& options);

/// Cross-validation over groups of rows: each is predicted by the fit to the other folds.
HeldOutRows predict_folds(const Problem& problem, std::size_t folds, const MultiStart& fit,
                          const FitOptions& options);

/// Without the largest_rows() of `variable`, in few numbers; empty or one.
std::vector<HeldOut> leave_largest_out(const Problem& problem, const std::string& variable,
                                       const MultiStart& fit, const FitOptions& options);

/// predict_folds() in few numbers.
HeldOut cross_validate(const Problem& problem, std::size_t folds, const MultiStart& fit,
                       const FitOptions& options);

/// Of the density proportional to exp(-Huber(residual)/s^2) with its scale s at the maximum: -2 ln
/// L. With delta = infinity it is the normal density.
double minus_two_log_likelihood(double objective, double delta, std::size_t rows);

/// Condition number of the covariance of the free parameters, each in units of its own error.
double condition_number(const Problem& problem, const std::vector<double>& theta);

struct ProfilePoint {
  double value = 0.0;  ///< natural
  double objective = 0.0;
  double deviance = 0.0;  ///< -2 ln L above that of the optimum
};

struct Profile {
  std::string name;
  std::vector<ProfilePoint> points;
  Interval interval;                            ///< where the deviance is below 3.84 (95 %)
  bool open_below = false, open_above = false;  ///< the end is a bound, not a crossing
};

/// Profile likelihood of one free parameter: it is held at values around the optimum, the others
/// are refitted.
Profile profile(const Problem& problem, const MultiStart& fit, std::size_t free_index);

struct ParameterEstimate {
  std::string name;
  double estimate = 0.0;
  Interval interval;   ///< bootstrap 95 %
  double error = 0.0;  ///< standard deviation over replicates
  bool free = true;
  bool at_bound = false;
};

struct FitResult {
  std::vector<ParameterEstimate> parameters;
  MultiStart fit;
  std::vector<std::vector<double>> replicates;
  double rms_log_error = 0.0;
  double condition = 0.0;
  double aic = 0.0, bic = 0.0;
  std::vector<HeldOut> held_out;
  std::vector<Profile> profiles;
  std::vector<std::string> warnings;
};

/// The whole protocol. `profiles` names free parameters. Throws harness::ConfigError.
FitResult run_fit(const Problem& problem, const FitOptions& options,
                  const std::vector<std::string>& profiles);

}  // namespace halfulp::laws
