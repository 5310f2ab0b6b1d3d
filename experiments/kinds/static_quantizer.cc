#include "experiments/kinds/static_quantizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "formats/properties.h"
#include "sim/metrics.h"

namespace halfulp {
namespace {

constexpr int kWidestGrid = 16;

}  // namespace

StaticQuantizer::StaticQuantizer(const QuantizerSpec& spec)
    : spec_(spec),
      rounder_(spec.format, spec.rounding),
      low_(to_double(lowest_finite(spec.format))),
      high_(to_double(max_finite(spec.format))) {
  if (width(spec.format) <= kWidestGrid && spec.rounding.overflow == Overflow::saturate) {
    grid_ = decision_grid(spec.format, spec.rounding);
  }
}

void StaticQuantizer::quantize(const float* in, float* out, std::size_t n, double scale,
                               const RandomStream& stream) const {
  rounder_.round_scaled(in, out, n, static_cast<float>(1.0 / scale), static_cast<float>(scale),
                        stream);
}

std::uint64_t StaticQuantizer::count_saturated(const float* in, std::size_t n, double scale) const {
  const double low = scale * low_, high = scale * high_;
  return static_cast<std::uint64_t>(std::count_if(in, in + n, [&](float x) {
    return static_cast<double>(x) < low || static_cast<double>(x) > high;
  }));
}

double StaticQuantizer::largest() const { return std::max(high_, -low_); }

double StaticQuantizer::expected_error(const Distribution& distribution, double scale) const {
  if (!has_grid()) return std::numeric_limits<double>::quiet_NaN();
  return spec_.rounding.rounding == Rounding::stochastic
             ? expected_stochastic_square_error(distribution, grid_, scale)
             : expected_square_error(distribution, grid_, scale);
}

ScaleOptimum StaticQuantizer::optimal(const Distribution& distribution) const {
  return optimal_scale(distribution, grid_);
}

ScaleOptimum StaticQuantizer::optimal(const float* in, std::size_t n,
                                      const RandomStream& stream) const {
  const Shape signal = shape(in, n);
  if (signal.amax == 0.0) return {1.0, 0.0};
  std::vector<float> out(n);
  const auto error = [&](double scale) {
    quantize(in, out.data(), n, scale, stream);
    return error_sums(in, out.data(), n).relative_mse();
  };
  // From a clip of 2^-8 amax to one of 4 amax, where floats may still gain a little.
  int top = 0;
  std::frexp(signal.amax / largest(), &top);
  return minimize_over_scale(error, top - 9.0, top + 2.0, 16);
}

}  // namespace halfulp
