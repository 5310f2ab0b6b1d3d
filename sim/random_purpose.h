// What random numbers are drawn for: the field `stream` of a RandomStream. Apart from sim/random.h,
// so that a new purpose does not rebuild the kernels.
#pragma once

#include <cstdint>

namespace halfulp {

/// Values of RandomStream::stream; new purposes get new numbers, old ones never change.
enum class RandomPurpose : std::uint32_t {
  weights = 1,
  batches = 2,
  rounding = 3,
  data = 4,
  sweep = 5,
  samples = 6,
  accumulation = 7,            ///< inside products of linear layers
  attention_accumulation = 8,  ///< inside products of attention
  permutation = 9,
  functions = 10,  ///< inside softmax, norms and activation functions
  hadamard = 11,   ///< signs of rotated operands
  tensors = 20,    ///< tensors between a model's products
  attention_tensors = 21,
  attention_outputs = 22,
  linear_outputs = 23,
  loss = 24,
  weight_update = 25,   ///< of the held weights
  weight_storage = 26,  ///< from held weights to those that the model reads
  first_moment = 27,
  second_moment = 28,
  newton_schulz = 29,
  state = 30,        ///< of a state-space mixer
  calibration = 40,  ///< windows of text for quantization after training
  layer_choice = 41  ///< which layers are quantized after training
};

}  // namespace halfulp
