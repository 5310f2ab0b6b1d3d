// Minimization of a problem's objective within bounds: NLopt's L-BFGS, then Newton steps of our
// own.
#pragma once

#include <vector>

#include "experiments/laws/problem.h"

namespace halfulp::laws {

struct Minimum {
  std::vector<double> theta;
  double objective = 0.0;
  double gradient_norm = 0.0;  ///< largest component that no bound stops
  int iterations = 0;
};

/// L-BFGS (Nocedal 1980; NLopt 2.7) with exact gradients, at most `evaluations`. It often stops
/// early in the narrow valleys of scaling laws; newton_steps() goes on.
Minimum lbfgs(const Problem& problem, const std::vector<double>& weights,
              const std::vector<double>& start, int evaluations);

/// Levenberg-Marquardt steps with the second derivatives of Huber's loss and damping by its
/// majorizer, which is scaled as the law is, so that the steps do not depend on units. Ends when a
/// step would gain less than 1e-13 of the objective. `delta` is the threshold of Huber's loss.
Minimum newton_steps(const Problem& problem, const std::vector<double>& weights,
                     const std::vector<double>& start, int iterations, double delta);

/// From any start: newton_steps() on squares, where far starts have curvature, then with thresholds
/// that shrink to the problem's.
Minimum minimize(const Problem& problem, const std::vector<double>& weights,
                 const std::vector<double>& start);

/// What an optimizer with absolute tolerances makes of the averaged objective (the defect of
/// Hoffmann et al. that Besiroglu et al. 2024 found): L-BFGS until a step gains less than 2.2e-9 or
/// no gradient exceeds 1e-5, the defaults of SciPy. The objective returned is the sum.
Minimum minimize_mean(const Problem& problem, const std::vector<double>& weights,
                      const std::vector<double>& start);

/// Solves the symmetric positive definite n x n system a x = b; false when a is not.
bool solve_positive(std::vector<double> a, std::vector<double>& b);

}  // namespace halfulp::laws
