// A linear layer without bias under emulated operands and accumulators: y = Q(x) Q(W)^T and its two
// backward products. What an operand is: sim/nn/operand_spec.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/matrix.h"
#include "sim/nn/emulated_product.h"
#include "sim/nn/matmul.h"
#include "sim/nn/numerics.h"
#include "sim/nn/operand_check.h"
#include "sim/nn/operand_quantizer.h"
#include "sim/nn/parameterization.h"
#include "sim/nn/saved_state.h"
#include "sim/nn/scale_propagation.h"
#include "sim/nn/step_key.h"

namespace halfulp::nn {

/// Trained scales of one operand, owned by the model.
struct LearnedScales {
  std::span<float> values = {};
  std::span<float> gradients = {};
};

template <class T>
class Linear {
 public:
  /// `weight` and `gradient` are out x in, row-major, owned by the model; `index` distinguishes
  /// layers in random streams. binary64 takes binary32 numerics only (that is: no quantizer and no
  /// accumulator at all). Throws std::invalid_argument with the first of operand_faults() and
  /// rotation_faults().
  Linear(std::string name, std::size_t in, std::size_t out, T* weight, T* gradient,
         const LinearNumerics& numerics, std::uint32_t index);

  /// Factors of the three products' results; 1 at first.
  void set_multipliers(const LinearMultipliers& multipliers) { product_factors_ = multipliers; }

  const std::string& name() const { return name_; }

  /// Where the trained scales of learned_parameters() and their gradients are; needed before the
  /// first call where there are any. Throws std::invalid_argument when their numbers differ.
  void set_learned(const LearnedScales& weight, const LearnedScales& input);

  /// Scales of operands that propagate them; `gradient` is that of the next backward().
  void set_propagated(const LayerScales& scales) { propagated_ = scales; }

  /// Amax histories, as PREFIX + "NAME.fprop_input.amax_history" and so on.
  void visit_state(const std::string& prefix, StateVisitor& visitor);

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
  enum Product : std::uint32_t { fprop, dgrad, wgrad };

  /// A tensor as a product sees it: values, or grid values with scales.
  struct Seen {
    const T* data;
    ConstMatrix scales;
  };

  void show(LinearOperand::Role role, const T* data, std::size_t rows, std::size_t cols,
            const StepKey& key) const;

  const OperandSpec& spec(Operand operand) const { return operands_[operand].spec(); }

  const Quantizer& quantizer(Operand operand) const { return operands_[operand].quantizer(); }

  bool shares(Operand first, Operand second) const {
    return same_numbers(spec(first), spec(second));
  }

  /// Whether the operand's product uses its scales apart.
  bool wants_grid(Operand operand) const;

  /// Whether a tensor quantized for `first`, and for `second` too where they share, is kept as a
  /// grid.
  bool is_kept_as_grid(Operand first, Operand second) const;

  /// `in` itself for an identity, else quantized into `out`; a grid's scales are in
  /// scales_[operand].
  Seen quantize(Operand operand, const T* in, T* out, std::size_t rows, std::size_t cols,
                bool as_grid, const StepKey& key);

  /// The trained or propagated scales of an operand.
  float* given_scales(Operand operand);

  /// The scales and signs that an operand with more than a quantizer needs.
  OperandCall call_of(Operand operand, const RandomStream& stream, const StepKey& key);

  /// The divisors of smooth, from this input and the weight.
  void find_channels(const T* x, std::size_t rows);

  /// The gradient of what was quantized becomes that of what was given: of the input (rows x in) or
  /// the weight.
  void pass_back(Operand forward, Operand used, T* gradient, std::size_t rows, const StepKey& key);

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
  std::vector<OperandQuantizer> operands_;  ///< by Operand
  std::vector<EmulatedProduct> products_;   ///< by Product
  LinearMultipliers product_factors_ = {};
  std::uint32_t index_;
  AlignedVector<T> quantized_weight_;
  AlignedVector<float> scales_[6];             ///< by Operand
  std::vector<float> signs_[3];                ///< by Product
  std::vector<float> divisors_, multipliers_;  ///< of smooth: the weight's factors, the input's
  LearnedScales learned_weight_, learned_input_;
  LayerScales propagated_;
};

}  // namespace halfulp::nn
