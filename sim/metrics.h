// Measures of quantization error. Sums are taken in binary64 in the order of the elements.
//
// With x the input, q = Q(x), sums over all elements, n their number:
//   mse           sum (x - q)^2 / n
//   relative_mse  sum (x - q)^2 / sum x^2
//   sqnr_db       -10 log10(relative_mse)
//   alignment     sum q x / sum x^2: below 1, Q shrinks; 1 for unbiased rounding
//   flushed       share of x != 0 with q = 0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace halfulp {

/// Sums over some elements; adding two of them gives the sums over both.
struct ErrorSums {
  std::uint64_t count = 0;
  std::uint64_t nonzero = 0;  ///< x != 0
  std::uint64_t flushed = 0;  ///< of these, q == 0
  double signal = 0.0;        ///< sum x^2
  double error = 0.0;         ///< sum (x - q)^2
  double product = 0.0;       ///< sum q x
  double bias = 0.0;          ///< sum (q - x)
  double max_error = 0.0;     ///< largest |x - q|

  ErrorSums& operator+=(const ErrorSums& other);
  double mse() const;
  double relative_mse() const;
  double alignment() const;
  double flushed_share() const;
};

/// The sums over `n` elements. A NaN in q makes the error NaN.
ErrorSums error_sums(const float* x, const float* q, std::size_t n);

/// -10 log10(relative_mse) with pinned bits; infinity for 0.
double to_db(double relative_mse);

/// Sums over batches of equal origin: what an uncertainty is estimated from.
struct RatioEstimate {
  double value;           ///< sum of numerators / sum of denominators
  double standard_error;  ///< of `value`, from the batches' spread (linearized); NaN for one batch
};

/// For independent batches. Source: Cochran, Sampling Techniques, 3rd ed., 6.3 (ratio estimate).
RatioEstimate ratio_estimate(std::span<const double> numerators,
                             std::span<const double> denominators);

/// Standard error of to_db(value), to first order.
double standard_error_db(const RatioEstimate& estimate);

/// Shape of a tensor's values around 0.
struct Shape {
  double rms = 0.0;
  double amax = 0.0;
  double kurtosis = 0.0;  ///< mean x^4 / (mean x^2)^2: 3 for normal, 6 for Laplace
};

Shape shape(const float* x, std::size_t n);

}  // namespace halfulp
