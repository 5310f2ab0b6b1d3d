#include "experiments/kinds/hidden_states.h"

#include <algorithm>
#include <cmath>

#include "sim/metrics.h"

namespace halfulp {
namespace {

constexpr const char* kHead = "head";

/// 0 for a position of zeros, which has no outlier.
double max_to_median(const float* values, std::size_t n) {
  std::vector<float> magnitudes(n);
  std::transform(values, values + n, magnitudes.begin(), [](float x) { return std::fabs(x); });
  const auto middle = magnitudes.begin() + static_cast<std::ptrdiff_t>(n / 2);
  std::nth_element(magnitudes.begin(), middle, magnitudes.end());
  const float largest = *std::max_element(middle, magnitudes.end());
  return *middle > 0.0F ? static_cast<double>(largest) / static_cast<double>(*middle) : 0.0;
}

}  // namespace

HiddenStates::HiddenStates(std::size_t rows)
    : rows_(rows), observer_([this](const nn::LinearOperand& operand) { see(operand); }) {}

void HiddenStates::see(const nn::LinearOperand& operand) {
  if (operand.role != nn::LinearOperand::Role::input) return;
  if (operand.layer == kHead) {
    const std::size_t count = std::min(operand.tensor.rows, rows_ - last_rows_);
    for (std::size_t r = 0; r < count; ++r) {
      const float* row = operand.tensor.data + r * operand.tensor.stride;
      last_.insert(last_.end(), row, row + operand.tensor.cols);
    }
    last_rows_ += count;
    return;
  }
  const auto found = std::find_if(layers_.begin(), layers_.end(),
                                  [&](const auto& one) { return one.name == operand.layer; });
  add(found == layers_.end() ? layers_.emplace_back(LayerSums{.name = operand.layer}) : *found,
      operand.tensor);
}

void HiddenStates::add(LayerSums& sums, ConstMatrix tensor) {
  const std::size_t count = std::min(tensor.rows, rows_ - sums.rows);
  for (std::size_t r = 0; r < count; ++r) {
    const float* row = tensor.data + r * tensor.stride;
    for (std::size_t c = 0; c < tensor.cols; ++c) {
      const double square = static_cast<double>(row[c]) * static_cast<double>(row[c]);
      sums.squares += square;
      sums.fourth_powers += square * square;
    }
    sums.ratios += max_to_median(row, tensor.cols);
  }
  sums.rows += count;
  sums.elements += count * tensor.cols;
}

OutlierStatistics HiddenStates::outliers() const {
  OutlierStatistics mean;
  for (const LayerSums& sums : layers_) {
    const auto elements = static_cast<double>(sums.elements);
    const double variance = sums.squares / elements;
    mean.kurtosis += sums.fourth_powers / elements / (variance * variance);
    mean.max_to_median += sums.ratios / static_cast<double>(sums.rows);
  }
  const auto count = static_cast<double>(layers_.size());
  return {mean.kurtosis / count, mean.max_to_median / count};
}

double hidden_error(const std::vector<float>& exact, const std::vector<float>& quantized) {
  return error_sums(exact.data(), quantized.data(), exact.size()).relative_mse();
}

}  // namespace halfulp
