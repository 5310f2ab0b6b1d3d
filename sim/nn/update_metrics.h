// What of an update arrives in the weights: lost updates and effective descent quality.
#pragma once

#include <cstdint>

#include "sim/nn/optimizer.h"

namespace halfulp::nn {

/// Sums over one update of all parameters, in binary64 in the order in which they come.
class UpdateMetrics final : public UpdateObserver {
 public:
  void on_weights(const WeightUpdate& update) override;
  void on_second_moment(const Parameter& parameter, std::span<const float> before,
                        std::span<const float> after) override;

  /// <d, e> / <d, d> for the wanted changes d and the changes e of the held weights: 1 when all
  /// arrives (the ratio of Collage's effective descent quality; leading parts where weights have
  /// two). NaN when d = 0.
  double quality() const { return along_ / wanted_; }

  /// The same with the changes of both parts together.
  double pair_quality() const { return pair_along_ / wanted_; }

  /// Share of the weights whose (leading) value did not change although d != 0.
  double lost_share() const { return static_cast<double>(lost_) / static_cast<double>(weights_); }

  /// Share of the second moments above 0 that were requantized to 0; 0 where none are requantized.
  double flushed_share() const {
    return moments_ == 0 ? 0.0 : static_cast<double>(flushed_) / static_cast<double>(moments_);
  }

 private:
  double along_ = 0.0, pair_along_ = 0.0, wanted_ = 0.0;
  std::int64_t lost_ = 0, weights_ = 0, flushed_ = 0, moments_ = 0;
};

}  // namespace halfulp::nn
