// Operands of approximate_multiplication: pairs of numbers before and after they are quantized.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "experiments/config.h"

namespace halfulp {

/// The keys of approximate_multiplication: its own, then those of train_language_model under
/// model, data and train.
std::span<const Field> approximate_multiplication_fields();

/// Trailing significand bits of the operands' format. Throws SpecError for formats that are not
/// floats.
int operand_trailing_bits(const Config& config);

/// Row r of `left` meets row r modulo right_rows of `right`, element by element.
struct ProductOperands {
  std::size_t left_rows = 0, right_rows = 0, cols = 0;
  std::vector<float> left, right;  ///< quantized
  std::vector<float> original_left, original_right;

  const float* right_row(std::size_t left_row, const std::vector<float>& of) const {
    return of.data() + left_row % right_rows * cols;
  }
};

/// All pairs of significands, samples, or the operands of a trained layer. Throws DataError.
ProductOperands product_operands(const Config& config, std::int64_t seed);

}  // namespace halfulp
