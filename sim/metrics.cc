#include "sim/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/elementary.h"

namespace halfulp {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLn10 = 2.3025850929940456840;

}  // namespace

ErrorSums& ErrorSums::operator+=(const ErrorSums& other) {
  count += other.count;
  nonzero += other.nonzero;
  flushed += other.flushed;
  signal += other.signal;
  error += other.error;
  product += other.product;
  bias += other.bias;
  max_error = std::max(max_error, other.max_error);
  return *this;
}

double ErrorSums::mse() const { return error / static_cast<double>(count); }

double ErrorSums::relative_mse() const { return error / signal; }

double ErrorSums::alignment() const { return product / signal; }

double ErrorSums::flushed_share() const {
  return static_cast<double>(flushed) / static_cast<double>(nonzero);
}

ErrorSums error_sums(const float* x, const float* q, std::size_t n) {
  ErrorSums sums;
  sums.count = n;
  for (std::size_t i = 0; i < n; ++i) {
    const double in = static_cast<double>(x[i]), out = static_cast<double>(q[i]);
    const double difference = out - in;
    sums.nonzero += in != 0.0 ? 1U : 0U;
    sums.flushed += in != 0.0 && out == 0.0 ? 1U : 0U;
    sums.signal += in * in;
    sums.error += difference * difference;
    sums.product += in * out;
    sums.bias += difference;
    sums.max_error = std::max(sums.max_error, std::fabs(difference));
  }
  return sums;
}

double to_db(double relative_mse) {
  return relative_mse == 0.0 ? std::numeric_limits<double>::infinity()
                             : -10.0 / kLn10 * pinned_log(relative_mse);
}

RatioEstimate ratio_estimate(std::span<const double> numerators,
                             std::span<const double> denominators) {
  const std::size_t batches = numerators.size();
  double top = 0.0, bottom = 0.0;
  for (std::size_t i = 0; i < batches; ++i) {
    top += numerators[i];
    bottom += denominators[i];
  }
  const double ratio = top / bottom;
  if (batches < 2) return {ratio, kNan};
  double squares = 0.0;
  for (std::size_t i = 0; i < batches; ++i) {
    const double residual = numerators[i] - ratio * denominators[i];
    squares += residual * residual;
  }
  const double count = static_cast<double>(batches);
  return {ratio, std::sqrt(squares * count / (count - 1.0)) / bottom};
}

double standard_error_db(const RatioEstimate& estimate) {
  return 10.0 / kLn10 * estimate.standard_error / estimate.value;
}

Shape shape(const float* x, std::size_t n) {
  double squares = 0.0, fourths = 0.0, amax = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double square = static_cast<double>(x[i]) * static_cast<double>(x[i]);
    squares += square;
    fourths += square * square;
    amax = std::max(amax, std::fabs(static_cast<double>(x[i])));
  }
  const double count = static_cast<double>(n);
  return {std::sqrt(squares / count), amax, fourths * count / (squares * squares)};
}

}  // namespace halfulp
