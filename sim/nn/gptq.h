// GPTQ: rounds a linear layer's weight column by column and moves the error of each column into
// those that are still to come, by the second derivatives of the layer's output error. Source:
// Frantar et al., arXiv 2210.17323, and its released code.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <vector>

#include "sim/matrix.h"
#include "sim/nn/operand_spec.h"

namespace halfulp::nn {

/// 2 X^T X / n of the n rows of X: the Hessian of mean |X (W - Q)^T|^2 in a row of W.
class LayerHessian {
 public:
  explicit LayerHessian(std::size_t inputs) : inputs_(inputs), sums_(inputs * inputs) {}

  std::size_t inputs() const { return inputs_; }

  /// More rows. Products are exact and added in binary64, row after row, so the sums do not depend
  /// on how the rows are dealt to calls.
  void add(ConstMatrix x);

  /// inputs x inputs, symmetric; zero without rows.
  std::vector<double> value() const;

 private:
  std::size_t inputs_, rows_ = 0;
  std::vector<double> sums_;  ///< lower triangle
};

struct GptqSpec {
  OperandSpec weight;     ///< none that fixed_scales_fault() refuses
  double damping = 0.01;  ///< of the mean of the Hessian's diagonal, added to it
  /// Columns by descending diagonal of the Hessian (act-order), equal ones ascending; else as they
  /// are. Groups keep their places, so their scales are static.
  bool by_diagonal = false;
  /// Scales of groups of columns from the weights as they were; else from the columns as they are
  /// when their group's turn comes. Scales of rows, of the tensor and under a second level of
  /// scales are static in any case.
  bool static_scales = false;
};

/// A Hessian that is not positive definite after damping.
class HessianError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Replaces `weights` (outputs x inputs, finite) by numbers of the quantizer. `hessian`: inputs x
/// inputs; inputs whose diagonal is 0 are dead and their weights become what 0 is rounded to. All
/// sums in binary64 in ascending order: the same bits on every machine. An identity gives plain
/// rounding. Throws HessianError, std::invalid_argument for a size that does not fit.
void gptq(const GptqSpec& spec, Matrix weights, const std::vector<double>& hessian);

/// tr(D H D^T) / 2 with D = a - b: the mean squared output error where H is a layer's Hessian.
double output_error(ConstMatrix a, ConstMatrix b, const std::vector<double>& hessian);

/// Upper triangular U with U^T U = H^-1, row-major. Throws HessianError.
std::vector<double> inverse_factor(const std::vector<double>& hessian, std::size_t n);

}  // namespace halfulp::nn
