// A quantizer for tensors of one kind in a model, with random streams of its own; nothing at all
// where the format is binary32.
#pragma once

#include <cstdint>
#include <optional>

#include "sim/nn/matmul.h"
#include "sim/nn/step_key.h"
#include "sim/quantizer.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {

template <class T>
class TensorQuantizer {
 public:
  /// Throws SpecError as Quantizer; std::invalid_argument where T is binary64 and `spec` is not
  /// binary32.
  TensorQuantizer(const QuantizerSpec& spec, RandomPurpose purpose);

  bool is_identity() const { return !quantizer_; }

  /// Rounds in place. Random: the stream of (key.seed, purpose, `number`, key.step).
  void apply(View<T> tensor, std::uint32_t number, const StepKey& key) const;

  /// `out` = `in` rounded; a copy for binary32.
  void copy(View<const T> in, View<T> out, std::uint32_t number, const StepKey& key) const;

 private:
  RandomStream stream(std::uint32_t number, const StepKey& key) const;

  std::optional<Quantizer> quantizer_;
  RandomPurpose purpose_;
};

}  // namespace halfulp::nn
