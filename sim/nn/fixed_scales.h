// A weight's quantizer in two steps: scales from some numbers, then other numbers rounded under
// them, column by column.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "formats/block.h"
#include "sim/matrix.h"
#include "sim/nn/operand_scales.h"
#include "sim/nn/operand_spec.h"
#include "sim/nn/operand_units.h"
#include "sim/rounder.h"

namespace halfulp::nn {

/// Why an operand's scales cannot be fixed from the numbers alone: random rounding, rotations,
/// channel factors, clamps, trained and delayed scales. Empty when they can.
std::string fixed_scales_fault(const OperandSpec& spec);

class FixedScales {
 public:
  /// Throws std::invalid_argument with fixed_scales_fault().
  explicit FixedScales(const OperandSpec& spec);

  /// Neighbouring columns that share their scales with nobody else, so that they can be fixed when
  /// these columns are at hand; 0: all columns, as with a scale for rows, for the tensor, or a
  /// second level of scales.
  std::size_t group_columns() const;

  /// Takes the scales of this matrix (finite numbers).
  void fix(ConstMatrix weights);

  /// One number for each row: what the quantizer of the operand would give in this column under the
  /// scales fixed. `out` may be `in`. Rounding what was fixed gives the operand's own numbers, bit
  /// for bit.
  void round_column(std::size_t col, const float* in, float* out) const;

 private:
  OperandSpec spec_;
  QuantizerSpec units_spec_;
  bool is_block_;                    ///< under its own scales
  std::optional<Rounder> rounder_;   ///< where it is not
  std::optional<ScaleMaker> maker_;  ///< none: unscaled
  UnitMap units_;
  std::vector<float> multipliers_, scales_;
  BlockTensor blocks_;
};

}  // namespace halfulp::nn
