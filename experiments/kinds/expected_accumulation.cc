#include "experiments/kinds/expected_accumulation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "formats/properties.h"

namespace halfulp {

namespace {

/// Distance of the floats around x.
double step_at(double x, int precision, int least_exponent) {
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::ldexp(1.0, std::max(exponent - 1, least_exponent) - precision + 1);
}

}  // namespace

double expected_squared_error(const AccumulatorSpec& accumulator, const Batch& batch,
                              const BatchShape& shape) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto* rounded = std::get_if<RoundedSum>(&accumulator.method);
  const auto* format =
      rounded == nullptr ? nullptr : std::get_if<FloatFormat>(&rounded->sum.format);
  if (format == nullptr || accumulator.product || accumulator.promotion || accumulator.result ||
      rounded->sum.rounding.rounding != Rounding::stochastic || rounded->every != 1 ||
      rounded->order.order != Order::sequential) {
    return kNan;
  }
  const int bits = precision(*format), least = emin(*format);
  double variance = 0.0;
  for (std::size_t m = 0; m < shape.rows; ++m) {
    for (std::size_t n = 0; n < shape.columns; ++n) {
      double sum = static_cast<double>(batch.start[m * shape.columns + n]);
      for (std::size_t k = 0; k < shape.length; ++k) {
        const double x = static_cast<double>(batch.left[m * shape.length + k]) *
                         static_cast<double>(batch.right[n * shape.length + k]);
        sum += x;
        const double step = step_at(sum, bits, least);
        const double part = x / step - std::floor(x / step);
        variance += step * step * part * (1.0 - part);
      }
    }
  }
  return variance;
}

}  // namespace halfulp
