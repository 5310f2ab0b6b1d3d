#include "sim/nn/fixed_scales.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "sim/nn/operand_quantizer.h"

namespace halfulp::nn {
namespace {

bool is_unscaled(const QuantizerSpec& spec) {
  return !spec.block && spec.scale == ScaleRule::unscaled;
}

bool follows_numbers(ScaleSource source) {
  return source != ScaleSource::delayed && source != ScaleSource::learned &&
         source != ScaleSource::learned_clip;
}

}  // namespace

std::string fixed_scales_fault(const OperandSpec& spec) {
  if (spec.quantizer.rounding.rounding == Rounding::stochastic)
    return "rounding must not be random";
  if (!follows_numbers(spec.scaling.source)) return "scales must follow from the weights";
  if (spec.hadamard.n != 0) return "rotations need both operands";
  if (spec.channels.rule != ChannelRule::none) return "channel factors need both operands";
  if (spec.clamp.level != 1.0) return "a clamp is for activations";
  return "";
}

FixedScales::FixedScales(const OperandSpec& spec)
    : spec_(with_reduction(spec, false)),
      units_spec_(unit_quantizer(spec_)),
      is_block_(spec_.quantizer.block && !makes_scales(spec_)) {
  if (const std::string fault = fixed_scales_fault(spec); !fault.empty()) {
    throw std::invalid_argument(fault);
  }
  if (is_block_) return;
  rounder_.emplace(units_spec_.format, units_spec_.rounding);
  if (!is_unscaled(units_spec_)) maker_.emplace(spec_, units_spec_);
}

std::size_t FixedScales::group_columns() const {
  if (is_block_) {
    const BlockFormat& block = *spec_.quantizer.block;
    if (block.length == 0 || block.tensor_bound != 0) return 0;
    return static_cast<std::size_t>(block.axis == BlockAxis::columns ? block.lines : block.length);
  }
  if (!maker_ || spec_.scaling.source == ScaleSource::fixed) return 0;
  constexpr std::size_t kEnough = std::size_t{1} << 20;  // wider than any unit but whole rows
  const UnitMap units = unit_map(units_spec_, kEnough, kEnough);
  return units.unit_cols < kEnough ? units.unit_cols : 0;
}

void FixedScales::fix(ConstMatrix weights) {
  if (!is_block_) {
    units_ = unit_map(units_spec_, weights.rows, weights.cols);
    multipliers_.assign(units_.count(), 1.0F);
    scales_.assign(units_.count(), 1.0F);
    if (maker_) maker_->make(weights, units_, false, nullptr, multipliers_, scales_);
    return;
  }
  std::vector<float> dense(weights.rows * weights.cols);
  for (std::size_t r = 0; r < weights.rows; ++r) {
    std::copy_n(weights.data + r * weights.stride, weights.cols, dense.data() + r * weights.cols);
  }
  blocks_ = quantize_blocks(*spec_.quantizer.block, dense.data(), weights.rows, weights.cols);
}

void FixedScales::round_column(std::size_t col, const float* in, float* out) const {
  if (is_block_) {
    for (std::size_t r = 0; r < blocks_.rows; ++r) {
      out[r] = round_in_block(*spec_.quantizer.block, blocks_, in[r], r, col);
    }
    return;
  }
  const std::size_t rows = units_.rows;
  std::vector<float> multipliers(rows), scales(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t unit = r / units_.unit_rows * units_.across() + col / units_.unit_cols;
    multipliers[r] = multipliers_[unit];
    scales[r] = scales_[unit];
  }
  rounder_->round_scaled_each(in, out, rows, multipliers.data(), scales.data());
}

}  // namespace halfulp::nn
