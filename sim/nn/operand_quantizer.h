// An operand on its way into a product: transforms, scales, rounding; and the way back of its
// gradient.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/matrix.h"
#include "sim/nn/operand_estimator.h"
#include "sim/nn/operand_scales.h"
#include "sim/nn/operand_spec.h"
#include "sim/nn/quantization_watch.h"
#include "sim/nn/saved_state.h"
#include "sim/quantizer.h"
#include "sim/random.h"

namespace halfulp::nn {

/// What one call depends on besides the numbers and the running state.
struct OperandCall {
  RandomStream rounding = {};
  bool is_training = true;
  std::span<const float> signs = {};       ///< of the product's rotation
  const float* channel_factors = nullptr;  ///< of smooth: column c is multiplied by the c-th
  float* given = nullptr;                  ///< trained scales, one for each unit, or the propagated
  bool keeps_slopes = false;               ///< backward() follows
  QuantizationWatch* watch = nullptr;      ///< looks on where it rounds
  Matrix scales = {};  ///< where given, `out` receives grid values and this their scales
};

/// The quantizer whose units and format an operand has where its scales are made by a ScaleMaker: a
/// block format there stands as groups with powers of two.
QuantizerSpec unit_quantizer(const OperandSpec& spec);

/// Whether a ScaleMaker is needed: the quantizer's own scales do not serve.
bool makes_scales(const OperandSpec& spec);

class OperandQuantizer {
 public:
  /// `spec`: of with_reduction(). `scales_channels`: smooth_swiglu applies here.
  OperandQuantizer(const OperandSpec& spec, bool scales_channels);

  const OperandSpec& spec() const { return spec_; }

  const Quantizer& quantizer() const { return quantizer_; }

  bool is_plain() const { return is_plain_; }

  bool is_identity() const { return is_plain_ && quantizer_.is_identity(); }

  /// Fake-quantizes `in` to `out` (same shape, may be the same memory): channels, clamp, rotation,
  /// scales, rounding, then what is given back. Elements (r, c) draw index r * cols + c. Throws
  /// std::invalid_argument where a rotation does not divide the reduction.
  void quantize(ConstMatrix in, Matrix out, const OperandCall& call);

  /// Whether backward() changes anything.
  bool has_slopes() const { return slopes_of_.has_value(); }

  bool is_learned() const {
    return spec_.scaling.source == ScaleSource::learned ||
           spec_.scaling.source == ScaleSource::learned_clip;
  }

  /// `gradient` (rows x cols, dense) of what the last quantize() with keeps_slopes gave, becomes
  /// that of what it read. `learned` (one for each unit), where given, receives the gradient of
  /// the trained scales times `learned_factor`. Sums in binary64, ascending. A rotated operand's
  /// gradient is rotated, multiplied by the slopes and rotated back (Quartet: (g . M) H^T).
  void backward(float* gradient, std::size_t rows, std::size_t cols, float* learned,
                double learned_factor);

  /// Trained scales of a rows x cols operand.
  std::size_t learned_count(std::size_t rows, std::size_t cols) const;

  void visit_state(const std::string& prefix, StateVisitor& visitor) {
    if (scales_of_) scales_of_->visit_state(prefix, visitor);
  }

 private:
  ConstMatrix transformed(ConstMatrix in, Matrix out, const OperandCall& call);
  void find_channels(ConstMatrix in);
  void clamp(ConstMatrix in, Matrix out);
  void restore(Matrix out);
  void keep_slopes(const QuantizedTensor& tensor);
  void show(const QuantizationWatch& watch, ConstMatrix after, const OperandCall& call) const;
  void round_with_factors(ConstMatrix in, Matrix out, const OperandCall& call);

  /// An element that was clamped: where it was and what was cut off.
  struct Cut {
    std::size_t row, col;
    float rest;
  };

  OperandSpec spec_;
  QuantizerSpec units_spec_;  ///< block formats with scales of our own: as groups
  bool is_plain_, scales_channels_;
  Quantizer quantizer_;
  std::optional<RoundPlan> plan_;
  std::optional<ScaleMaker> scales_of_;  ///< where the quantizer's own scales do not serve
  std::optional<SlopeMaker> slopes_of_;
  std::vector<float> multipliers_, scales_;
  std::vector<float> channels_, inverse_channels_;  ///< of smooth_swiglu
  std::vector<Cut> cuts_;
  std::vector<std::uint32_t> keys_;  ///< of the numbers to clamp
  std::vector<float> signs_;         ///< of the slopes' rotation
  UnitMap units_;
  AlignedVector<float> work_, slopes_, learned_slopes_;
};

/// Largest magnitudes of the columns; 1 where they are 0 or not finite. A power of two is the least
/// that is not below.
void column_scales(ConstMatrix in, bool power_of_two, std::vector<float>& scales);

/// The scales s of smooth: max |x_j|^alpha / max |w_j|^(1 - alpha), or the power of two nearest to
/// it in its logarithm; 1 where a maximum is 0 or not finite.
void smoothing_scales(ConstMatrix x, ConstMatrix weight, const ChannelSpec& spec,
                      std::vector<float>& scales);

/// Column c times the c-th factor; `out` may be `in`.
void multiply_columns(ConstMatrix in, const float* factors, Matrix out);

}  // namespace halfulp::nn
