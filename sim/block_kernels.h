// Loops of block quantization over arrays, dispatched to the SIMD target in use.
#pragma once

#include <cstddef>
#include <cstdint>

#include "formats/block_format.h"
#include "sim/round_plan.h"

namespace halfulp {

/// maxima[b] = pattern of the largest magnitude of the b-th run of `length` elements, NaN above
/// all. The last run may be short: n elements in all. Returns the largest of them.
std::uint32_t block_magnitudes(const float* in, std::size_t n, std::size_t length,
                               std::uint32_t* maxima);

/// maxima[j] = pattern of the largest magnitude of column j of a rows x cols matrix. Returns the
/// largest of them.
std::uint32_t column_magnitudes(const float* in, std::size_t stride, std::size_t rows,
                                std::size_t cols, std::uint32_t* maxima);

/// Factors of E8M0 scales: multipliers 2^-e, scales 2^e with e in -127 to 127, from the pattern of
/// each block's largest magnitude. `reciprocal` is 1 / M for the rule rceil; `half_step` is half of
/// the last kept bit of the pattern for the rule even.
struct PowerOfTwoPlan {
  BlockScaleRule rule = BlockScaleRule::floor;
  std::int32_t emax = 0;  ///< of the element, 0 to 126
  float reciprocal = 0;
  std::uint32_t half_step = 0;
  float multiplier_factor = 1;  ///< 3/4 for prescale=3/4
  float scale_factor = 1;       ///< 4/3
};

void power_of_two_factors(const PowerOfTwoPlan& plan, const std::uint32_t* maxima, std::size_t n,
                          float* multipliers, float* scales);

/// Whether block_round() and column_round() serve the plan: nearest_even, saturating.
bool has_block_kernel(const RoundPlan& plan);

/// out[i] = round(in[i] * multipliers[b]) * scales[b] for element i of block b, as round_array()
/// does; `length` is a multiple of block_lanes().
void block_round(const RoundPlan& plan, const float* in, float* out, std::size_t blocks,
                 std::size_t length, const float* multipliers, const float* scales);

/// Part of a matrix.
struct ColumnBlock {
  const float* in;
  std::size_t in_stride;
  float* out;
  std::size_t out_stride;
  std::size_t rows, cols;
  const std::uint32_t* maxima = nullptr;  ///< of column_magnitudes(), where they are known
  bool fetches_next = false;              ///< asks the memory for as many rows after these
};

/// The same with a multiplier and a scale for each column.
void column_round(const RoundPlan& plan, const ColumnBlock& block, const float* multipliers,
                  const float* scales);

/// Factors that a fused kernel computes between the maxima of blocks and their elements.
struct FusedPlan {
  enum class Kind : std::uint8_t { power_of_two, transformer_engine, torchao, absmax };
  Kind kind = Kind::power_of_two;
  PowerOfTwoPlan power_of_two;
  const RoundPlan* scale_plan = nullptr;  ///< of the libraries' NVFP4
  float largest = 0;                      ///< of the element: M
  float overflow_from = 0;                ///< smaller magnitudes round to M at most
  float largest_single = 0;               ///< of binary32
  bool has_tensor_scale = false;
  float tensor_amax = 0;
  float tensor_encode = 1;     ///< torchao: 1 / g
  float tensor_decode = 1;     ///< g
  float scale_multiplier = 0;  ///< transformer_engine: encode / M
  float range_reciprocal = 0;  ///< transformer_engine: 1 / (M bound)
  float least_scale = 0;       ///< torchao
  // torchao's quotient amax / M / g as the product with this, unless the pattern is within
  // kQuotientMargin of a tie of scales: half of drop_mask + 1 in its bits. 0: never.
  float quotient_factor = 0;
  std::int32_t scale_drop_mask = 0;
};

/// Units of the last place, twice the most by which product and quotients can differ.
inline constexpr std::int32_t kQuotientMargin = 8;

/// Blocks of `length` elements (a multiple of block_lanes()) one after the other; `blocks` is a
/// multiple of block_lanes() too. Blocks with a NaN or an infinity become NaN. `maxima` are those
/// of block_magnitudes(), or null where they are not known.
void fused_rows(const RoundPlan& plan, const FusedPlan& fused, const float* in, float* out,
                std::size_t blocks, std::size_t length, const std::uint32_t* maxima = nullptr);

/// Each column of `block` is one block; a multiple of block_lanes() columns; deterministic
/// rounding.
void fused_columns(const RoundPlan& plan, const FusedPlan& fused, const ColumnBlock& block);

/// Elements of one vector of the target in use.
std::size_t block_lanes();

}  // namespace halfulp
