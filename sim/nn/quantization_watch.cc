#include "sim/nn/quantization_watch.h"

#include <algorithm>

#include "sim/quantizer_range.h"

namespace halfulp::nn {

QuantizationWatch::QuantizationWatch(const StepKey& key, const std::string& layer,
                                     std::string_view operand, ConstMatrix before)
    : observer_(key.quantization), layer_(layer), operand_(operand) {
  if (observer_ == nullptr) return;
  rows_ = before.rows;
  cols_ = before.cols;
  before_.resize(rows_ * cols_);
  for (std::size_t r = 0; r < rows_; ++r) {
    std::copy_n(before.data + r * before.stride, cols_, before_.data() + r * cols_);
  }
}

void QuantizationWatch::quantized(const Quantizer& quantizer, ConstMatrix after) const {
  if (observer_ == nullptr) return;
  const ConstMatrix before = {before_.data(), rows_, cols_, cols_};
  const QuantizerRange range = quantizer_range(quantizer, before);
  (*observer_)({layer_, operand_, before, after, range.scale_matrix(), range.unit_rows,
                range.unit_cols, range.low, range.high});
}

void QuantizationWatch::quantized(const Quantizer& quantizer, ConstMatrix grid,
                                  ConstMatrix scales) const {
  if (observer_ == nullptr) return;
  AlignedVector<float> values(rows_ * cols_);
  quantizer.apply_scales(grid, scales, {values.data(), rows_, cols_, cols_});
  quantized(quantizer, {values.data(), rows_, cols_, cols_});
}

}  // namespace halfulp::nn
