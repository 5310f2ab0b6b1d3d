#include "experiments/kinds/training_curves.h"

#include <algorithm>
#include <utility>

namespace halfulp {
namespace {

constexpr std::size_t kCurvePoints = 256;
constexpr std::size_t kSpikeWindow = 100, kRiseWindow = 16;
constexpr double kSpikeDeviations = 7.0;

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

std::vector<Curve> loss_curves(const nn::TrainResult& result, const std::string& units,
                               const std::string& training_name,
                               const std::string& validation_name) {
  return {thinned("train_loss", units, training_name + " before the update, window means",
                  result.train_loss),
          thinned("validation_loss", units, validation_name, result.validation),
          thinned("gradient_norm", "1", "global gradient norm before clipping, window means",
                  result.gradient_norm)};
}

std::vector<Metric> stability_metrics(const nn::TrainResult& result, const std::string& units) {
  return {
      {"spike_share", nn::spike_share(result.train_loss, kSpikeWindow, kSpikeDeviations), "1",
       "updates whose loss is 7 standard deviations above the 100 before, share of those judged"},
      {"largest_rise", nn::largest_rise(result.train_loss, kRiseWindow), units,
       "highest mean training loss of 16 updates above an earlier one"}};
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
