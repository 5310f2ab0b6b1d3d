// Softmax, norms, activation functions and loss of a model: binary32 kernels, or in a chosen format
// with every operation rounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sim/format_functions.h"
#include "sim/nn/format_loss.h"
#include "sim/nn/kernels.h"
#include "sim/nn/numerics.h"
#include "sim/nn/step_key.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {

/// Forward passes. Stochastic rounding draws from RandomPurpose::functions; the tensor is 4 index +
/// 0 (softmax), 1 (norm) or 2 (activation), the first index that of the row in its tensor.
template <class T>
class LayerFunctions {
 public:
  /// Throws SpecError as FormatFunctions; std::invalid_argument for formats in binary64.
  explicit LayerFunctions(const FunctionNumerics& numerics);

  /// As Kernels::norm_forward; mean and rstd are those of binary32.
  void norm(Norm kind, const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd,
            std::size_t rows, std::size_t cols, std::uint32_t index, const StepKey& key) const;

  void gelu(const T* x, T* y, std::size_t n, std::uint32_t index, const StepKey& key) const;

  /// Rows of x are (gate, up), 2 cols wide.
  void swiglu(const T* x, T* y, std::size_t rows, std::size_t cols, std::uint32_t index,
              const StepKey& key) const;

  /// As Kernels::causal_softmax_forward; `first_row` is the number of the first row in its tensor.
  void causal_softmax(T* scores, std::size_t stride, std::size_t rows, std::size_t cols,
                      std::size_t first, T scale, std::size_t first_row, std::uint32_t index,
                      const StepKey& key) const;

  /// As Kernels::cross_entropy; draws from RandomPurpose::loss.
  void cross_entropy(T* logits, const unsigned char* targets, T* losses, std::size_t rows,
                     std::size_t cols, bool gradient, double gradient_scale,
                     const StepKey& key) const;

 private:
  std::optional<FormatFunctions> softmax_, norm_, activation_;
  std::optional<FormatLoss> loss_;
};

}  // namespace halfulp::nn
