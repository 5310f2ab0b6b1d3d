#include "sim/nn/operand_scales.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>

#include "formats/spec.h"
#include "sim/aligned_vector.h"
#include "sim/distribution.h"
#include "sim/expected_error.h"
#include "sim/order_statistic.h"
#include "sim/round_kernels.h"
#include "sim/unit_scale.h"

namespace halfulp::nn {
namespace {

constexpr float kSmallestStep = 1e-5F;  // as ParetoQ's

std::uint32_t pattern(float x) { return std::bit_cast<std::uint32_t>(x); }

/// Eight partial sums, element i into sum i mod 8, added ascending.
double square_error(const float* x, const float* q, std::size_t n) {
  double sums[8] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const auto error = static_cast<double>(x[i] - q[i]);
    sums[i % 8] += error * error;
  }
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

double mean_magnitude(const float* x, std::size_t n) {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += std::fabs(static_cast<double>(x[i]));
  return sum / static_cast<double>(n);
}

/// 2^floor(log2 s), or the power of two nearest to s in its logarithm.
float to_power_of_two(double s, bool floors) {
  int exponent = 0;
  const double significand = std::frexp(s, &exponent);
  if (floors || significand * significand < 0.5) --exponent;
  return std::ldexp(1.0F, std::clamp(exponent, -127, 127));
}

}  // namespace

float normal_step(const Format& format) {
  static std::mutex mutex;
  static std::map<std::string, float> known;
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = known.try_emplace(to_spec(format), 0.0F);
  if (is_new) {
    const ScaleOptimum best = optimal_scale(Distribution{}, decision_grid(format, {}));
    entry->second = static_cast<float>(std::round(best.scale * 0x1p20) * 0x1p-20);
  }
  return entry->second;
}

ScaleMaker::ScaleMaker(const OperandSpec& spec, const QuantizerSpec& quantizer)
    : scaling_(spec.scaling), rule_(quantizer.scale) {
  RoundSpec nearest = quantizer.rounding;
  nearest.rounding = Rounding::nearest_even;
  nearest.random_bits = 0;
  nearest.overflow = Overflow::saturate;
  plan_ = make_round_plan(quantizer.format, nearest);
  format_largest_ = static_cast<float>(plan_.largest);
  largest_ = std::ldexp(static_cast<float>(plan_.largest * scaling_.range), -scaling_.margin);
  if (scaling_.source == ScaleSource::rms) step_ = normal_step(quantizer.format);
  if (scaling_.source == ScaleSource::delayed) {
    history_.resize(static_cast<std::size_t>(scaling_.history));
  }
}

void ScaleMaker::make(ConstMatrix in, const UnitMap& units, bool is_training, float* given,
                      std::vector<float>& multipliers, std::vector<float>& scales) {
  const std::size_t n = units.count();
  multipliers.resize(n);
  scales.resize(n);
  switch (scaling_.source) {
    case ScaleSource::fixed:
      multipliers[0] = 1.0F / static_cast<float>(scaling_.fixed);
      scales[0] = static_cast<float>(scaling_.fixed);
      return;
    case ScaleSource::rms:
      return from_squares(in, units, multipliers, scales);
    case ScaleSource::absmean:
      return from_means(in, units, multipliers, scales);
    case ScaleSource::learned:
    case ScaleSource::learned_clip:
      return from_learned(in, units, is_training, given, multipliers, scales);
    case ScaleSource::propagated:
      multipliers[0] = 1.0F / *given;  // powers of two
      scales[0] = *given;
      return;
    case ScaleSource::current:
    case ScaleSource::delayed:
    case ScaleSource::mse:
    case ScaleSource::percentile:
      break;
  }
  std::vector<std::uint32_t> maxima(n);
  unit_maxima(in, units, maxima.data());
  if (scaling_.source == ScaleSource::delayed) {
    return from_history(maxima[0], is_training, multipliers, scales);
  }
  if (scaling_.source != ScaleSource::current) {
    for_each_unit(in, units, [&](std::size_t unit, const float* x, std::size_t count) {
      if (!is_finite_pattern(maxima[unit]) || maxima[unit] == 0) return;
      maxima[unit] = scaling_.source == ScaleSource::mse ? best_clip(x, count, maxima[unit])
                                                         : quantile(x, count);
    });
  }
  from_maxima(maxima, multipliers, scales);
}

void ScaleMaker::from_maxima(const std::vector<std::uint32_t>& maxima,
                             std::vector<float>& multipliers, std::vector<float>& scales) const {
  unit_scales(rule_, largest_, maxima, multipliers.data(), scales.data());
}

void ScaleMaker::from_history(std::uint32_t amax, bool is_training, std::vector<float>& multipliers,
                              std::vector<float>& scales) {
  const std::size_t length = history_.size();
  const auto recorded = static_cast<std::size_t>(recorded_);
  float earlier = 0.0F;
  if (scaling_.reduction == AmaxReduction::max) {
    earlier = *std::max_element(history_.begin(), history_.end());
  } else if (recorded > 0) {
    earlier = history_[(recorded - 1) % length];
  }
  UnitScale unit;
  float multiplier = multiplier_;
  if (earlier > 0.0F) {
    const std::uint32_t maximum = pattern(earlier);
    unit_scales(rule_, largest_, {&maximum, 1}, &multiplier, &unit.scale);
  }
  // A tensor that is not finite becomes NaN, and is not remembered.
  unit = with_limits(multiplier, is_finite_pattern(amax) ? pattern(1.0F) : amax);
  multipliers[0] = unit.multiplier;
  scales[0] = unit.scale;
  if (!is_training) return;
  multiplier_ = multiplier;
  if (!is_finite_pattern(amax)) return;
  history_[recorded % length] = std::bit_cast<float>(amax);
  ++recorded_;
}

void ScaleMaker::from_squares(ConstMatrix in, const UnitMap& units, std::vector<float>& multipliers,
                              std::vector<float>& scales) const {
  std::vector<double> sums(units.count());
  unit_squares(in, units, sums.data());
  for (std::size_t u = 0; u < sums.size(); ++u) {
    const std::size_t rows =
        std::min(units.unit_rows, in.rows - u / units.across() * units.unit_rows);
    const std::size_t cols =
        std::min(units.unit_cols, in.cols - u % units.across() * units.unit_cols);
    const double rms = std::sqrt(sums[u] / static_cast<double>(rows * cols));
    const UnitScale unit = given(static_cast<double>(step_) * rms);
    multipliers[u] = unit.multiplier;
    scales[u] = unit.scale;
  }
}

void ScaleMaker::from_means(ConstMatrix in, const UnitMap& units, std::vector<float>& multipliers,
                            std::vector<float>& scales) const {
  for_each_unit(in, units, [&](std::size_t unit, const float* x, std::size_t count) {
    const UnitScale own = given(mean_magnitude(x, count));
    multipliers[unit] = own.multiplier;
    scales[unit] = own.scale;
  });
}

/// The unit with this scale: 1 for 0, NaN in every element where it is not finite.
UnitScale ScaleMaker::given(double scale) const {
  UnitScale unit = {0.0F, 1.0F};
  if (std::isfinite(scale) && scale > 0.0) {
    unit.scale = rule_ == ScaleRule::scale_power_of_two ? to_power_of_two(scale, scaling_.floors)
                                                        : static_cast<float>(scale);
    unit = with_limits(1.0F / unit.scale, pattern(1.0F));
  } else if (scale == 0.0) {
    unit.multiplier = 1.0F;
  }
  return unit;
}

void ScaleMaker::from_learned(ConstMatrix in, const UnitMap& units, bool is_training,
                              float* learned, std::vector<float>& multipliers,
                              std::vector<float>& scales) const {
  const std::size_t n = units.count();
  const bool is_clip = scaling_.source == ScaleSource::learned_clip;
  std::vector<float> values(learned, learned + n);
  if (std::find(values.begin(), values.end(), 0.0F) != values.end()) {
    for_each_unit(in, units, [&](std::size_t unit, const float* x, std::size_t count) {
      if (values[unit] != 0.0F) return;
      const double root = std::sqrt(static_cast<double>(format_largest_));
      values[unit] = is_clip ? std::bit_cast<float>(largest_magnitude(x, count))
                             : static_cast<float>(2.0 * mean_magnitude(x, count) / root);
    });
    if (is_training) std::copy(values.begin(), values.end(), learned);
  }
  for (std::size_t u = 0; u < n; ++u) {
    const float step = is_clip ? values[u] / format_largest_ : values[u];
    scales[u] = std::max(step, kSmallestStep);
    multipliers[u] = 1.0F / scales[u];
  }
}

/// The share i / candidates of the largest magnitude with the least squared error; of equal ones
/// the largest.
std::uint32_t ScaleMaker::best_clip(const float* x, std::size_t n, std::uint32_t amax) const {
  AlignedVector<float> q(n);
  std::uint32_t best = amax;
  double least = 0.0;
  for (int i = scaling_.candidates; i > 0; --i) {
    const float share = static_cast<float>(i) / static_cast<float>(scaling_.candidates);
    const std::uint32_t clip = pattern(std::bit_cast<float>(amax) * share);
    float multiplier = 1.0F, scale = 1.0F;
    unit_scales(rule_, largest_, {&clip, 1}, &multiplier, &scale);
    round_array(plan_, x, q.data(), n, {halfulp::Scaling::Kind::uniform, &multiplier, &scale}, {},
                0);
    const double error = square_error(x, q.data(), n);
    if (i == scaling_.candidates || error < least) {
      least = error;
      best = clip;
    }
  }
  return best;
}

/// The least magnitude that at least this share of them does not exceed.
std::uint32_t ScaleMaker::quantile(const float* x, std::size_t n) const {
  std::vector<std::uint32_t> magnitudes(n);
  for (std::size_t i = 0; i < n; ++i) magnitudes[i] = pattern(std::fabs(x[i]));
  return order_statistic(magnitudes, quantile_rank(scaling_.percentile, n));
}

void ScaleMaker::visit_state(const std::string& prefix, StateVisitor& visitor) {
  if (scaling_.source != ScaleSource::delayed) return;
  visitor.visit(prefix + ".amax_history", std::span<float>(history_));
  visitor.visit(prefix + ".recorded", std::span<std::int64_t>(&recorded_, 1));
  visitor.visit(prefix + ".multiplier", std::span<float>(&multiplier_, 1));
}

}  // namespace halfulp::nn
