#include "experiments/laws/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "experiments/laws/dual.h"
#include "experiments/laws/parallel.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::laws {

namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

constexpr std::size_t kPolished = 10;
constexpr std::size_t kFarStarts = 3;
constexpr double kSameOptimum = 1e-6;

// Uses of the random words, as tensor numbers of the stream "samples".
enum class Draw : std::uint32_t { starts = 1, replicates = 2, far_starts = 3, folds = 4 };

RandomStream stream(const FitOptions& options, Draw draw, std::size_t step) {
  return {options.seed, static_cast<std::uint32_t>(RandomPurpose::samples),
          static_cast<std::uint32_t>(draw), static_cast<std::uint32_t>(step)};
}

double grid_points(const Problem& problem) {
  double points = 1.0;
  for (std::size_t i = 0; i < problem.dimension(); ++i) {
    points *= static_cast<double>(problem.free_slot(i).starts.size());
  }
  return points;
}

/// Point `index` of the grid, the first slot slowest; or, when the grid is larger than `starts`, a
/// random point of it.
std::vector<double> grid_start(const Problem& problem, const FitOptions& options,
                               std::size_t index) {
  std::vector<double> start(problem.dimension());
  const bool sampled = grid_points(problem) > static_cast<double>(options.starts);
  std::size_t rest = index;
  for (std::size_t i = start.size(); i-- > 0;) {
    const auto& choices = problem.free_slot(i).starts;
    const std::size_t choice =
        sampled ? random_below(stream(options, Draw::starts, index), i, choices.size())
                : rest % choices.size();
    rest /= choices.size();
    start[i] = choices[choice];
  }
  return start;
}

Minimum polish(const Problem& problem, const std::vector<double>& weights, const Minimum& rough) {
  Minimum best = newton_steps(problem, weights, rough.theta, 500, problem.spec().delta);
  for (int round = 0; round < 5; ++round) {
    const Minimum near = lbfgs(problem, weights, best.theta, 300);
    const Minimum next = newton_steps(problem, weights, near.theta, 500, problem.spec().delta);
    const double gain = best.objective - next.objective;
    if (next.objective < best.objective) best = next;
    if (!(gain > 1e-10 * best.objective)) break;
  }
  return best;
}

/// Refits with other weights, from the optimum and from far starts.
Minimum refit(const Problem& problem, const std::vector<double>& weights, const MultiStart& fit,
              const FitOptions& options, std::size_t replicate) {
  if (options.mean_reduced) return minimize_mean(problem, weights, fit.starts.front().start);
  Minimum best = newton_steps(problem, weights, fit.best.theta, 150, problem.spec().delta);
  for (std::size_t k = 0; k < kFarStarts; ++k) {
    const std::size_t pick =
        random_below(stream(options, Draw::far_starts, replicate), k, fit.starts.size());
    const Minimum other = minimize(problem, weights, fit.starts[pick].start);
    if (other.objective < best.objective) best = other;
  }
  return best;
}

/// Writes the errors of the rows without weight.
void predict(const Problem& problem, const std::vector<double>& weights, const Minimum& minimum,
             std::vector<double>& errors) {
  for (std::size_t r = 0; r < problem.rows(); ++r) {
    if (weights[r] != 0.0 || problem.censored(r)) continue;
    errors[r] = problem.residual(r, minimum.theta);
  }
}

HeldOut summary(const HeldOutRows& held_out) {
  HeldOut result;
  result.what = held_out.what;
  for (const double error : held_out.errors) {
    if (std::isnan(error)) continue;
    result.rms_log_error += error * error;
    result.mean_relative_error += std::abs(exp(error) - 1.0);
    result.mean_bias += error;
    ++result.rows;
  }
  const auto rows = static_cast<double>(result.rows);
  result.rms_log_error = std::sqrt(result.rms_log_error / rows);
  result.mean_relative_error /= rows;
  result.mean_bias /= rows;
  return result;
}

}  // namespace

MultiStart fit_from_grid(const Problem& problem, const std::vector<double>& weights,
                         const FitOptions& options) {
  MultiStart result;
  result.grid_points = grid_points(problem);
  result.starts.resize(static_cast<std::size_t>(
      std::min(result.grid_points, static_cast<double>(std::max<std::size_t>(options.starts, 1)))));
  std::vector<Minimum> found(result.starts.size());
  parallel_for(found.size(), options.jobs, [&](std::size_t i) {
    result.starts[i].start = grid_start(problem, options, i);
    found[i] = options.mean_reduced ? minimize_mean(problem, weights, result.starts[i].start)
                                    : minimize(problem, weights, result.starts[i].start);
    result.starts[i].objective = found[i].objective;
  });
  std::vector<std::size_t> order(found.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return found[a].objective < found[b].objective;
  });
  order.resize(std::min(order.size(), kPolished));
  std::vector<Minimum> polished(order.size());
  parallel_for(order.size(), options.jobs, [&](std::size_t i) {
    const Minimum& rough = found[order[i]];
    polished[i] = options.mean_reduced || !std::isfinite(rough.objective)
                      ? rough
                      : polish(problem, weights, rough);
  });
  result.best =
      *std::min_element(polished.begin(), polished.end(),
                        [](const auto& a, const auto& b) { return a.objective < b.objective; });
  const double limit = result.best.objective * (1.0 + kSameOptimum);
  for (const StartResult& start : result.starts) result.reached += start.objective <= limit ? 1 : 0;
  return result;
}

std::vector<std::vector<double>> bootstrap(const Problem& problem, const MultiStart& fit,
                                           const FitOptions& options) {
  std::vector<std::vector<double>> replicates(options.bootstrap);
  parallel_for(replicates.size(), options.jobs, [&](std::size_t replicate) {
    std::vector<double> count(problem.groups(), 0.0);
    for (std::size_t i = 0; i < count.size(); ++i) {
      count[random_below(stream(options, Draw::replicates, replicate), i, count.size())] += 1.0;
    }
    std::vector<double> weights;
    for (const std::size_t group : problem.group_of_row()) weights.push_back(count[group]);
    const Minimum minimum = refit(problem, weights, fit, options, replicate);
    replicates[replicate] = problem.natural(minimum.theta);
    // A category of which no row was drawn has no value in this replicate.
    const std::vector<bool> used = problem.slots_in_use(weights);
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (!used[i] && problem.slots()[i].free) replicates[replicate][i] = kNotANumber;
    }
  });
  return replicates;
}

std::optional<LargestRows> largest_rows(const Problem& problem, const std::string& variable) {
  const std::vector<double> values = problem.variable(variable);
  if (values.empty()) return {};
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const double limit = sorted[sorted.size() - 1 - sorted.size() / 10];
  LargestRows largest = {variable + " >= " + number_text(limit), {}};
  for (const double value : values) largest.weights.push_back(value < limit ? 1.0 : 0.0);
  return largest;
}

std::optional<HeldOutRows> predict_largest(const Problem& problem, const LargestRows& largest,
                                           const MultiStart& fit, const FitOptions& options) {
  const std::vector<double>& weights = largest.weights;
  const double kept = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (kept <= static_cast<double>(problem.dimension())) return {};
  HeldOutRows result = {largest.what, std::vector<double>(problem.rows(), kNotANumber)};
  predict(problem, weights, refit(problem, weights, fit, options, 0), result.errors);
  const bool any = std::any_of(result.errors.begin(), result.errors.end(),
                               [](double error) { return !std::isnan(error); });
  return any ? std::optional(std::move(result)) : std::nullopt;
}

HeldOutRows predict_folds(const Problem& problem, std::size_t folds, const MultiStart& fit,
                          const FitOptions& options) {
  const std::size_t groups = problem.groups();
  std::vector<std::size_t> order(groups);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = groups; i > 1; --i) {
    std::swap(order[i - 1], order[random_below(stream(options, Draw::folds, 0), i, i)]);
  }
  std::vector<std::size_t> fold_of(groups);
  for (std::size_t i = 0; i < groups; ++i) fold_of[order[i]] = i % folds;
  HeldOutRows result = {number_text(static_cast<double>(folds)) + " folds",
                        std::vector<double>(problem.rows(), kNotANumber)};
  parallel_for(folds, options.jobs, [&](std::size_t fold) {
    std::vector<double> weights;
    for (const std::size_t group : problem.group_of_row()) {
      weights.push_back(fold_of[group] == fold ? 0.0 : 1.0);
    }
    predict(problem, weights, refit(problem, weights, fit, options, fold), result.errors);
  });
  return result;
}

std::vector<HeldOut> leave_largest_out(const Problem& problem, const std::string& variable,
                                       const MultiStart& fit, const FitOptions& options) {
  const auto largest = largest_rows(problem, variable);
  const auto rows = largest ? predict_largest(problem, *largest, fit, options) : std::nullopt;
  return rows ? std::vector<HeldOut>{summary(*rows)} : std::vector<HeldOut>{};
}

HeldOut cross_validate(const Problem& problem, std::size_t folds, const MultiStart& fit,
                       const FitOptions& options) {
  return summary(predict_folds(problem, folds, fit, options));
}

Interval quantile_interval(std::vector<double> values, double share) {
  values.erase(
      std::remove_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); }),
      values.end());
  if (values.empty()) return {kNotANumber, kNotANumber};
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double q) {
    const double place = q * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
  };
  return {quantile(0.5 * (1.0 - share)), quantile(0.5 * (1.0 + share))};
}

double standard_deviation(const std::vector<double>& values) {
  double count = 0.0, mean = 0.0, squares = 0.0;  // Welford's updates
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    count += 1.0;
    const double off = value - mean;
    mean += off / count;
    squares += off * (value - mean);
  }
  return std::sqrt(squares / (count - 1.0));
}

}  // namespace halfulp::laws
