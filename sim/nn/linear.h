// A linear layer without bias under emulated operands: y = Q(x) Q(W)^T and its two backward
// products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/matrix.h"
#include "sim/nn/matmul.h"
#include "sim/nn/numerics.h"

namespace halfulp::nn {

/// One operand of a binary32 linear layer before it is quantized.
struct LinearOperand {
  enum class Role : std::uint8_t { input, weight, grad_output };
  const std::string& layer;
  Role role;
  ConstMatrix tensor;  ///< rows x in, out x in, rows x out
};

using OperandObserver = std::function<void(const LinearOperand&)>;

/// What stochastic rounding is keyed by, and who looks on.
struct StepKey {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  /// Called for input and weight in forward() and for grad_output in backward() of binary32 layers;
  /// the memory is valid during the call.
  const OperandObserver* observer = nullptr;
};

template <class T>
class Linear {
 public:
  /// `weight` and `gradient` are out x in, row-major, owned by the model; `index` distinguishes
  /// layers in random streams. binary64 takes binary32 numerics only (that is: no quantizer at
  /// all).
  Linear(std::string name, std::size_t in, std::size_t out, T* weight, T* gradient,
         const LinearNumerics& numerics, std::uint32_t index);

  const std::string& name() const { return name_; }

  /// With the axes of blocks resolved.
  const LinearNumerics& numerics() const { return numerics_; }

  /// y (rows x out) from x (rows x in). x is quantized in place where fprop and wgrad share a
  /// quantizer, so pass memory that nobody else reads; keep it for backward().
  void forward(T* x, T* y, std::size_t rows, const StepKey& key);

  /// dx (rows x in) and the weight gradient (overwritten) from dy (rows x out) and the x given to
  /// forward(). `keep_dy`: dy is needed by the caller and must not be quantized in place. dx may be
  /// null.
  void backward(const T* x, T* dy, T* dx, std::size_t rows, bool keep_dy, const StepKey& key);

 private:
  enum Operand : std::uint32_t {
    fprop_input,
    fprop_weight,
    dgrad_grad_output,
    dgrad_weight,
    wgrad_grad_output,
    wgrad_input,
  };

  void show(LinearOperand::Role role, const T* data, std::size_t rows, std::size_t cols,
            const StepKey& key) const;

  /// The tensor as the product sees it: `in` itself for an identity, else quantized into `out`.
  const T* quantized(Operand operand, const T* in, T* out, std::size_t rows, std::size_t cols,
                     const StepKey& key) const;

  std::string name_;
  std::size_t in_, out_;
  T* weight_;
  T* gradient_;
  LinearNumerics numerics_;
  std::vector<Quantizer> quantizers_;  ///< by Operand
  std::uint32_t index_;
  AlignedVector<T> quantized_weight_;
};

}  // namespace halfulp::nn
