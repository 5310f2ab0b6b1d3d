// What the activations of an evaluation look like: outliers, and what quantization did to the last
// hidden state.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "sim/nn/step_key.h"

namespace halfulp {

/// Of the inputs of the blocks' linear layers, each statistic of one layer, mean over the layers.
struct OutlierStatistics {
  double kurtosis = 0.0;       ///< fourth moment about 0 over the squared second, all elements
  double max_to_median = 0.0;  ///< largest over median magnitude of a position, mean over positions
};

/// Sees the first positions of an evaluation; changes no bit of it.
class HiddenStates {
 public:
  /// `rows` positions at most.
  explicit HiddenStates(std::size_t rows);
  HiddenStates(const HiddenStates&) = delete;
  HiddenStates& operator=(const HiddenStates&) = delete;

  const nn::OperandObserver& observer() const { return observer_; }

  /// Inputs of the head (after the last norm), position by position.
  const std::vector<float>& last() const { return last_; }

  std::vector<float> take_last() { return std::move(last_); }

  OutlierStatistics outliers() const;

 private:
  struct LayerSums {
    std::string name;
    std::size_t rows = 0, elements = 0;
    double squares = 0.0, fourth_powers = 0.0, ratios = 0.0;
  };

  void see(const nn::LinearOperand& operand);
  void add(LayerSums& sums, ConstMatrix tensor);

  std::size_t rows_, last_rows_ = 0;
  std::vector<float> last_;
  std::vector<LayerSums> layers_;
  nn::OperandObserver observer_;
};

/// R_L of "Beyond Outliers" (arXiv 2509.23500): squared error of the last hidden state over its
/// squares, over all positions.
double hidden_error(const std::vector<float>& exact, const std::vector<float>& quantized);

}  // namespace halfulp
