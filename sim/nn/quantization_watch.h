// Shows an operand before and after quantization to the observer of a step, where there is one.
// Quantization in place loses what was there before, so a copy is kept meanwhile. Costs nothing
// without an observer.
#pragma once

#include <string>
#include <string_view>

#include "sim/aligned_vector.h"
#include "sim/matrix.h"
#include "sim/nn/step_key.h"
#include "sim/quantizer.h"
#include "sim/quantizer_range.h"

namespace halfulp::nn {

class QuantizationWatch {
 public:
  /// `layer` and `operand` must outlive it.
  QuantizationWatch(const StepKey& key, const std::string& layer, std::string_view operand)
      : observer_(key.quantization), layer_(layer), operand_(operand) {}

  bool is_watching() const { return observer_ != nullptr; }

  /// Copies what will be quantized.
  void before(ConstMatrix tensor);

  /// After `quantizer` made `values` of it; or, where there are scales, a grid with these.
  void after(const Quantizer& quantizer, ConstMatrix values, ConstMatrix scales = {}) const;

  /// After it became `values` under scales that no quantizer knows.
  void after(const QuantizerRange& range, ConstMatrix values) const;

 private:
  ConstMatrix kept() const { return {before_.data(), rows_, cols_, cols_}; }

  const QuantizationObserver* observer_;
  const std::string& layer_;
  std::string_view operand_;
  std::size_t rows_ = 0, cols_ = 0;
  AlignedVector<float> before_;
};

}  // namespace halfulp::nn
