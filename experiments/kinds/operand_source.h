// Where the operands of measured dot products come from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "experiments/config.h"
#include "sim/matrix.h"
#include "sim/quantizer.h"
#include "sim/random.h"

namespace halfulp {

/// Field::choices of a source.
inline constexpr std::string_view kOperandSources =
    "uniform|half_normal|normal|laplace|student_t5|constant";

/// Rows of numbers of one distribution, times a scale, quantized.
class OperandSource {
 public:
  /// `name` is one of kOperandSources: uniform on (0, 1), the magnitude of a normal, distributions
  /// of variance 1 around 0 (sim/distribution.h), or one number. Blocks run along rows.
  OperandSource(const std::string& name, double scale, const QuantizerSpec& quantizer);

  /// Element i, counted row by row, is sample i of `stream`.
  void fill(const RandomStream& stream, Matrix out) const;

 private:
  std::string name_;
  double scale_;
  Quantizer quantizer_;
};

}  // namespace halfulp
