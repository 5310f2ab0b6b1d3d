// How restless a training loss was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace halfulp::nn {

struct LossPoint {
  std::int64_t step;  ///< updates made before the loss was taken
  double loss;
};

/// Mean of the last tenth of the points (at least one); NaN when there are none.
double mean_of_last_tenth(std::span<const LossPoint> points);

/// Share of the points at least `deviations` standard deviations above the mean of the `window`
/// points before them: the spike score of OLMo 2 (arXiv 2501.00656, 3.1), which uses 7 and 1000
/// and counts both directions. Points with fewer than `window` before them are not counted, in the
/// divisor either; 0 when there are none. A point that is not finite counts as a spike and enters
/// no mean.
double spike_share(std::span<const LossPoint> points, std::size_t window, double deviations);

/// Highest mean of `window` consecutive points minus the lowest mean of an earlier window (windows
/// do not overlap); 0 where the loss only fell, infinity where a window has a point that is not
/// finite.
double largest_rise(std::span<const LossPoint> points, std::size_t window);

}  // namespace halfulp::nn
