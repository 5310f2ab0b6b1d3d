// A linear layer without bias under emulated operands and accumulators: y = Q(x) Q(W)^T and its two
// backward products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/matrix.h"
#include "sim/nn/emulated_product.h"
#include "sim/nn/matmul.h"
#include "sim/nn/numerics.h"
#include "sim/nn/parameterization.h"
#include "sim/nn/step_key.h"

namespace halfulp::nn {

template <class T>
class Linear {
 public:
  /// `weight` and `gradient` are out x in, row-major, owned by the model; `index` distinguishes
  /// layers in random streams. binary64 takes binary32 numerics only (that is: no quantizer and no
  /// accumulator at all).
  Linear(std::string name, std::size_t in, std::size_t out, T* weight, T* gradient,
         const LinearNumerics& numerics, std::uint32_t index);

  /// Factors of the three products' results; 1 at first.
  void set_multipliers(const LinearMultipliers& multipliers) { multipliers_ = multipliers; }

  const std::string& name() const { return name_; }

  /// With the axes of blocks resolved.
  const LinearNumerics& numerics() const { return numerics_; }

  /// y (rows x out) from x (rows x in). x is quantized in place where fprop and wgrad share a
  /// quantizer (to grid values, where a product uses its scales apart), so pass memory that nobody
  /// else reads; keep it for backward().
  void forward(T* x, T* y, std::size_t rows, const StepKey& key);

  /// dx (rows x in) and the weight gradient (overwritten) from dy (rows x out) and the x given to
  /// forward(). `keep_dy`: dy is needed by the caller and must not be quantized in place. dx may be
  /// null.
  void backward(const T* x, T* dy, T* dx, std::size_t rows, bool keep_dy, const StepKey& key);

 private:
  /// Two for each Product: left, right.
  enum Operand : std::uint32_t {
    fprop_input,
    fprop_weight,
    dgrad_grad_output,
    dgrad_weight,
    wgrad_grad_output,
    wgrad_input,
  };

  enum Product : std::uint32_t { fprop, dgrad, wgrad };

  /// A tensor as a product sees it: values, or grid values with scales.
  struct Seen {
    const T* data;
    ConstMatrix scales;
  };

  void show(LinearOperand::Role role, const T* data, std::size_t rows, std::size_t cols,
            const StepKey& key) const;

  const QuantizerSpec& spec(Operand operand) const { return quantizers_[operand].spec(); }

  /// Whether the operand's product uses its scales apart.
  bool wants_grid(Operand operand) const;

  /// Whether a tensor quantized for `first`, and for `second` too where they share, is kept as a
  /// grid.
  bool is_kept_as_grid(Operand first, Operand second) const;

  /// `in` itself for an identity, else quantized into `out`; a grid's scales are in
  /// scales_[operand].
  Seen quantize(Operand operand, const T* in, T* out, std::size_t rows, std::size_t cols,
                bool as_grid, const StepKey& key);

  /// What quantize() for `first` left at `data`.
  Seen kept(Operand first, Operand second, const T* data, std::size_t rows, std::size_t cols) const;

  /// `tensor` as the product of `operand` wants it: multiplied by its scales, in the
  /// scratch memory of number `slot`, where it wants values.
  Seen in_form(Operand operand, const Seen& tensor, std::size_t rows, std::size_t cols,
               std::size_t slot) const;

  void multiply(Product product, const Seen& a, const Seen& b, T* c, std::size_t rows,
                const StepKey& key) const;

  std::string name_;
  std::size_t in_, out_;
  T* weight_;
  T* gradient_;
  LinearNumerics numerics_;
  std::vector<Quantizer> quantizers_;      ///< by Operand
  std::vector<EmulatedProduct> products_;  ///< by Product
  LinearMultipliers multipliers_ = {};
  std::uint32_t index_;
  AlignedVector<T> quantized_weight_;
  AlignedVector<float> scales_[6];  ///< by Operand
};

}  // namespace halfulp::nn
