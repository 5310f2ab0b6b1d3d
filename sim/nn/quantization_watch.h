// Shows an operand before and after quantization to the observer of a step, where there is one.
// Quantization in place loses what was there before, so a copy is kept meanwhile.
#pragma once

#include <string>
#include <string_view>

#include "sim/aligned_vector.h"
#include "sim/matrix.h"
#include "sim/nn/step_key.h"
#include "sim/quantizer.h"

namespace halfulp::nn {

class QuantizationWatch {
 public:
  /// Copies `before` when key.quantization is set; else costs nothing. `layer` and `operand` must
  /// outlive it.
  QuantizationWatch(const StepKey& key, const std::string& layer, std::string_view operand,
                    ConstMatrix before);

  /// After `quantizer` made `after` of it.
  void quantized(const Quantizer& quantizer, ConstMatrix after) const;

  /// After `quantizer` made a grid with scales of it.
  void quantized(const Quantizer& quantizer, ConstMatrix grid, ConstMatrix scales) const;

 private:
  const QuantizationObserver* observer_;
  const std::string& layer_;
  std::string_view operand_;
  std::size_t rows_ = 0, cols_ = 0;
  AlignedVector<float> before_;
};

}  // namespace halfulp::nn
