// Gradient estimators of quantizers: what a gradient with respect to quantized numbers is
// multiplied by, element by element.
#pragma once

#include <cstddef>
#include <vector>

#include "formats/format.h"
#include "sim/matrix.h"
#include "sim/nn/operand_spec.h"
#include "sim/nn/operand_units.h"

namespace halfulp::nn {

/// One quantized tensor, and the factors of its units.
struct QuantizedTensor {
  ConstMatrix in;   ///< as it was rounded: after every transform
  ConstMatrix out;  ///< values
  const UnitMap& units;
  const float* multipliers;
  const float* scales;
};

class SlopeMaker {
 public:
  SlopeMaker(const OperandSpec& spec, const Format& format);

  /// slopes[r * cols + c], of d out / d in, with v = in * multiplier:
  ///   clipped  1 where v is in the format's range, else 0
  ///   dge      min(|2 (v - a) / (b - a) - 1|^(1/k - 1) / k, cap) between the format's neighbours
  ///            a and b of v, 0 beyond the range (arXiv 2501.17116); interpolated linearly between
  ///            4097 values of |.|
  ///   trust    of integers, or with T: 1 where |out - in| <= T RMS of the unit; without T it is
  ///            half of normal_step() (QuEST, arXiv 2502.05003); of others: 1 where |v| is below
  ///            the largest number (Quartet, arXiv 2505.14669)
  /// The largest element of a unit may exceed the range by the rounding of its product: up to
  /// 2^-20 of the range counts as inside, but not for trust.
  void slopes(const QuantizedTensor& tensor, float* slopes) const;

  /// d out / d (learned number of the unit), for learned and learned_clip; v = in * multiplier,
  /// clamped to the range [low, high]:
  ///   learned       round(v) - v inside, low or high beyond (LSQ, arXiv 1902.08153)
  ///   learned_clip  0 inside, low / high or 1 beyond (PACT, arXiv 1805.06085)
  void learned_slopes(const QuantizedTensor& tensor, float* slopes) const;

 private:
  template <class Slope>
  void fill(const QuantizedTensor& tensor, float* slopes, const Slope& slope) const;
  void dge(const QuantizedTensor& tensor, float* slopes) const;
  void trust_error(const QuantizedTensor& tensor, float* slopes) const;

  OperandSpec spec_;
  bool is_integer_;
  float lowest_, largest_;             ///< of the format
  float trust_ = 0;                    ///< T
  std::vector<float> numbers_;         ///< of the format, for dge
  std::vector<float> inverse_widths_;  ///< of the intervals between them
  std::vector<float> slopes_;          ///< by |u|
};

}  // namespace halfulp::nn
