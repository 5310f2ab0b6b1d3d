#include "sim/nn/gptq.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "sim/nn/fixed_scales.h"

namespace halfulp::nn {
namespace {

/// The weights in binary64 while columns are rounded one after the other.
class ColumnRounding {
 public:
  ColumnRounding(const GptqSpec& spec, Matrix weights)
      : weights_(weights), scales_(spec.weight), left_(weights.rows * weights.cols) {
    for (std::size_t r = 0; r < weights.rows; ++r) {
      for (std::size_t c = 0; c < weights.cols; ++c) {
        left_[r * weights.cols + c] = static_cast<double>(weights.data[r * weights.stride + c]);
      }
    }
    const std::size_t group = scales_.group_columns();
    width_ = spec.static_scales || spec.by_diagonal || group == 0 ? 0 : group;
    if (width_ == 0) scales_.fix(weights);
  }

  /// Rounds column order[i] and moves its error into the columns after it.
  void round(const std::vector<std::size_t>& order, std::size_t i, const double* factor_row) {
    const std::size_t cols = weights_.cols, col = order[i];
    if (width_ != 0 && col % width_ == 0) fix_group(col);
    std::vector<float> column(weights_.rows);
    for (std::size_t r = 0; r < weights_.rows; ++r) {
      column[r] = static_cast<float>(left_[r * cols + col]);
    }
    scales_.round_column(width_ == 0 ? col : col % width_, column.data(), column.data());
    for (std::size_t r = 0; r < weights_.rows; ++r) {
      weights_.data[r * weights_.stride + col] = column[r];
      double* row = left_.data() + r * cols;
      const double error = (row[col] - static_cast<double>(column[r])) / factor_row[i];
      for (std::size_t j = i + 1; j < cols; ++j) row[order[j]] -= error * factor_row[j];
    }
  }

 private:
  void fix_group(std::size_t from) {
    const std::size_t cols = std::min(width_, weights_.cols - from);
    std::vector<float> group(weights_.rows * cols);
    for (std::size_t r = 0; r < weights_.rows; ++r) {
      for (std::size_t c = 0; c < cols; ++c) {
        group[r * cols + c] = static_cast<float>(left_[r * weights_.cols + from + c]);
      }
    }
    scales_.fix({group.data(), weights_.rows, cols, cols});
  }

  Matrix weights_;
  FixedScales scales_;
  std::vector<double> left_;  ///< rows x cols: what is still to be rounded
  std::size_t width_ = 0;     ///< of groups whose scales are fixed on the way; 0: all fixed before
};

}  // namespace

void LayerHessian::add(ConstMatrix x) {
  if (x.cols != inputs_) throw std::invalid_argument("inputs of another width");
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* row = x.data + r * x.stride;
    for (std::size_t i = 0; i < inputs_; ++i) {
      const auto left = static_cast<double>(row[i]);
      double* sums = sums_.data() + i * inputs_;
      for (std::size_t j = 0; j <= i; ++j) sums[j] += left * static_cast<double>(row[j]);
    }
  }
  rows_ += x.rows;
}

std::vector<double> LayerHessian::value() const {
  std::vector<double> hessian(sums_.size());
  const double n = rows_ == 0 ? 1.0 : static_cast<double>(rows_);
  for (std::size_t i = 0; i < inputs_; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double second = 2.0 * sums_[i * inputs_ + j] / n;
      hessian[i * inputs_ + j] = hessian[j * inputs_ + i] = second;
    }
  }
  return hessian;
}

std::vector<double> inverse_factor(const std::vector<double>& hessian, std::size_t n) {
  // H = R R^T with R upper triangular, from the last column to the first. Then U = R^-1.
  std::vector<double> upper(n * n, 0.0);
  for (std::size_t j = n; j-- > 0;) {
    double pivot = hessian[j * n + j];
    for (std::size_t k = j + 1; k < n; ++k) pivot -= upper[j * n + k] * upper[j * n + k];
    if (!(pivot > 0.0) || !std::isfinite(pivot)) {
      throw HessianError("the Hessian is not positive definite; use more damping");
    }
    upper[j * n + j] = std::sqrt(pivot);
    for (std::size_t i = 0; i < j; ++i) {
      double sum = hessian[i * n + j];
      for (std::size_t k = j + 1; k < n; ++k) sum -= upper[i * n + k] * upper[j * n + k];
      upper[i * n + j] = sum / upper[j * n + j];
    }
  }
  // Row i of R^-1 from those below: R^-1 R = 1.
  std::vector<double> inverse(n * n, 0.0);
  for (std::size_t i = n; i-- > 0;) {
    inverse[i * n + i] = 1.0 / upper[i * n + i];
    for (std::size_t j = i + 1; j < n; ++j) {
      double sum = 0.0;
      for (std::size_t k = i + 1; k <= j; ++k) sum += upper[i * n + k] * inverse[k * n + j];
      inverse[i * n + j] = -sum / upper[i * n + i];
    }
  }
  return inverse;
}

void gptq(const GptqSpec& spec, Matrix weights, const std::vector<double>& hessian) {
  const std::size_t n = weights.cols;
  if (hessian.size() != n * n) throw std::invalid_argument("a Hessian of another size");
  std::vector<double> diagonal(n);
  for (std::size_t i = 0; i < n; ++i) {
    diagonal[i] = hessian[i * n + i];
    if (diagonal[i] != 0.0) continue;
    diagonal[i] = 1.0;
    for (std::size_t r = 0; r < weights.rows; ++r) weights.data[r * weights.stride + i] = 0.0F;
  }
  const double mean =
      std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(n);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (spec.by_diagonal) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return diagonal[a] > diagonal[b]; });
  }
  std::vector<double> ordered(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) ordered[i * n + j] = hessian[order[i] * n + order[j]];
    ordered[i * n + i] = diagonal[order[i]] + spec.damping * mean;
  }
  const std::vector<double> factor = inverse_factor(ordered, n);
  ColumnRounding rounding(spec, weights);
  for (std::size_t i = 0; i < n; ++i) rounding.round(order, i, factor.data() + i * n);
}

double output_error(ConstMatrix a, ConstMatrix b, const std::vector<double>& hessian) {
  const std::size_t n = a.cols;
  double sum = 0.0;
  std::vector<double> difference(n);
  for (std::size_t r = 0; r < a.rows; ++r) {
    for (std::size_t c = 0; c < n; ++c) {
      difference[c] = static_cast<double>(a.data[r * a.stride + c]) -
                      static_cast<double>(b.data[r * b.stride + c]);
    }
    for (std::size_t i = 0; i < n; ++i) {
      double product = 0.0;
      for (std::size_t j = 0; j < n; ++j) product += hessian[i * n + j] * difference[j];
      sum += difference[i] * product;
    }
  }
  return sum / 2.0;
}

}  // namespace halfulp::nn
