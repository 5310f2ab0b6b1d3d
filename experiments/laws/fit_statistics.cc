// Likelihood, condition, profiles and the whole protocol.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/dual.h"
#include "experiments/laws/fit.h"
#include "sim/nn/symmetric_eigen.h"

namespace halfulp::laws {

namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

constexpr double kChiSquared95 = 3.8414588;  // one degree of freedom
constexpr double kIllConditioned = 1e6;
constexpr double kUnidentifiedSpan = 1e3;  // of a positive parameter's interval, high / low
constexpr double kBoundShare = 1e-9;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kPi = 3.14159265358979323846;

/// ln of the integral of exp(-Huber(z; c)) over z.
double log_normalizer(double c) {
  if (std::isinf(c)) return 0.5 * log(2.0 * kPi);
  return log(std::sqrt(2.0 * kPi) * std::erf(c / std::sqrt(2.0)) + 2.0 / c * exp(-0.5 * c * c));
}

bool is_at_bound(const Slot& slot, double internal) {
  const double margin = kBoundShare * (1.0 + std::abs(internal));
  return internal <= slot.lower + margin || internal >= slot.upper - margin;
}

/// Curvature at the optimum; the majorizer where too few rows are in the quadratic part.
std::vector<double> information(const Problem& problem, const std::vector<double>& theta) {
  Linearization at;
  problem.linearize(theta, std::vector<double>(problem.rows(), 1.0), problem.spec().delta, at);
  std::vector<double> zero(problem.dimension(), 0.0);
  return solve_positive(at.curvature, zero) ? at.curvature : at.majorizer;
}

/// Error of one parameter when the others move too, in units where Huber's loss is half a square.
double spread(const Problem& problem, const std::vector<double>& theta, std::size_t i,
              double objective) {
  std::vector<double> unit(problem.dimension(), 0.0);
  unit[i] = 1.0;
  if (!solve_positive(information(problem, theta), unit)) return 1.0;
  const double variance = 2.0 * objective / static_cast<double>(problem.rows());
  return std::sqrt(std::max(unit[i] * variance, 1e-16));
}

/// Walks from the optimum in one direction until the deviance is well past the 95 % limit.
std::vector<ProfilePoint> walk(const Problem& problem, const MultiStart& fit, std::size_t index,
                               double step) {
  constexpr int kMostSteps = 40;
  const Slot& slot = problem.free_slot(index);
  const double delta = problem.spec().delta;
  const double at_optimum = minus_two_log_likelihood(fit.best.objective, delta, problem.rows());
  std::vector<double> rest = fit.best.theta;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(index));
  const std::vector<double> weights(problem.rows(), 1.0);
  std::vector<ProfilePoint> points;
  double internal = fit.best.theta[index];
  for (int k = 0; k < kMostSteps; ++k) {
    const double next = std::clamp(internal + step, slot.lower, slot.upper);
    if (next == internal) break;
    internal = next;
    const Problem held = problem.with_held(index, internal);
    const Minimum minimum = newton_steps(held, weights, rest, 200, delta);
    if (!std::isfinite(minimum.objective)) break;
    rest = minimum.theta;
    const double deviance =
        minus_two_log_likelihood(minimum.objective, delta, problem.rows()) - at_optimum;
    points.push_back({slot.natural(internal), minimum.objective, deviance});
    if (deviance > 2.0 * kChiSquared95) break;
    step *= deviance < 0.2 * kChiSquared95 ? 1.5 : 1.0;
  }
  return points;
}

/// Where the deviance crosses the 95 % limit on the way out; `open` when it does not.
double crossing(const std::vector<ProfilePoint>& points, const ProfilePoint& optimum, bool& open) {
  ProfilePoint before = optimum;
  for (const ProfilePoint& point : points) {
    if (point.deviance >= kChiSquared95) {
      const double share = (kChiSquared95 - before.deviance) / (point.deviance - before.deviance);
      open = false;
      return before.value + share * (point.value - before.value);
    }
    before = point;
  }
  open = true;
  return before.value;
}

void add_parameters(const Problem& problem, FitResult& result) {
  const std::vector<double> values = problem.natural(result.fit.best.theta);
  std::size_t free_index = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ParameterEstimate estimate;
    estimate.name = problem.slots()[i].name;
    estimate.estimate = values[i];
    estimate.free = problem.slots()[i].free;
    estimate.interval = {values[i], values[i]};
    if (estimate.free) {
      estimate.at_bound = is_at_bound(problem.slots()[i], result.fit.best.theta[free_index++]);
      std::vector<double> column;
      for (const auto& replicate : result.replicates) column.push_back(replicate[i]);
      if (column.size() > 1) {
        estimate.error = standard_deviation(column);
        estimate.interval = quantile_interval(column, 0.95);
      } else {
        estimate.interval = {kNotANumber, kNotANumber};
      }
    }
    result.parameters.push_back(estimate);
  }
}

void warn_of_parameters(const Problem& problem, FitResult& result) {
  for (std::size_t i = 0; i < result.parameters.size(); ++i) {
    const ParameterEstimate& estimate = result.parameters[i];
    if (!estimate.free) continue;
    if (estimate.at_bound) {
      result.warnings.push_back(
          fmt::format("{} is at a bound: the data do not identify it; hold it "
                      "with --fix or read other parameters only",
                      estimate.name));
    } else if (problem.slots()[i].positive && estimate.interval.low > 0.0 &&
               estimate.interval.high > kUnidentifiedSpan * estimate.interval.low) {
      result.warnings.push_back(
          fmt::format("{} is not identified: its interval spans a factor of {:.2g}", estimate.name,
                      estimate.interval.high / estimate.interval.low));
    }
  }
}

void warn(const Problem& problem, const FitOptions& options, FitResult& result) {
  if (options.mean_reduced) {
    result.warnings.emplace_back(
        "--reduction mean stops where the average gains less than 2.2e-9; its numbers are not an "
        "optimum and show a known failure only");
  }
  if (result.condition > kIllConditioned) {
    result.warnings.push_back(fmt::format(
        "ill-conditioned (condition number {:.2g}): parameters trade against each other; trust "
        "predictions and ratios before single values",
        result.condition));
  }
  warn_of_parameters(problem, result);
  if (!options.mean_reduced && result.fit.starts.size() > 1 && result.fit.reached < 2) {
    result.warnings.push_back(
        fmt::format("{} of {} starts reached the optimum; more --starts may "
                    "find a better one",
                    result.fit.reached, result.fit.starts.size()));
  }
  std::size_t outside = 0;
  for (std::size_t r = 0; r < problem.rows(); ++r) {
    outside += std::abs(problem.residual(r, result.fit.best.theta)) > problem.spec().delta ? 1 : 0;
  }
  if (outside == 0 && std::isfinite(problem.spec().delta)) {
    result.warnings.push_back(
        fmt::format("no residual exceeds delta = {}: this is least squares", problem.spec().delta));
  } else if (outside == problem.rows()) {
    result.warnings.push_back(
        fmt::format("every residual exceeds delta = {}: this is least absolute deviations",
                    problem.spec().delta));
  }
}

}  // namespace

double minus_two_log_likelihood(double objective, double delta, std::size_t rows) {
  const auto n = static_cast<double>(rows);
  const auto deviance = [&](double log_scale) {
    return 2.0 * objective * exp(-2.0 * log_scale) +
           2.0 * n * (log_scale + log_normalizer(delta * exp(-log_scale)));
  };
  // Golden section on ln s; the deviance has one minimum there.
  double low = -40.0, high = 10.0;
  const double golden = 0.5 * (std::sqrt(5.0) - 1.0);
  for (int i = 0; i < 120; ++i) {
    const double left = high - golden * (high - low);
    const double right = low + golden * (high - low);
    (deviance(left) < deviance(right) ? high : low) =
        deviance(left) < deviance(right) ? right : left;
  }
  return deviance(0.5 * (low + high));
}

double condition_number(const Problem& problem, const std::vector<double>& theta) {
  const std::size_t n = problem.dimension();
  std::vector<double> matrix = information(problem, theta);
  std::vector<double> size(n);
  for (std::size_t i = 0; i < n; ++i) size[i] = std::sqrt(matrix[i * n + i]);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      matrix[i * n + k] =
          size[i] > 0.0 && size[k] > 0.0 ? matrix[i * n + k] / (size[i] * size[k]) : 0.0;
    }
  }
  std::vector<double> basis(n * n);  // not needed
  nn::diagonalize(matrix, basis, n, 0.0);
  double least = kInfinity, largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    least = std::min(least, matrix[i * n + i]);
    largest = std::max(largest, matrix[i * n + i]);
  }
  return least <= 1e-15 * largest ? kInfinity : largest / least;
}

Profile profile(const Problem& problem, const MultiStart& fit, std::size_t free_index) {
  const Slot& slot = problem.free_slot(free_index);
  const double centre = fit.best.theta[free_index];
  const double step = 0.5 * spread(problem, fit.best.theta, free_index, fit.best.objective);
  const ProfilePoint optimum = {slot.natural(centre), fit.best.objective, 0.0};
  auto below = walk(problem, fit, free_index, -step);
  const auto above = walk(problem, fit, free_index, step);
  Profile result;
  result.name = slot.name;
  result.interval.low = crossing(below, optimum, result.open_below);
  result.interval.high = crossing(above, optimum, result.open_above);
  std::reverse(below.begin(), below.end());
  result.points = below;
  result.points.push_back(optimum);
  result.points.insert(result.points.end(), above.begin(), above.end());
  return result;
}

FitResult run_fit(const Problem& problem, const FitOptions& options,
                  const std::vector<std::string>& profiles) {
  std::vector<std::size_t> profiled;
  for (const std::string& name : profiles) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < problem.dimension(); ++i)
      names.push_back(problem.free_slot(i).name);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      throw harness::ConfigError(
          fmt::format("option '--profile': there is no free parameter '{}'{}", name,
                      harness::suggestion(name, names)));
    }
    profiled.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  FitResult result;
  result.fit = fit_from_grid(problem, std::vector<double>(problem.rows(), 1.0), options);
  if (!std::isfinite(result.fit.best.objective)) {
    throw harness::ConfigError("the law has no value at any start; give other ones with --start");
  }
  result.replicates = bootstrap(problem, result.fit, options);
  double squares = 0.0;
  for (std::size_t r = 0; r < problem.rows(); ++r) {
    const double residual = problem.residual(r, result.fit.best.theta);
    squares += residual * residual;
  }
  result.rms_log_error = std::sqrt(squares / static_cast<double>(problem.rows()));
  result.condition = condition_number(problem, result.fit.best.theta);
  const double deviance =
      minus_two_log_likelihood(result.fit.best.objective, problem.spec().delta, problem.rows());
  const double fitted = static_cast<double>(problem.dimension()) + 1.0;  // and the scale
  result.aic = deviance + 2.0 * fitted;
  result.bic = deviance + log(static_cast<double>(problem.rows())) * fitted;
  for (const char* const variable : {"N", "D"}) {
    for (const HeldOut& held_out : leave_largest_out(problem, variable, result.fit, options)) {
      result.held_out.push_back(held_out);
    }
  }
  for (const std::size_t index : profiled) {
    result.profiles.push_back(profile(problem, result.fit, index));
  }
  add_parameters(problem, result);
  warn(problem, options, result);
  return result;
}

}  // namespace halfulp::laws
