#include "sim/nn/operand_quantizer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "sim/elementary.h"
#include "sim/hadamard.h"
#include "sim/order_statistic.h"
#include "sim/quantizer_range.h"
#include "sim/round_kernels.h"
#include "sim/unit_scale.h"

namespace halfulp::nn {
namespace {

constexpr double kLn2 = 0.69314718055994530942;

}  // namespace

QuantizerSpec unit_quantizer(const OperandSpec& spec) {
  QuantizerSpec own = spec.quantizer;
  if (!own.block) return own;
  own.granularity = Granularity::group;
  own.group_size = std::max(own.block->length, 1);
  own.along_columns = own.block->axis == BlockAxis::columns;
  own.scale = ScaleRule::scale_power_of_two;
  own.block.reset();
  return own;
}

bool makes_scales(const OperandSpec& spec) {
  const bool has_own_scales = spec.scaling.source != ScaleSource::current ||
                              spec.scaling.margin != 0 || spec.scaling.range != 1.0;
  const bool has_slopes = spec.estimator.rule != Estimator::straight_through;
  const bool are_needed = has_own_scales || (has_slopes && !spec.quantizer.block);
  return are_needed && unit_quantizer(spec).scale != ScaleRule::unscaled;
}

void column_scales(ConstMatrix in, bool power_of_two, std::vector<float>& scales) {
  std::vector<std::uint32_t> maxima(in.cols);
  for (std::size_t r = 0; r < in.rows; ++r) {
    update_magnitudes(in.data + r * in.stride, maxima.data(), in.cols);
  }
  scales.resize(in.cols);
  for (std::size_t c = 0; c < in.cols; ++c) {
    float scale = std::bit_cast<float>(maxima[c]);
    if (!is_finite_pattern(maxima[c]) || maxima[c] == 0) scale = 1.0F;
    if (power_of_two) {
      int exponent = 0;
      if (std::frexp(scale, &exponent) == 0.5F) --exponent;
      scale = std::ldexp(1.0F, std::clamp(exponent, -126, 127));
    }
    scales[c] = scale;
  }
}

void multiply_columns(ConstMatrix in, const float* factors, Matrix out) {
  for (std::size_t r = 0; r < in.rows; ++r) {
    const float* from = in.data + r * in.stride;
    float* to = out.data + r * out.stride;
    for (std::size_t c = 0; c < in.cols; ++c) to[c] = from[c] * factors[c];
  }
}

void smoothing_scales(ConstMatrix x, ConstMatrix weight, const ChannelSpec& spec,
                      std::vector<float>& scales) {
  std::vector<float> inputs, weights;
  column_scales(x, false, inputs);
  column_scales(weight, false, weights);
  scales.resize(x.cols);
  for (std::size_t c = 0; c < x.cols; ++c) {
    const double log = spec.alpha * pinned_log(static_cast<double>(inputs[c])) -
                       (1.0 - spec.alpha) * pinned_log(static_cast<double>(weights[c]));
    const double power = spec.power_of_two
                             ? std::ldexp(1.0, static_cast<int>(std::lround(log / kLn2)))
                             : pinned_exp(log);
    scales[c] = static_cast<float>(std::clamp(power, 0x1p-100, 0x1p100));
  }
}

OperandQuantizer::OperandQuantizer(const OperandSpec& spec, bool scales_channels)
    : spec_(spec),
      units_spec_(unit_quantizer(spec)),
      is_plain_(nn::is_plain(spec)),
      scales_channels_(scales_channels && spec.channels.rule == ChannelRule::smooth_swiglu),
      quantizer_(spec.quantizer) {
  if (makes_scales(spec)) {
    plan_ = make_round_plan(units_spec_.format, units_spec_.rounding);
    scales_of_.emplace(spec, units_spec_);
  }
  if (spec.estimator.rule != Estimator::straight_through || is_learned()) {
    slopes_of_.emplace(spec, units_spec_.format);
  }
}

std::size_t OperandQuantizer::learned_count(std::size_t rows, std::size_t cols) const {
  return is_learned() ? unit_map(units_spec_, rows, cols).count() : 0;
}

void OperandQuantizer::find_channels(ConstMatrix in) {
  column_scales(in, spec_.channels.power_of_two, channels_);
  inverse_channels_.resize(channels_.size());
  for (std::size_t c = 0; c < channels_.size(); ++c) inverse_channels_[c] = 1.0F / channels_[c];
}

void OperandQuantizer::clamp(ConstMatrix in, Matrix out) {
  const std::size_t n = in.rows * in.cols;
  if (keys_.size() < n) keys_.resize(n);
  for (std::size_t r = 0; r < in.rows; ++r) {
    const float* row = in.data + r * in.stride;
    std::uint32_t* to = keys_.data() + r * in.cols;
    for (std::size_t c = 0; c < in.cols; ++c) to[c] = ordered_key(row[c]);
  }
  const std::span<const std::uint32_t> keys(keys_.data(), n);
  const std::size_t rank = quantile_rank(spec_.clamp.level, n);
  const float high = from_ordered_key(order_statistic(keys, rank));
  const float low = from_ordered_key(order_statistic(keys, n - 1 - rank));
  cuts_.clear();
  for (std::size_t r = 0; r < in.rows; ++r) {
    const float* from = in.data + r * in.stride;
    float* to = out.data + r * out.stride;
    for (std::size_t c = 0; c < in.cols; ++c) {
      const float x = from[c];
      const float kept = x > high ? high : x < low ? low : x;
      if (kept != x) cuts_.push_back({r, c, x - kept});
      to[c] = kept;
    }
  }
}

ConstMatrix OperandQuantizer::transformed(ConstMatrix in, Matrix out, const OperandCall& call) {
  const std::size_t n = in.rows * in.cols;
  const bool changes = call.channel_factors != nullptr || scales_channels_ ||
                       spec_.clamp.level != 1.0 || spec_.hadamard.n > 0;
  if (!changes && !(call.keeps_slopes && has_slopes() && in.data == out.data)) return in;
  Matrix target = out;
  if (call.keeps_slopes && has_slopes()) {
    if (work_.size() < n) work_.resize(n);
    target = {work_.data(), in.rows, in.cols, in.cols};
  }
  ConstMatrix source = in;
  if (call.channel_factors != nullptr) {
    multiply_columns(source, call.channel_factors, target);
    source = target;
  } else if (scales_channels_) {
    find_channels(in);
    multiply_columns(source, inverse_channels_.data(), target);
    source = target;
  }
  if (spec_.clamp.level != 1.0) {
    clamp(source, target);
    return target;
  }
  if (spec_.hadamard.n == 0) {
    for (std::size_t r = 0; r < in.rows && !changes; ++r) {
      std::copy_n(in.data + r * in.stride, in.cols, target.data + r * target.stride);
    }
    return target;
  }
  (spec_.reduces_rows ? hadamard_columns : hadamard_rows)(source, target, call.signs);
  return target;
}

void OperandQuantizer::round_with_factors(ConstMatrix in, Matrix out, const OperandCall& call) {
  scales_of_->make(in, units_, call.is_training, call.given, multipliers_, scales_);
  const std::vector<float>* scales = &scales_;
  std::vector<float> ones;
  if (call.scales.data != nullptr) {
    for (std::size_t r = 0; r < call.scales.rows; ++r) {
      std::copy_n(scales_.data() + r * call.scales.cols, call.scales.cols,
                  call.scales.data + r * call.scales.stride);
    }
    ones.assign(scales_.size(), 1.0F);
    scales = &ones;
  }
  round_units(*plan_, in, out, units_, multipliers_.data(), scales->data(), call.rounding);
}

void OperandQuantizer::quantize(ConstMatrix in, Matrix out, const OperandCall& call) {
  units_ = unit_map(units_spec_, in.rows, in.cols);
  const ConstMatrix source = transformed(in, out, call);
  const bool keeps = call.keeps_slopes && has_slopes();
  if (call.watch != nullptr) call.watch->before(source);
  if (scales_of_) {
    round_with_factors(source, out, call);
  } else {
    multipliers_.assign(units_.count(), 1.0F);
    scales_ = multipliers_;
    if (call.scales.data != nullptr) {
      quantizer_.quantize_to_grid(source, out, call.scales, call.rounding);
    } else {
      quantizer_.quantize(source, out, call.rounding);
    }
  }
  if (call.watch != nullptr) show(*call.watch, out, call);
  if (keeps) {
    signs_.assign(call.signs.begin(), call.signs.end());
    if (call.scales.data == nullptr) {
      keep_slopes({source, out, units_, multipliers_.data(), scales_.data()});
    } else {
      AlignedVector<float> values(in.rows * in.cols);
      const Matrix to = {values.data(), in.rows, in.cols, in.cols};
      quantizer_.apply_scales(out, call.scales, to);
      keep_slopes({source, to, units_, multipliers_.data(), scales_.data()});
    }
  }
  restore(out);
}

void OperandQuantizer::show(const QuantizationWatch& watch, ConstMatrix after,
                            const OperandCall& call) const {
  if (!watch.is_watching()) return;
  if (!scales_of_) return watch.after(quantizer_, after, call.scales);
  QuantizerRange range;
  range.unit_rows = units_.unit_rows;
  range.unit_cols = units_.unit_cols;
  range.scale_cols = units_.across();
  range.scale_rows = units_.count() / range.scale_cols;
  range.scales = scales_;
  set_ends(range, units_spec_.format);
  if (call.scales.data == nullptr) return watch.after(range, after);
  AlignedVector<float> values(after.rows * after.cols);
  const Matrix to = {values.data(), after.rows, after.cols, after.cols};
  quantizer_.apply_scales(after, call.scales, to);
  watch.after(range, to);
}

void OperandQuantizer::restore(Matrix out) {
  if (spec_.clamp.compensates) {
    for (const Cut& cut : cuts_) out.data[cut.row * out.stride + cut.col] += cut.rest;
  }
  if (scales_channels_) multiply_columns(out, channels_.data(), out);
}

void OperandQuantizer::keep_slopes(const QuantizedTensor& tensor) {
  const std::size_t cols = tensor.in.cols, n = tensor.in.rows * cols;
  slopes_.resize(n);
  slopes_of_->slopes(tensor, slopes_.data());
  if (is_learned()) {
    learned_slopes_.resize(n);
    slopes_of_->learned_slopes(tensor, learned_slopes_.data());
  }
  if (spec_.clamp.level == 1.0) return;
  // What is given back passes; what is dropped is saturated.
  for (const Cut& cut : cuts_) {
    slopes_[cut.row * cols + cut.col] = spec_.clamp.compensates ? 1.0F : 0.0F;
  }
}

void OperandQuantizer::backward(float* gradient, std::size_t rows, std::size_t cols, float* learned,
                                double learned_factor) {
  const Matrix all = {gradient, rows, cols, cols};
  if (!has_slopes()) return;
  if (spec_.hadamard.n > 0) hadamard_rows(all, all, signs_);
  if (learned != nullptr && is_learned()) {
    std::vector<double> sums(units_.count());
    for (std::size_t r = 0; r < rows; ++r) {
      double* own = sums.data() + r / units_.unit_rows * units_.across();
      for (std::size_t c = 0; c < cols; ++c) {
        own[c / units_.unit_cols] += static_cast<double>(gradient[r * cols + c]) *
                                     static_cast<double>(learned_slopes_[r * cols + c]);
      }
    }
    for (std::size_t u = 0; u < sums.size(); ++u) {
      learned[u] = static_cast<float>(sums[u] * learned_factor);
    }
  }
  const float* slopes = slopes_.data();
  for (std::size_t i = 0; i < rows * cols; ++i) gradient[i] *= slopes[i];
  if (spec_.hadamard.n > 0) inverse_hadamard_rows(all, all, signs_);
}

}  // namespace halfulp::nn
