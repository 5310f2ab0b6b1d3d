// Stages of feed-forward networks: each maps rows of `in` numbers to rows of `out` numbers and
// takes gradients back. Images are rows of height x width x channels numbers, channels adjacent.
//
// Declared order: column sums (gradients of biases, means of batch norm) add rows in ascending
// order from zero; everything else is element-wise or a product of sim/nn/linear.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/nn/kernels.h"
#include "sim/nn/layer_functions.h"
#include "sim/nn/layer_policy.h"
#include "sim/nn/linear_layer.h"
#include "sim/nn/parameter_set.h"
#include "sim/nn/saved_state.h"
#include "sim/nn/step_key.h"

namespace halfulp::nn {

struct ImageShape {
  std::size_t height = 1, width = 1, channels = 1;

  std::size_t pixels() const { return height * width; }

  std::size_t size() const { return pixels() * channels; }

  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

enum class UnitFunction : std::uint8_t { relu, gelu, swiglu };
enum class Pooling : std::uint8_t { max, average };

template <class T>
class Layer {
 public:
  virtual ~Layer() = default;

  /// y from x. x may be quantized in place, so pass memory that nobody else reads; keep it for
  /// backward().
  virtual void forward(T* x, T* y, std::size_t rows, const StepKey& key) = 0;

  /// dx and the gradients of the layer's parameters (overwritten) from dy, which may be changed in
  /// place, and the x given to forward(). dx may be null.
  virtual void backward(const T* x, T* dy, T* dx, std::size_t rows, const StepKey& key) = 0;

  /// Running statistics.
  virtual void visit_state(StateVisitor&) {}
};

template <class T>
using LayerPtr = std::unique_ptr<Layer<T>>;

/// A layer's parameters inside the model's: weight out x in and bias 1 x out, or null for none.
template <class T>
struct Affine {
  T *weight, *weight_gradient, *bias, *bias_gradient;

  /// Tensors NAME.weight and NAME.bias.
  static Affine of(ParameterSet<T>& parameters, const std::string& name) {
    return {parameters.weight(name + ".weight"), parameters.gradient(name + ".weight"),
            parameters.weight(name + ".bias"), parameters.gradient(name + ".bias")};
  }
};

/// y = x W^T + b.
template <class T>
LayerPtr<T> make_dense(const std::string& name, std::size_t in, std::size_t out,
                       const Affine<T>& affine, const LayerPolicy& policy, std::uint32_t index);

/// 3x3 convolution with stride 1 and a border of zeros: a linear layer on the rows of im2col(), one
/// for each pixel, so that its three products are those of sim/nn/linear.h. The weight is out x 9
/// in.channels.
template <class T>
LayerPtr<T> make_convolution(const std::string& name, const ImageShape& in, std::size_t out,
                             const Affine<T>& affine, const LayerPolicy& policy,
                             std::uint32_t index);

/// GELU and SwiGLU (of rows of 2 size numbers) under the format of `functions`; ReLU rounds
/// nothing. `functions` must outlive the layer.
template <class T>
LayerPtr<T> make_unit_function(UnitFunction function, std::size_t size,
                               const LayerFunctions<T>& functions, std::uint32_t index);

/// 2x2 windows, stride 2; an odd last row or column is dropped. The largest of equal numbers is the
/// first in row-major order; the average is ((a + b) + (c + d)) / 4.
template <class T>
LayerPtr<T> make_pooling(Pooling pooling, const ImageShape& in);

/// Batch norm of each channel over all pixels of a batch: y = (x - mean) rstd gain + bias, variance
/// with divisor n, epsilon 1e-5. Evaluation uses running means and variances (momentum 0.1, the
/// variance with divisor n - 1), as PyTorch.
template <class T>
LayerPtr<T> make_batch_norm(const std::string& name, std::size_t pixels, std::size_t channels,
                            ParameterSet<T>& parameters);

/// Layer or RMS norm over the channels of each pixel, gain and bias rounded as `numerics` says.
/// `functions` must outlive the layer.
template <class T>
LayerPtr<T> make_channel_norm(Norm kind, const std::string& name, std::size_t pixels,
                              std::size_t channels, ParameterSet<T>& parameters,
                              const LayerFunctions<T>& functions, const ModelNumerics& numerics,
                              std::uint32_t index);

/// The 3x3 neighbourhoods of every pixel of `images` images: row (image, y, x) of `patches` holds
/// the channels of pixels (y + i, x + j), i then j from -1 to 1; zeros outside of the image.
template <class T>
void im2col(const ImageShape& shape, const T* x, std::size_t images, T* patches);

/// The transpose: each pixel's gradient is the sum of its nine copies, from zero in the order i, j
/// of im2col().
template <class T>
void col2im(const ImageShape& shape, const T* patches, std::size_t images, T* x);

/// sums (1 x cols) = sum of the rows of x, ascending from zero.
template <class T>
void column_sums(const T* x, T* sums, std::size_t rows, std::size_t cols);

/// Adds `bias` to every row.
template <class T>
void add_bias(const T* bias, T* y, std::size_t rows, std::size_t cols);

}  // namespace halfulp::nn
