#include "sim/nn/loss_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace halfulp::nn {

double mean_of_last_tenth(std::span<const LossPoint> points) {
  if (points.empty()) return std::numeric_limits<double>::quiet_NaN();
  const std::size_t count = std::max<std::size_t>(points.size() / 10, 1);
  double sum = 0.0;
  for (const LossPoint& point : points.last(count)) sum += point.loss;
  return sum / static_cast<double>(count);
}

double spike_share(std::span<const LossPoint> points, std::size_t window, double deviations) {
  std::vector<double> before;  // the finite losses so far
  std::size_t judged = 0, spikes = 0;
  for (const LossPoint& point : points) {
    if (before.size() >= window) {
      double sum = 0.0, squares = 0.0;
      const std::span<const double> recent = std::span<const double>(before).last(window);
      for (const double loss : recent) sum += loss;
      const double mean = sum / static_cast<double>(window);
      for (const double loss : recent) squares += (loss - mean) * (loss - mean);
      const double deviation = std::sqrt(squares / static_cast<double>(window));
      ++judged;
      if (!std::isfinite(point.loss) || point.loss >= mean + deviations * deviation) ++spikes;
    }
    if (std::isfinite(point.loss)) before.push_back(point.loss);
  }
  return judged == 0 ? 0.0 : static_cast<double>(spikes) / static_cast<double>(judged);
}

double largest_rise(std::span<const LossPoint> points, std::size_t window) {
  double lowest = std::numeric_limits<double>::infinity(), rise = 0.0;
  for (std::size_t start = 0; start + window <= points.size(); start += window) {
    double sum = 0.0;
    for (const LossPoint& point : points.subspan(start, window)) sum += point.loss;
    const double mean = sum / static_cast<double>(window);
    if (!std::isfinite(mean)) return std::numeric_limits<double>::infinity();
    rise = std::max(rise, mean - lowest);
    lowest = std::min(lowest, mean);
  }
  return rise;
}

}  // namespace halfulp::nn
