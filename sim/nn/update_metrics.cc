#include "sim/nn/update_metrics.h"

namespace halfulp::nn {
namespace {

double difference(std::span<const float> after, std::span<const float> before, std::size_t i) {
  return after.empty() ? 0.0 : static_cast<double>(after[i]) - static_cast<double>(before[i]);
}

}  // namespace

void UpdateMetrics::on_weights(const WeightUpdate& update) {
  for (std::size_t i = 0; i < update.decrement.size(); ++i) {
    const double wanted = -static_cast<double>(update.decrement[i]);
    const double leading = difference(update.after, update.before, i);
    const double low = difference(update.low_after, update.low_before, i);
    wanted_ += wanted * wanted;
    along_ += wanted * leading;
    pair_along_ += wanted * (leading + low);
    if (wanted != 0.0 && leading == 0.0) ++lost_;
  }
  weights_ += static_cast<std::int64_t>(update.decrement.size());
}

void UpdateMetrics::on_second_moment(const Parameter& /*parameter*/, std::span<const float> before,
                                     std::span<const float> after) {
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] > 0.0F) {
      ++moments_;
      if (after[i] == 0.0F) ++flushed_;
    }
  }
}

}  // namespace halfulp::nn
