// One of a model's matrix products under an accumulator, and what becomes of its operands' scales.
//
// Hardware that multiplies scaled numbers adds products of the codes' values and multiplies by the
// scales afterwards. So under any accumulator but the binary32 chain (which takes operands times
// their scales) a quantized operand with binary32 scales is used in one of three ways:
//   after_sum     scales that do not vary along the reduction (one for the tensor, or for each row
//                 of A or column of B): the sum is of grid values; the finished sum is multiplied
//                 by A's scale, then by B's.
//   at_promotion  scales of groups of g terms, under an accumulator whose promotion interval
//                 divides g: each inner sum is of grid values; it is multiplied by A's scale, then
//                 by B's, and then added to the outer sum (DeepSeek-V3, arXiv 2412.19437, 3.3.2).
//                 The other operand's scales, where they do not vary, are applied there too.
//   in_operand    all others: grid times scale is what is multiplied, as after dequantization.
// Each of these multiplications is rounded to binary32 (nearest even); what they multiply is the
// finished result of the accumulator, or an inner sum (rounded to binary32 where it is wider).
// Powers of two as scales, block formats and unscaled formats are always used in the operand.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/accumulator.h"
#include "sim/accumulated_gemm.h"
#include "sim/aligned_vector.h"
#include "sim/matrix.h"
#include "sim/quantizer.h"
#include "sim/rounder.h"

namespace halfulp::nn {

enum class ScaleUse : std::uint8_t { in_operand, after_sum, at_promotion };

std::string_view to_string(ScaleUse);

/// How a product under `accumulator` uses the scales of an operand; `reduces_rows`: the sum runs
/// down the operand's columns.
ScaleUse scale_use(const AccumulatorSpec& accumulator, const QuantizerSpec& operand,
                   bool reduces_rows);

/// What a product reads: numbers, and what multiplies them (Quantizer::quantize_to_grid()); without
/// data of `scales` the numbers are the values.
struct ScaledOperand {
  ConstMatrix grid;
  ConstMatrix scales = {};
};

class EmulatedProduct {
 public:
  /// nn: C = A B, nt: C = A B^T, tn: C = A^T B, of operands as they are stored.
  enum class Form : std::uint8_t { nn, nt, tn };

  /// Throws SpecError as AccumulatedGemm.
  EmulatedProduct(Form form, const AccumulatorSpec& accumulator, const QuantizerSpec& a,
                  const QuantizerSpec& b);

  const AccumulatorSpec& accumulator() const { return spec_; }

  bool is_binary32_chain() const { return gemm_.is_binary32_chain(); }

  ScaleUse a_use() const { return a_use_; }

  ScaleUse b_use() const { return b_use_; }

  /// C from operands in the form that a_use() and b_use() ask for (grid and scales unless
  /// in_operand). Shapes as in sim/gemm.h. Random: the sums of the p-th promotion interval draw
  /// from `stream` with p * 2^16 added to its tensor, the additions to the outer sum from the same
  /// plus 2^15; so `stream.tensor` is below 2^15. Throws std::length_error for more than 2^15
  /// promotions.
  void run(const ScaledOperand& a, const ScaledOperand& b, Matrix c,
           const RandomStream& stream) const;

 private:
  void multiply(const AccumulatedGemm& gemm, ConstMatrix a, ConstMatrix b, Matrix c,
                const RandomStream& stream) const;
  void run_promoted(const ScaledOperand& a, const ScaledOperand& b, Matrix c,
                    const RandomStream& stream) const;
  void add_to_outer(const float* inner, Matrix c, const RandomStream& stream) const;

  Form form_;
  AccumulatorSpec spec_;
  QuantizerSpec a_, b_;
  ScaleUse a_use_, b_use_;
  AccumulatedGemm gemm_;              ///< of an inner sum where a scale is used at promotion
  std::optional<WideRounder> outer_;  ///< where the outer sum is not plain binary32
  std::optional<Rounder> result_;     ///< the last rounding, where scales come before it
};

}  // namespace halfulp::nn
