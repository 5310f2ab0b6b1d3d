#include "experiments/kinds/training_curves.h"

#include <algorithm>
#include <utility>

#include "sim/quantizer.h"

namespace halfulp {
namespace {

constexpr std::size_t kCurvePoints = 256;
constexpr std::size_t kSpikeWindow = 100, kRiseWindow = 16;
constexpr double kSpikeDeviations = 7.0;

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

std::vector<Metric> stability_metrics(const nn::TrainResult& result, const std::string& units) {
  return {
      {"spike_share", nn::spike_share(result.train_loss, kSpikeWindow, kSpikeDeviations), "1",
       "updates whose loss is 7 standard deviations above the 100 before, share of those judged"},
      {"largest_rise", nn::largest_rise(result.train_loss, kRiseWindow), units,
       "highest mean training loss of 16 updates above an earlier one"}};
}

std::vector<Metric> operand_bits(const nn::LinearNumerics& linear) {
  return {{"weight_bits", bits_per_element(linear.fprop_weight), "bit",
           "bits per weight code in the forward product"},
          {"activation_bits", bits_per_element(linear.fprop_input), "bit",
           "bits per activation code in the forward product"},
          {"gradient_bits", bits_per_element(linear.dgrad_grad_output), "bit",
           "bits per output-gradient code in the data-gradient product"}};
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

}  // namespace halfulp
