// Where an operand's scales come from when they are not the current largest magnitudes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/matrix.h"
#include "sim/nn/operand_spec.h"
#include "sim/nn/operand_units.h"
#include "sim/nn/saved_state.h"
#include "sim/round_plan.h"
#include "sim/unit_scale.h"

namespace halfulp::nn {

/// The scale of least mean squared error for normal numbers of variance 1, rounded to nearest even
/// and saturating, rounded to 2^-20. E2M1: 0.487080. Source: QuEST and Quartet scale by it.
float normal_step(const Format& format);

/// Multipliers and scales of the units of one tensor, and the running state they depend on.
class ScaleMaker {
 public:
  /// `quantizer`: without a block format.
  ScaleMaker(const OperandSpec& spec, const QuantizerSpec& quantizer);

  /// Factors of scale_shape() of the quantizer; a multiplier of 0 for units that are not finite.
  /// `given`: the trained numbers, one for each unit, a 0 among which is replaced by its initial
  /// value in training; or the propagated scale. Evaluation changes no state.
  void make(ConstMatrix in, const UnitMap& units, bool is_training, float* given,
            std::vector<float>& multipliers, std::vector<float>& scales);

  /// The amax history, its length so far, and the multiplier in use, under `prefix`.
  void visit_state(const std::string& prefix, StateVisitor& visitor);

 private:
  void from_maxima(const std::vector<std::uint32_t>& maxima, std::vector<float>& multipliers,
                   std::vector<float>& scales) const;
  void from_history(std::uint32_t amax, bool is_training, std::vector<float>& multipliers,
                    std::vector<float>& scales);
  void from_squares(ConstMatrix in, const UnitMap& units, std::vector<float>& multipliers,
                    std::vector<float>& scales) const;
  void from_means(ConstMatrix in, const UnitMap& units, std::vector<float>& multipliers,
                  std::vector<float>& scales) const;
  UnitScale given(double scale) const;
  void from_learned(ConstMatrix in, const UnitMap& units, bool is_training, float* learned,
                    std::vector<float>& multipliers, std::vector<float>& scales) const;
  std::uint32_t best_clip(const float* x, std::size_t n, std::uint32_t amax) const;
  std::uint32_t quantile(const float* x, std::size_t n) const;

  Scaling scaling_;
  ScaleRule rule_;
  float largest_;         ///< what the largest magnitude is mapped to
  float format_largest_;  ///< the format's largest number
  float step_ = 0;        ///< normal_step() for rms
  RoundPlan plan_;        ///< to nearest, for mse
  std::vector<float> history_;
  std::int64_t recorded_ = 0;
  float multiplier_ = 1.0F;  ///< of the history
};

}  // namespace halfulp::nn
