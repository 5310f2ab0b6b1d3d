// From the largest magnitudes of blocks to the factors of their elements, many blocks at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "formats/block_format.h"
#include "formats/block_scale.h"
#include "sim/block_kernels.h"
#include "sim/rounder.h"

namespace halfulp {

/// How an element x of a block becomes its number.
enum class FactorMethod : std::uint8_t {
  multiply,       ///< round(x * multiplier) * scale, products in binary32
  divide,         ///< round(x / scale) * scale, the quotient in binary32, which decides as if exact
  divide_to_odd,  ///< the same with the quotient rounded to odd
};

class BlockFactors {
 public:
  /// Empty when only the reference serves the format.
  static std::optional<BlockFactors> make(const BlockFormat& format);

  FactorMethod method() const { return method_; }

  /// Fills scales[i], and multipliers[i] under `multiply`, for n blocks with these maxima
  /// (patterns; non-finite ones give some finite factor). n is at most kMaxBlocks.
  void fill(const std::uint32_t* maxima, std::size_t n, const TensorScale& tensor,
            float* multipliers, float* scales) const;

  /// The same for the fused kernels; empty where they do not compute these factors.
  std::optional<FusedPlan> fused_plan(const TensorScale& tensor) const;

  static constexpr std::size_t kMaxBlocks = 2048;

 private:
  explicit BlockFactors(const BlockFormat& format);

  void fill_transformer_engine(const float* amax, std::size_t n, const TensorScale& tensor,
                               float* multipliers, float* scales) const;
  void fill_torchao(const float* amax, std::size_t n, const TensorScale& tensor, float* multipliers,
                    float* scales) const;

  BlockFormat format_;
  FactorMethod method_ = FactorMethod::multiply;
  bool is_power_of_two_ = false;
  float largest_ = 0;
  float least_scale_ = 0;    ///< torchao's
  float overflow_from_ = 0;  ///< smaller magnitudes round to the largest element at most
  PowerOfTwoPlan power_of_two_;
  std::shared_ptr<const RoundPlan> scale_plan_;  ///< where the fused kernels can round with it
  std::optional<Rounder> scale_rounder_, amax_rounder_;
};

/// out[i] = x[i] / divisors[i * step] rounded to odd in binary32: rounding it further to 22 bits or
/// fewer in any mode gives the same as rounding the exact quotient. Divisors 0 give zeros.
void quotients_to_odd(const float* x, std::size_t n, const float* divisors, std::size_t step,
                      float* out);

/// out[i] = x[i] / divisors[i]; divisors 0 give zeros.
void quotients(const float* x, std::size_t n, const float* divisors, float* out);

/// out[i] = x[i] * multipliers[i], where a product below the normal numbers keeps a nonzero
/// magnitude, so that directed rounding sees it.
void products_to_odd(const float* x, std::size_t n, const float* multipliers, float* out);

}  // namespace halfulp
