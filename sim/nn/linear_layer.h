// A linear layer as a model has it: its products (sim/nn/linear.h), its outputs rounded to the
// formats they are stored in, and other operands in the updates where the numerics are switched.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "sim/nn/linear.h"
#include "sim/nn/tensor_quantizer.h"

namespace halfulp::nn {

template <class T>
class LinearLayer {
 public:
  /// As Linear.
  LinearLayer(const std::string& name, std::size_t in, std::size_t out, T* weight, T* gradient,
              const LinearNumerics& numerics, const NumericsSwitch& numerics_switch,
              std::uint32_t index);

  /// As Linear.
  void set_multipliers(const LinearMultipliers& multipliers) {
    for (Linear<T>& linear : linears_) linear.set_multipliers(multipliers);
  }

  const std::string& name() const { return linears_.front().name(); }

  /// As Linear.
  void set_learned(const LearnedScales& weight, const LearnedScales& input);

  /// Scales of operands that propagate them, with the gradient's over that of the last rescaled
  /// gradient.
  void set_propagated(const LayerScales& scales);

  /// The scale of the gradient that the backward pass of the layer's branch starts from.
  void set_gradient_scale(float scale);

  /// Whether operands propagate their scales.
  bool propagates() const { return propagates_; }

  /// Running statistics, as "operands.NAME...", and "operands.later.NAME..." of the operands after
  /// the switch.
  void visit_state(StateVisitor& visitor);

  /// As Linear::forward(), and y is rounded.
  void forward(T* x, T* y, std::size_t rows, const StepKey& key);

  /// As Linear::backward(), and dx and the weight gradient are rounded.
  void backward(const T* x, T* dy, T* dx, std::size_t rows, bool keep_dy, const StepKey& key);

 private:
  enum Output : std::uint32_t { fprop, dgrad, wgrad };

  Linear<T>& linear(const StepKey& key);
  void round(Output output, T* data, std::size_t rows, std::size_t cols, const StepKey& key) const;

  std::size_t in_, out_;
  T* gradient_;
  NumericsSwitch switch_;
  std::uint32_t index_;
  bool propagates_;
  LayerScales propagated_ = {};
  std::vector<Linear<T>> linears_;           ///< the second where the switch changes something
  std::vector<TensorQuantizer<T>> outputs_;  ///< by Output
};

/// Dynamic rescaling before the backward pass of a branch: `gradient` (rows x cols) is that of its
/// result, `layers` what is in it. Does nothing where no layer propagates scales.
template <class T>
void rescale(std::initializer_list<LinearLayer<T>*> layers, const T* gradient, std::size_t rows,
             std::size_t cols);

}  // namespace halfulp::nn
