// Where the results of a quantizer end: the scales of its units and the numbers beyond which an
// operand saturates.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/matrix.h"
#include "sim/quantizer.h"

namespace halfulp {

/// The tensor is tiled by units of unit_rows x unit_cols elements (shorter at the ends), each with
/// one scale.
struct QuantizerRange {
  std::size_t unit_rows = 1, unit_cols = 1;
  std::size_t scale_rows = 1, scale_cols = 1;
  std::vector<float> scales;  ///< scale_rows x scale_cols; decoded = scale x element
  /// The format's largest number and half of its last step more; the lowest and half a step less.
  /// x is beyond the range when x > high x scale or x < low x scale, products in binary32.
  float low = 0, high = 0;

  ConstMatrix scale_matrix() const { return {scales.data(), scale_rows, scale_cols, scale_cols}; }
};

/// Sets low and high as above.
void set_ends(QuantizerRange& range, const Format& format);

/// The range that quantizer.quantize(x) has. A unit with a NaN or infinity, and a unit whose scale
/// is 0, has the scale infinity or NaN here: nothing counts as beyond it. With zero points nothing
/// is beyond.
QuantizerRange quantizer_range(const Quantizer& quantizer, ConstMatrix x);

}  // namespace halfulp
