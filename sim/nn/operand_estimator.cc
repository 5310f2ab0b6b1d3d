#include "sim/nn/operand_estimator.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "formats/properties.h"
#include "sim/aligned_vector.h"
#include "sim/elementary.h"
#include "sim/expected_error.h"
#include "sim/nn/operand_scales.h"

namespace halfulp::nn {
namespace {

constexpr float kSlack = 1.0F + 0x1p-20F;

constexpr std::size_t kSlopeSteps = 4096;

/// (1/k) |u|^(1/k - 1), at most cap, for |u| = 0, 1 / kSlopeSteps, ..., 1, and once more the last.
std::vector<float> dge_table(double k, double cap) {
  std::vector<float> table;
  for (std::size_t i = 0; i <= kSlopeSteps; ++i) {
    const double u = static_cast<double>(i) / static_cast<double>(kSlopeSteps);
    const double slope = k == 1.0 ? 1.0
                         : i == 0 ? cap
                                  : pinned_exp((1.0 / k - 1.0) * pinned_log(u)) / k;
    // The cap is applied after interpolation, so that it binds where the slope itself exceeds it.
    table.push_back(static_cast<float>(i == 0 ? std::min(slope, cap) : slope));
  }
  table.push_back(table.back());
  return table;
}

}  // namespace

SlopeMaker::SlopeMaker(const OperandSpec& spec, const Format& format)
    : spec_(spec),
      is_integer_(std::holds_alternative<IntegerFormat>(format)),
      lowest_(static_cast<float>(to_double(lowest_finite(format)))),
      largest_(static_cast<float>(to_double(max_finite(format)))) {
  const EstimatorSpec& own = spec.estimator;
  if (own.rule == Estimator::trust) {
    trust_ = own.trust > 0.0 ? static_cast<float>(own.trust)
             : is_integer_   ? 0.5F * normal_step(format)
                             : 0.0F;
  }
  if (own.rule != Estimator::dge) return;
  for (const double value : decision_grid(format, {}).values) {
    const auto number = static_cast<float>(value);
    if (numbers_.empty() || number > numbers_.back()) numbers_.push_back(number);
  }
  for (std::size_t i = 0; i + 1 < numbers_.size(); ++i) {
    inverse_widths_.push_back(1.0F / (numbers_[i + 1] - numbers_[i]));
  }
  slopes_ = dge_table(own.k, own.cap);
}

template <class Slope>
void SlopeMaker::fill(const QuantizedTensor& tensor, float* slopes, const Slope& slope) const {
  const ConstMatrix& in = tensor.in;
  AlignedVector<float> multipliers(in.cols);
  for (std::size_t r = 0; r < in.rows; ++r) {
    if (r % tensor.units.unit_rows == 0) {
      spread_factors(tensor.units, r, tensor.multipliers, multipliers.data());
    }
    const float* x = in.data + r * in.stride;
    const float* q = tensor.out.data + r * tensor.out.stride;
    for (std::size_t c = 0; c < in.cols; ++c, ++slopes) {
      *slopes = slope(x[c], q[c], multipliers[c]);
    }
  }
}

void SlopeMaker::dge(const QuantizedTensor& tensor, float* slopes) const {
  const auto cap = static_cast<float>(spec_.estimator.cap);
  const float* numbers = numbers_.data();
  const std::size_t last = numbers_.size() - 1;
  fill(tensor, slopes, [&](float x, float, float multiplier) {
    const float v = x * multiplier;
    if (!(v <= numbers[last] * kSlack && v >= numbers[0] * kSlack)) return 0.0F;
    // The last number that is not above v, but for the largest.
    std::size_t low = 0;
    for (std::size_t n = last; n > 1;) {
      const std::size_t half = n / 2;
      low = numbers[low + half] <= v ? low + half : low;
      n -= half;
    }
    const float u = 2.0F * (v - numbers[low]) * inverse_widths_[low] - 1.0F;
    const float place = std::min(std::fabs(u), 1.0F) * static_cast<float>(kSlopeSteps);
    const auto i = static_cast<std::size_t>(place);
    const float share = place - static_cast<float>(i);
    return std::min(slopes_[i] + share * (slopes_[i + 1] - slopes_[i]), cap);
  });
}

void SlopeMaker::trust_error(const QuantizedTensor& tensor, float* slopes) const {
  std::vector<double> squares(tensor.units.count());
  unit_squares(tensor.in, tensor.units, squares.data());
  std::vector<float> bounds(squares.size());
  const UnitMap& units = tensor.units;
  for (std::size_t u = 0; u < squares.size(); ++u) {
    const std::size_t row = u / units.across() * units.unit_rows;
    const std::size_t col = u % units.across() * units.unit_cols;
    const std::size_t n =
        std::min(units.unit_rows, units.rows - row) * std::min(units.unit_cols, units.cols - col);
    bounds[u] = trust_ * static_cast<float>(std::sqrt(squares[u] / static_cast<double>(n)));
  }
  QuantizedTensor bounded = tensor;
  bounded.multipliers = bounds.data();
  fill(bounded, slopes,
       [](float x, float q, float bound) { return std::fabs(q - x) <= bound ? 1.0F : 0.0F; });
}

void SlopeMaker::slopes(const QuantizedTensor& tensor, float* slopes) const {
  switch (spec_.estimator.rule) {
    case Estimator::straight_through:
      std::fill_n(slopes, tensor.in.rows * tensor.in.cols, 1.0F);
      return;
    case Estimator::clipped: {
      const float low = lowest_ * kSlack, high = largest_ * kSlack;
      return fill(tensor, slopes, [&](float x, float, float multiplier) {
        const float v = x * multiplier;
        return v <= high && v >= low ? 1.0F : 0.0F;
      });
    }
    case Estimator::dge:
      return dge(tensor, slopes);
    case Estimator::trust:
      break;
  }
  if (trust_ > 0.0F) return trust_error(tensor, slopes);
  const float high = largest_;
  fill(tensor, slopes, [&](float x, float, float multiplier) {
    return std::fabs(x * multiplier) < high ? 1.0F : 0.0F;
  });
}

void SlopeMaker::learned_slopes(const QuantizedTensor& tensor, float* slopes) const {
  const bool is_clip = spec_.scaling.source == ScaleSource::learned_clip;
  const float low = lowest_, high = largest_;
  const float below = is_clip ? low / high : low, above = is_clip ? 1.0F : high;
  fill(tensor, slopes, [&](float x, float q, float multiplier) {
    const float v = x * multiplier;
    if (v > high) return above;
    if (v < low) return below;
    return is_clip ? 0.0F : (q - x) * multiplier;
  });
}

}  // namespace halfulp::nn
