#include "experiments/laws/minimize.h"

#include <nlopt.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>

namespace halfulp::laws {

namespace {

constexpr double kGain = 1e-13;  // smallest relative gain of a Newton step
constexpr double kMostDamping = 1e12;
constexpr double kSquares = std::numeric_limits<double>::infinity();  // Huber's loss without bend
constexpr double kMeanGain = 2.2e-9;                                  // SciPy's L-BFGS-B: ftol
constexpr double kMeanGradient = 1e-5;                                // and pgtol

std::vector<double> within_bounds(const Problem& problem, std::vector<double> theta) {
  for (std::size_t i = 0; i < theta.size(); ++i) {
    theta[i] = std::clamp(theta[i], problem.free_slot(i).lower, problem.free_slot(i).upper);
  }
  return theta;
}

/// True where the gradient pushes a parameter against its bound.
bool is_stopped(const Problem& problem, const std::vector<double>& theta,
                const std::vector<double>& gradient, std::size_t i) {
  const Slot& slot = problem.free_slot(i);
  return (theta[i] <= slot.lower && gradient[i] > 0.0) ||
         (theta[i] >= slot.upper && gradient[i] < 0.0);
}

double free_gradient(const Problem& problem, const std::vector<double>& theta,
                     const std::vector<double>& gradient) {
  double largest = 0.0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    if (!is_stopped(problem, theta, gradient, i)) {
      largest = std::max(largest, std::abs(gradient[i]));
    }
  }
  return largest;
}

struct Callback {
  const Problem& problem;
  const std::vector<double>& weights;
  double divisor;
  double stop_gradient;
  nlopt_opt optimizer;
  Minimum best;
};

double call_back(unsigned n, const double* x, double* gradient, void* data) {
  auto& state = *static_cast<Callback*>(data);
  const std::vector<double> theta(x, x + n);
  Linearization at;
  ++state.best.iterations;
  if (!state.problem.linearize(theta, state.weights, state.problem.spec().delta, at)) {
    if (gradient != nullptr) std::fill(gradient, gradient + n, 0.0);
    return HUGE_VAL;
  }
  if (gradient != nullptr) {
    for (unsigned i = 0; i < n; ++i) gradient[i] = at.gradient[i] / state.divisor;
  }
  const double norm = free_gradient(state.problem, theta, at.gradient);
  if (at.objective < state.best.objective) {
    state.best.theta = theta;
    state.best.objective = at.objective;
    state.best.gradient_norm = norm;
  }
  if (norm / state.divisor < state.stop_gradient) nlopt_force_stop(state.optimizer);
  return at.objective / state.divisor;
}

Minimum run_nlopt(const Problem& problem, const std::vector<double>& weights,
                  const std::vector<double>& start, int evaluations, bool mean) {
  const std::size_t n = problem.dimension();
  const std::unique_ptr<nlopt_opt_s, void (*)(nlopt_opt)> optimizer(
      nlopt_create(NLOPT_LD_LBFGS, static_cast<unsigned>(n)), nlopt_destroy);
  if (optimizer == nullptr) throw std::runtime_error("NLopt has no memory");
  std::vector<double> lower, upper;
  for (std::size_t i = 0; i < n; ++i) {
    lower.push_back(problem.free_slot(i).lower);
    upper.push_back(problem.free_slot(i).upper);
  }
  double total = 0.0;
  for (const double weight : weights) total += weight;
  std::vector<double> theta = within_bounds(problem, start);
  Callback state = {problem,         weights, mean ? total : 1.0, mean ? kMeanGradient : 0.0,
                    optimizer.get(), {}};
  state.best.theta = theta;
  state.best.objective = problem.objective(theta, weights);
  nlopt_set_min_objective(optimizer.get(), call_back, &state);
  nlopt_set_lower_bounds(optimizer.get(), lower.data());
  nlopt_set_upper_bounds(optimizer.get(), upper.data());
  nlopt_set_maxeval(optimizer.get(), evaluations);
  if (mean) {
    nlopt_set_ftol_abs(optimizer.get(), kMeanGain);
  } else {
    nlopt_set_ftol_rel(optimizer.get(), 1e-10);
  }
  double value = 0.0;
  // Its verdict is not needed: a failed line search leaves the best point seen.
  nlopt_optimize(optimizer.get(), theta.data(), &value);
  return state.best;
}

/// The damped Newton step from a linearization; empty when no damping makes it solvable.
std::vector<double> newton_step(const Problem& problem, const std::vector<double>& theta,
                                const Linearization& at, double damping) {
  const std::size_t n = theta.size();
  std::vector<double> matrix(n * n), step(n);
  for (std::size_t i = 0; i < n; ++i) {
    const bool stopped = is_stopped(problem, theta, at.gradient, i);
    step[i] = stopped ? 0.0 : -at.gradient[i];
    for (std::size_t k = 0; k < n; ++k) {
      const bool apart = stopped || is_stopped(problem, theta, at.gradient, k);
      matrix[i * n + k] = apart ? 0.0 : at.curvature[i * n + k] + damping * at.majorizer[i * n + k];
    }
    const double diagonal = at.majorizer[i * n + i];
    matrix[i * n + i] += stopped ? 1.0 : (damping + 1e-14) * diagonal + 1e-300;
  }
  return solve_positive(matrix, step) ? step : std::vector<double>();
}

/// The decrease that the quadratic model promises for a step.
double promised(const Linearization& at, const std::vector<double>& step, double damping) {
  const std::size_t n = step.size();
  double gain = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    gain -= at.gradient[i] * step[i];
    for (std::size_t k = 0; k < n; ++k) {
      const double curvature = at.curvature[i * n + k] + damping * at.majorizer[i * n + k];
      gain -= 0.5 * step[i] * curvature * step[k];
    }
  }
  return gain;
}

}  // namespace

Minimum lbfgs(const Problem& problem, const std::vector<double>& weights,
              const std::vector<double>& start, int evaluations) {
  return run_nlopt(problem, weights, start, evaluations, false);
}

Minimum minimize_mean(const Problem& problem, const std::vector<double>& weights,
                      const std::vector<double>& start) {
  return run_nlopt(problem, weights, start, 15000, true);
}

Minimum newton_steps(const Problem& problem, const std::vector<double>& weights,
                     const std::vector<double>& start, int iterations, double delta) {
  Minimum best;
  best.theta = within_bounds(problem, start);
  Linearization at, next;
  if (!problem.linearize(best.theta, weights, delta, at)) {
    best.objective = std::numeric_limits<double>::infinity();
    return best;
  }
  double damping = 1e-2;
  int small_gains = 0;
  while (best.iterations < iterations && damping < kMostDamping && small_gains < 3) {
    ++best.iterations;
    const std::vector<double> step = newton_step(problem, best.theta, at, damping);
    if (step.empty()) {
      damping = std::max(damping * 10.0, 1e-10);
      continue;
    }
    std::vector<double> theta = best.theta;
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] += step[i];
    theta = within_bounds(problem, theta);
    const bool better =
        problem.linearize(theta, weights, delta, next) && next.objective < at.objective;
    const double gain = better ? at.objective - next.objective : promised(at, step, damping);
    small_gains = gain <= kGain * at.objective ? small_gains + 1 : 0;
    if (better) {
      best.theta = theta;
      std::swap(at, next);
      damping = std::max(damping * 0.2, 1e-12);
    } else {
      damping *= 6.0;
    }
  }
  best.objective = at.objective;
  best.gradient_norm = free_gradient(problem, best.theta, at.gradient);
  return best;
}

Minimum minimize(const Problem& problem, const std::vector<double>& weights,
                 const std::vector<double>& start) {
  const double delta = problem.spec().delta;
  Minimum found = newton_steps(problem, weights, start, 300, kSquares);
  int iterations = found.iterations;
  for (const double wider : {30.0, 5.0, 1.0}) {
    if (std::isinf(delta)) break;
    found = newton_steps(problem, weights, found.theta, wider > 1.0 ? 50 : 300, wider * delta);
    iterations += found.iterations;
  }
  found.iterations = iterations;
  return found;
}

bool solve_positive(std::vector<double> a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    double pivot = a[k * n + k];
    for (std::size_t j = 0; j < k; ++j) pivot -= a[k * n + j] * a[k * n + j];
    if (!(pivot > 1e-15 * a[k * n + k])) return false;
    const double root = std::sqrt(pivot);
    a[k * n + k] = root;
    for (std::size_t i = k + 1; i < n; ++i) {
      double sum = a[i * n + k];
      for (std::size_t j = 0; j < k; ++j) sum -= a[i * n + j] * a[k * n + j];
      a[i * n + k] = sum / root;
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) b[i] -= a[i * n + j] * b[j];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = i + 1; j < n; ++j) b[i] -= a[j * n + i] * b[j];
    b[i] /= a[i * n + i];
  }
  return true;
}

}  // namespace halfulp::laws
