#include "sim/expected_error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "formats/enumerate.h"
#include "formats/round.h"
#include "sim/elementary.h"

namespace halfulp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLn2 = 0.69314718055994530942;
constexpr double kNarrow = 0.01;
constexpr double kWide = 0.5;

double power_of_two(double exponent) { return pinned_exp(exponent * kLn2); }

/// Integral of (c0 + c1 x + c2 x^2) p(x): the weight of one cell's points.
struct Quadratic {
  double c0, c1, c2;

  double operator()(double x) const { return c0 + x * (c1 + x * c2); }
};

struct Node {
  double at, weight;  ///< on [-1, 1], the positive half
};

// Gauss-Legendre, DLMF table 3.5.1 and its kin; computed with 20 digits from the polynomials.
constexpr std::array<Node, 4> kEightPoints = {{{0.18343464249564980494, 0.36268378337836198297},
                                               {0.52553240991632898582, 0.31370664587788728734},
                                               {0.79666647741362673959, 0.22238103445337447054},
                                               {0.96028985649753623168, 0.10122853629037625915}}};
constexpr double kThreePointsAt = 0.77459666924148337704;

/// The cell [low, high] of the half line x >= 0. `square` is the integrand in its own, uncancelled
/// form; `expanded` the same polynomial by its coefficients, for cells that moments are used for.
template <class Square>
double integrate(const Distribution& d, double low, double high, const Square& square,
                 const Quadratic& expanded) {
  high = std::min(high, support(d));
  if (!(low < high)) return 0.0;
  const double half = 0.5 * (high - low), middle = 0.5 * (high + low);
  const auto value = [&](double x) { return square(x) * density(d, x); };
  if (half < 0.5 * kNarrow || d.kind == Distribution::Kind::uniform) {
    const double offset = half * kThreePointsAt;
    return half * (5.0 / 9.0 * (value(middle - offset) + value(middle + offset)) +
                   8.0 / 9.0 * value(middle));
  }
  if (half < 0.5 * kWide) {
    double sum = 0.0;
    for (const Node& node : kEightPoints) {
      const double offset = half * node.at;
      sum += node.weight * (value(middle - offset) + value(middle + offset));
    }
    return half * sum;
  }
  const TailMoments from = tail_moments(d, low), to = tail_moments(d, high);
  return expanded.c0 * (from.probability - to.probability) + expanded.c1 * (from.first - to.first) +
         expanded.c2 * (from.second - to.second);
}

/// (x - value)^2 on the part of [low, high] above 0.
double nearest_cell(const Distribution& d, double low, double high, double value) {
  const auto square = [&](double x) { return (x - value) * (x - value); };
  return integrate(d, std::max(low, 0.0), high, square, {value * value, -2.0 * value, 1.0});
}

/// (x - a)(b - x) on the part of [a, b] above 0.
double stochastic_cell(const Distribution& d, double a, double b) {
  const auto square = [&](double x) { return (x - a) * (b - x); };
  return integrate(d, std::max(a, 0.0), b, square, {-a * b, a + b, -1.0});
}

bool is_symmetric(const ScalarGrid& grid) {
  const std::size_t n = grid.values.size();
  for (std::size_t i = 0; i < n; ++i) {
    if (grid.values[i] != -grid.values[n - 1 - i]) return false;
  }
  for (std::size_t i = 0; i < grid.thresholds.size(); ++i) {
    if (grid.thresholds[i] != -grid.thresholds[n - 2 - i]) return false;
  }
  return true;
}

/// Sum over the cells above 0, doubled, or over all of them.
template <class Cell>
double sum_cells(const ScalarGrid& grid, std::size_t cells, const Cell& cell) {
  const bool symmetric = is_symmetric(grid);
  double sum = 0.0;
  for (std::size_t i = 0; i < cells; ++i) {
    sum += cell(i, 1.0);
    if (!symmetric) sum += cell(i, -1.0);
  }
  return symmetric ? 2.0 * sum : sum;
}

/// As expected_square_error, over [-bound, bound] only.
double truncated_error(const Distribution& d, const ScalarGrid& grid, double scale, double bound) {
  const std::size_t n = grid.values.size();
  return sum_cells(grid, n, [&](std::size_t i, double side) {
    const double low = i == 0 ? -bound : std::max(-bound, scale * grid.thresholds[i - 1]);
    const double high = i + 1 == n ? bound : std::min(bound, scale * grid.thresholds[i]);
    const double value = side * scale * grid.values[i];
    return side > 0 ? nearest_cell(d, low, high, value) : nearest_cell(d, -high, -low, value);
  });
}

/// What expected_block_error() integrates over u = log2(largest magnitude).
struct BlockIntegrand {
  const Distribution& distribution;
  double sigma;
  const ScalarGrid& grid;
  int length;
  const std::function<double(double)>& scale_of_amax;

  /// In units of sigma, as all magnitudes but u.
  double scale(double amax) const { return scale_of_amax(amax * sigma) / sigma; }

  /// Squared error of +amax and -amax, their mean.
  double error_of_largest(double amax) const {
    const double unit = scale(amax);
    double sum = 0.0;
    for (const double x : {amax, -amax}) {
      const auto above = std::upper_bound(grid.thresholds.begin(), grid.thresholds.end(), x / unit);
      const auto index = static_cast<std::size_t>(above - grid.thresholds.begin());
      const double error = x - unit * grid.values[index];
      sum += 0.5 * error * error;
    }
    return sum;
  }

  /// Where in (low, high) the scale jumps by a factor of nearly 2 or more; high if nowhere.
  double find_jump(double low, double high) const {
    const auto scale_at = [&](double u) { return scale_of_amax(power_of_two(u)); };
    const double tiny = 1e-9;
    double below = low + tiny, above = high - tiny;
    const double first = scale_at(below), last = scale_at(above);
    if (last < 1.9 * first && first < 1.9 * last) return high;
    while (above - below > tiny) {
      const double middle = 0.5 * (below + above);
      (scale_at(middle) < 1.4 * first ? below : above) = middle;
    }
    return above;
  }

  /// Sum over the block, given its largest magnitude, times the density n F^(n-1) 2 p of that.
  /// The error of the largest element varies fast with u, so it gets points of its own.
  double cell(double low, double high) const {
    constexpr int kPoints = 16;
    constexpr double kNegligible = 1e-9;
    if (!(low < high)) return 0.0;
    const double amax = power_of_two(0.5 * (low + high)) / sigma;
    const double inside = 1.0 - 2.0 * tail_moments(distribution, amax).probability;
    const double weight = 2.0 * density(distribution, amax) * amax * kLn2 * (high - low) *
                          pinned_exp((length - 2) * pinned_log(inside));
    if (weight * length * amax * amax < kNegligible) return 0.0;
    double largest = 0.0;
    for (int i = 0; i < kPoints; ++i) {
      const double u = low + (high - low) * (i + 0.5) / kPoints;
      largest += error_of_largest(power_of_two(u) / sigma) / kPoints;
    }
    const double others = truncated_error(distribution, grid, scale(amax), amax);
    return weight * (inside * largest + (length - 1) * others);
  }
};

double golden_section(const std::function<double(double)>& error, double low, double high) {
  constexpr double kRatio = 0.61803398874989484820;
  double inner_low = high - kRatio * (high - low), inner_high = low + kRatio * (high - low);
  double error_low = error(inner_low), error_high = error(inner_high);
  while (high - low > 1e-9) {
    if (error_low <= error_high) {
      high = inner_high;
      inner_high = inner_low;
      error_high = error_low;
      inner_low = high - kRatio * (high - low);
      error_low = error(inner_low);
    } else {
      low = inner_low;
      inner_low = inner_high;
      error_low = error_high;
      inner_high = low + kRatio * (high - low);
      error_high = error(inner_high);
    }
  }
  return error_low <= error_high ? inner_low : inner_high;
}

/// The smallest binary64 number between two neighbours of the format that is rounded to `high`,
/// or their midpoint where it parts those below from those above.
double threshold(const Format& format, const RoundSpec& rounding, double low, double high) {
  const auto rounds_down = [&](double x) { return round(format, rounding, x) == low; };
  const double middle = low + (high - low) / 2;
  if (rounds_down(std::nextafter(middle, -kInfinity)) &&
      !rounds_down(std::nextafter(middle, kInfinity))) {
    return middle;
  }
  double below = low, above = high;
  while (true) {
    const double x = below + (above - below) / 2;
    if (x <= below || x >= above) return above;
    (rounds_down(x) ? below : above) = x;
  }
}

}  // namespace

ScalarGrid midpoint_grid(std::vector<double> values) {
  ScalarGrid grid{std::move(values), {}};
  for (std::size_t i = 0; i + 1 < grid.values.size(); ++i) {
    grid.thresholds.push_back(grid.values[i] + (grid.values[i + 1] - grid.values[i]) / 2);
  }
  return grid;
}

ScalarGrid decision_grid(const Format& format, const RoundSpec& rounding) {
  ScalarGrid grid{finite_values(format), {}};
  if (rounding.rounding == Rounding::stochastic) return grid;
  RoundSpec saturating = rounding;
  saturating.overflow = Overflow::saturate;
  for (std::size_t i = 0; i + 1 < grid.values.size(); ++i) {
    grid.thresholds.push_back(threshold(format, saturating, grid.values[i], grid.values[i + 1]));
  }
  return grid;
}

double expected_square_error(const Distribution& distribution, const ScalarGrid& grid,
                             double scale) {
  const std::size_t n = grid.values.size();
  return sum_cells(grid, n, [&](std::size_t i, double side) {
    const double low = i == 0 ? -kInfinity : scale * grid.thresholds[i - 1];
    const double high = i + 1 == n ? kInfinity : scale * grid.thresholds[i];
    const double value = side * scale * grid.values[i];
    return side > 0 ? nearest_cell(distribution, low, high, value)
                    : nearest_cell(distribution, -high, -low, value);
  });
}

double expected_stochastic_square_error(const Distribution& distribution, const ScalarGrid& grid,
                                        double scale) {
  const std::size_t n = grid.values.size();
  const double lowest = scale * grid.values.front(), largest = scale * grid.values.back();
  const double saturated = nearest_cell(distribution, largest, kInfinity, largest) +
                           nearest_cell(distribution, -lowest, kInfinity, -lowest);
  return saturated + sum_cells(grid, n - 1, [&](std::size_t i, double side) {
           const double a = scale * grid.values[i], b = scale * grid.values[i + 1];
           return side > 0 ? stochastic_cell(distribution, a, b)
                           : stochastic_cell(distribution, -b, -a);
         });
}

double expected_block_error(const Distribution& distribution, double sigma, const ScalarGrid& grid,
                            int length, const std::function<double(double)>& scale_of_amax,
                            int per_octave) {
  const BlockIntegrand block{distribution, sigma, grid, length, scale_of_amax};
  if (distribution.kind == Distribution::Kind::uniform) {
    // a crowds at the edge, so its quantiles are the points: F(a)^n = u.
    const int points = 100 * per_octave;
    double sum = 0.0;
    for (int i = 0; i < points; ++i) {
      const double inside = pinned_exp(pinned_log((i + 0.5) / points) / length);
      const double amax = inside * support(distribution);
      const double error =
          inside * block.error_of_largest(amax) +
          (length - 1) * truncated_error(distribution, grid, block.scale(amax), amax);
      sum += error / (inside * length * points);
    }
    return sum;
  }
  constexpr double kOctaves = 52.0;
  const double step = 1.0 / per_octave;
  const double lowest = std::floor(pinned_log(sigma) / kLn2) - 8.0;
  double sum = 0.0;
  for (int i = 0; i < static_cast<int>(kOctaves) * per_octave; ++i) {
    const double low = lowest + step * i, high = low + step;
    const double jump = block.find_jump(low, high);
    sum += block.cell(low, jump) + block.cell(jump, high);
  }
  return sum;
}

ScaleOptimum minimize_over_scale(const std::function<double(double)>& error, double log2_low,
                                 double log2_high, int per_octave) {
  const auto at = [&](double exponent) { return error(power_of_two(exponent)); };
  const auto steps = static_cast<std::size_t>(std::ceil((log2_high - log2_low) * per_octave));
  const double step = 1.0 / per_octave;
  std::vector<double> errors;
  for (std::size_t i = 0; i <= steps; ++i) {
    errors.push_back(at(log2_low + step * static_cast<double>(i)));
  }
  std::vector<std::size_t> minima;
  for (std::size_t i = 0; i <= steps; ++i) {
    const bool falls = i == 0 || errors[i] < errors[i - 1];
    const bool rises = i == steps || errors[i] <= errors[i + 1];
    if (falls && rises) minima.push_back(i);
  }
  std::stable_sort(minima.begin(), minima.end(),
                   [&](std::size_t a, std::size_t b) { return errors[a] < errors[b]; });
  minima.resize(std::min<std::size_t>(minima.size(), 3));
  ScaleOptimum best = {1.0, kInfinity};
  for (const std::size_t i : minima) {
    const double center = log2_low + step * static_cast<double>(i);
    const double exponent = golden_section(at, center - step, center + step);
    const double least = at(exponent);
    if (least < best.error) best = {power_of_two(exponent), least};
  }
  return best;
}

ScaleOptimum optimal_scale(const Distribution& distribution, const ScalarGrid& grid) {
  double largest = 0.0, smallest = kInfinity;
  for (const double value : grid.values) {
    if (value == 0.0) continue;
    largest = std::max(largest, std::fabs(value));
    smallest = std::min(smallest, std::fabs(value));
  }
  if (largest == 0.0) throw std::invalid_argument("a grid of zero alone has no best scale");
  const auto error = [&](double scale) {
    return grid.thresholds.empty() ? expected_stochastic_square_error(distribution, grid, scale)
                                   : expected_square_error(distribution, grid, scale);
  };
  const double log2_largest = pinned_log(largest) / kLn2;
  const double log2_smallest = pinned_log(smallest) / kLn2;
  constexpr std::size_t kFine = 1024;
  return minimize_over_scale(error, -2.0 - log2_largest, 2.0 - log2_smallest,
                             grid.values.size() <= kFine ? 16 : 8);
}

}  // namespace halfulp
