#include "sim/nn/quantization_watch.h"

#include <algorithm>

namespace halfulp::nn {

void QuantizationWatch::before(ConstMatrix tensor) {
  if (!is_watching()) return;
  rows_ = tensor.rows;
  cols_ = tensor.cols;
  before_.resize(rows_ * cols_);
  for (std::size_t r = 0; r < rows_; ++r) {
    std::copy_n(tensor.data + r * tensor.stride, cols_, before_.data() + r * cols_);
  }
}

void QuantizationWatch::after(const Quantizer& quantizer, ConstMatrix values,
                              ConstMatrix scales) const {
  if (!is_watching()) return;
  const QuantizerRange range = quantizer_range(quantizer, kept());
  if (scales.data == nullptr) return after(range, values);
  AlignedVector<float> scaled(rows_ * cols_);
  const Matrix to = {scaled.data(), rows_, cols_, cols_};
  quantizer.apply_scales(values, scales, to);
  after(range, to);
}

void QuantizationWatch::after(const QuantizerRange& range, ConstMatrix values) const {
  if (!is_watching()) return;
  (*observer_)({layer_, operand_, kept(), values, range.scale_matrix(), range.unit_rows,
                range.unit_cols, range.low, range.high});
}

}  // namespace halfulp::nn
