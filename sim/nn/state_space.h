// A selective diagonal state-space mixer (after Mamba, arXiv 2312.00752) in the place of attention.
// For each position t of a sequence, E = inner width, N = states, R = rank of the step:
//   (x, z) = input(u)                       2 E numbers
//   s = silu(convolution of x over positions t - 3 .. t, each channel its own four taps and bias)
//   (r, B, C) = selection(s)                R + N + N
//   step = softplus(step_layer(r) + step_bias)
//   h_t[n, c] = exp(step[c] A[n, c]) h_{t-1}[n, c] + step[c] s[c] B[n],   A[n, c] = -(n + 1) e^rate
//   y[c] = skip[c] s[c] + C[0] h_t[0, c] + C[1] h_t[1, c] + ...
//   result = output(y silu(z))
// input, selection, step_layer and output are linear layers under the precision policy; everything
// else is binary32, the states h rounded after every position where a format is given (gradients
// pass straight through, backward reads the rounded states).
//
// Declared order: positions ascending from h = 0 (backward descending), sequences ascending; states
// and taps ascending; sums over channels are lane sums (sim/nn/kernels.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/nn/layer_functions.h"
#include "sim/nn/model_parts.h"
#include "sim/nn/parameter_set.h"
#include "sim/nn/state_space_kernels.h"
#include "sim/nn/tensor_quantizer.h"

namespace halfulp::nn {

struct StateSpaceShape {
  std::size_t width;   ///< of the residual stream
  std::size_t inner;   ///< E
  std::size_t states;  ///< N
  std::size_t rank;    ///< R
};

StateSpaceShape state_space_shape(const ModelConfig& config);

constexpr std::size_t kMixerTaps = 4;

/// The tensors of one mixer: NAME.input, .convolution, .convolution_bias, .selection, .step,
/// .step_bias, .rate, .skip, .output. `residual` scales the standard deviation of .output.
std::vector<Parameter> state_space_parameters(const std::string& name, const StateSpaceShape& shape,
                                              double residual);

/// "NAME.input", "NAME.selection", "NAME.step", "NAME.output".
std::vector<std::string> state_space_layer_names(const std::string& name);

template <class T>
class StateSpaceMixer {
 public:
  /// `index` distinguishes blocks in random streams. Throws as Linear, and std::invalid_argument
  /// for a state format in binary64.
  StateSpaceMixer(const std::string& name, const StateSpaceShape& shape, const ModelParts<T>& parts,
                  const QuantizerSpec& state, std::uint32_t index, std::size_t max_rows);

  /// out (rows x width) from u (rows x width, quantized in place as by Linear::forward()), rows =
  /// sequences x positions. The activation function of the gate is that of `functions`.
  void forward(T* u, T* out, std::size_t sequences, std::size_t positions,
               const LayerFunctions<T>& functions, const StepKey& key);

  /// du from dout (not changed) and the u of forward(); gradients are overwritten.
  void backward(const T* u, T* dout, T* du, std::size_t sequences, std::size_t positions,
                const StepKey& key);

  /// Running statistics of the linear layers' operands.
  void visit_state(StateVisitor& visitor) {
    for (LinearLayer<T>* layer : {&input_, &selection_, &step_layer_, &output_}) {
      layer->visit_state(visitor);
    }
  }

 private:
  ScanPosition<T> position(std::size_t row) const;
  void convolve(std::size_t sequences, std::size_t positions);
  void convolve_back(std::size_t sequences, std::size_t positions);
  void make_steps(std::size_t rows, const StepKey& key);
  void scan(std::size_t sequences, std::size_t positions, const StepKey& key);
  void scan_back(std::size_t sequences, std::size_t positions);
  void round_state(T* state, std::size_t row, const StepKey& key) const;

  StateSpaceShape shape_;
  ModelParts<T> parts_;
  std::string name_;
  LinearLayer<T> input_, selection_, step_layer_, output_;
  TensorQuantizer<T> state_format_;
  std::uint32_t index_;
  AlignedVector<T> split_;            ///< rows x (x, z)
  AlignedVector<T> convolved_, s_;    ///< rows x inner: before and after silu
  AlignedVector<T> selected_in_;      ///< s as the selection layer reads it
  AlignedVector<T> selected_, low_;   ///< rows x (r, B, C); rows x rank
  AlignedVector<T> raw_step_, step_;  ///< rows x inner: before and after softplus
  AlignedVector<T> rate_;             ///< states x inner
  AlignedVector<T> states_;           ///< rows x states x inner, after each position
  AlignedVector<T> gate_, gated_;     ///< rows x (z, y); rows x inner
  AlignedVector<T> dgate_, ds_, dstep_, dselected_, dlow_, dsplit_, dstate_, drate_;
  AlignedVector<T> zeros_, scratch_;
};

}  // namespace halfulp::nn
