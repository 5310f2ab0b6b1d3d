// Mean squared rounding error in closed form: the integral of (x - Q(x))^2 p(x) over every cell of
// a scalar quantizer, and the scale that makes it least.
//
// Method: partial moments where a cell is wide or unbounded; Gauss-Legendre quadrature where it is
// narrow and differences of moments would cancel (8 points below half a standard deviation, 3 below
// a hundredth; the densities are smooth inside a cell, which is cut at 0). The uniform density is
// integrated exactly. Relative error below 1e-10, mostly far below.
#pragma once

#include <functional>
#include <vector>

#include "formats/format.h"
#include "formats/rounding.h"
#include "sim/distribution.h"

namespace halfulp {

/// Values in ascending order; thresholds[i] lies between values i and i + 1: below it a number is
/// rounded to value i, above to i + 1. Numbers beyond the ends saturate.
struct ScalarGrid {
  std::vector<double> values;
  std::vector<double> thresholds;
};

/// The grid with thresholds halfway between neighbours.
ScalarGrid midpoint_grid(std::vector<double> values);

/// The finite values of a format with the thresholds of its rounding, found by bisection on
/// round() of formats/round.h (posits: not always halfway). Under stochastic rounding there are no
/// thresholds. Throws std::invalid_argument above 16 bits.
ScalarGrid decision_grid(const Format& format, const RoundSpec& rounding);

/// E (X - s Q(X / s))^2 for X of variance 1; Q saturates.
double expected_square_error(const Distribution& distribution, const ScalarGrid& grid,
                             double scale);

/// The same for stochastic rounding with many random bits between the neighbours a and b of x: the
/// mean error is (x - a)(b - x). Thresholds are not used.
double expected_stochastic_square_error(const Distribution& distribution, const ScalarGrid& grid,
                                        double scale);

/// E (x - s Q(x / s))^2 / sigma^2 over blocks of `length` independent elements with standard
/// deviation sigma whose scale s is a function of their largest magnitude a: given a, the others
/// are distributed as X on [-a, a]. The integral over a is a
/// midpoint sum in log2 a of `per_octave` cells, cut where the scale jumps. Relative error about
/// 1e-4.
double expected_block_error(const Distribution& distribution, double sigma, const ScalarGrid& grid,
                            int length, const std::function<double(double)>& scale_of_amax,
                            int per_octave = 32);

struct ScaleOptimum {
  double scale;
  double error;  ///< at that scale
};

/// The scale with the least error(scale): all of 2^low, 2^(low + 1/per_octave), ..., 2^high, then
/// golden sections around the three best local minima of that grid (floats have one per octave).
ScaleOptimum minimize_over_scale(const std::function<double(double)>& error, double log2_low,
                                 double log2_high, int per_octave);

/// The scale with the least expected_square_error (or the stochastic one, for a grid without
/// thresholds). Searches from a largest magnitude of 1/4 to a smallest of 4.
ScaleOptimum optimal_scale(const Distribution& distribution, const ScalarGrid& grid);

}  // namespace halfulp
