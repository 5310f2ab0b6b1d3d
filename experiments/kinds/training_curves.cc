#include "experiments/kinds/training_curves.h"

#include <algorithm>
#include <utility>

namespace halfulp {
namespace {

constexpr std::size_t kCurvePoints = 256;

double mean(const std::vector<nn::LossPoint>& points) {
  double sum = 0.0;
  for (const nn::LossPoint& point : points) sum += point.loss;
  return sum / static_cast<double>(points.size());
}

/// The first and the last point and those where the value has changed.
Curve changes(std::string name, std::string units, std::string long_name,
              const std::vector<nn::LossPoint>& points) {
  Curve curve{std::move(name), std::move(units), std::move(long_name), {}, {}};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool is_end = i == 0 || i + 1 == points.size();
    if (!is_end && points[i].loss == points[i - 1].loss) continue;
    curve.steps.push_back(points[i].step);
    curve.values.push_back(points[i].loss);
  }
  return curve;
}

struct Series {
  const char* name;
  const char* long_name;
  const std::vector<nn::LossPoint>& points;
};

}  // namespace

Curve thinned(std::string name, std::string units, std::string long_name,
              const std::vector<nn::LossPoint>& points) {
  Curve curve{std::move(name), std::move(units), std::move(long_name), {}, {}};
  const std::size_t window =
      std::max<std::size_t>((points.size() + kCurvePoints - 1) / kCurvePoints, 1);
  for (std::size_t start = 0; start < points.size(); start += window) {
    const std::size_t count = std::min(window, points.size() - start);
    double sum = 0.0;
    for (std::size_t i = start; i < start + count; ++i) sum += points[i].loss;
    curve.steps.push_back(points[start + count - 1].step);
    curve.values.push_back(sum / static_cast<double>(count));
  }
  return curve;
}

void report_updates(const nn::TrainResult& trained, RunResult& result) {
  const Series measured[] = {
      {"update_quality", "change of the held weights along the wanted one, over its square",
       trained.update_quality},
      {"update_pair_quality", "the same with both parts of weights in two parts",
       trained.update_pair_quality},
      {"lost_update_share", "weights that an update other than 0 did not change",
       trained.lost_update_share},
      {"second_moment_flushed_share", "second moments above 0 that were requantized to 0",
       trained.second_moment_flushed_share}};
  for (const Series& series : measured) {
    if (series.points.empty()) continue;
    result.metrics.push_back({series.name, mean(series.points), "1",
                              series.long_name + std::string(", mean of the measured updates")});
    result.curves.push_back(thinned(series.name, "1", series.long_name, series.points));
  }
  if (trained.loss_scale.empty()) return;
  result.metrics.push_back({"loss_scale", trained.loss_scale.back().loss, "1",
                            "factor of the loss before the last backward pass"});
  result.metrics.push_back({"skipped_updates", static_cast<double>(trained.skipped_updates), "1",
                            "updates skipped for a gradient that was not finite"});
  result.curves.push_back(changes("loss_scale", "1",
                                  "factor of the loss, where it changed and at both ends",
                                  trained.loss_scale));
}

}  // namespace halfulp
