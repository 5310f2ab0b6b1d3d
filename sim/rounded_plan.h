// Which kernel gives a rounded sum's exact bits for the numbers at hand, with the proofs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "formats/accumulator.h"
#include "sim/gemm_task.h"

namespace halfulp {

/// How one term joins a running sum of `precision` bits that is held in binary32.
enum class ChainRule : std::uint8_t {
  nearest,            ///< fused to nearest even in binary32, then to precision bits
  nearest_guarded,    ///< the same, looked at as it runs; where two roundings may be more than one,
                      ///< a stretch of the sum is done again by nearest_odd
  nearest_mean,       ///< fused down and up, the mean to nearest even: right for any operands, up
                      ///< to kSelfRoundingPrecision bits
  nearest_odd,        ///< fused to odd in binary32, then to nearest even: right for any operands
  toward_zero,        ///< fused toward zero, low bits dropped
  nearest_away,       ///< fused toward zero, half of the last place added, low bits dropped
  every,              ///< binary32's chain, rounded to nearest even after each `every` additions
  shared_draws,       ///< fused toward zero, draw added below the kept bits, low bits dropped
  independent_draws,  ///< the same with other draws
  // The compound rules, to nearest even each time:
  rounded_products,  ///< products are rounded, and then the sum
  pairwise,          ///< Order::pairwise
  interleaved,       ///< Order::interleaved
  kahan,             ///< CompensatedSum::Method::kahan
  two_sum,           ///< CompensatedSum::Method::two_sum
};

constexpr bool is_compound(ChainRule rule) { return rule >= ChainRule::rounded_products; }

/// Most bits that a sum is rounded to by multiples of itself (SelfRounding in rounded_rules-inl.h).
inline constexpr int kSelfRoundingPrecision = 11;

inline constexpr int kBinary32Precision = 24;

/// Most levels of ChainRule::pairwise, so that it adds at most 2^24 terms at once, and most lanes
/// of ChainRule::interleaved.
inline constexpr int kMostTreeLevels = 25;
inline constexpr int kMostLanes = 64;

/// Sums of `length` terms, from zero, that are added to an outer sum.
struct Segments {
  std::size_t length;
  int outer_precision;  ///< 24 (binary32 itself) or at most 22
};

struct ChainPlan {
  ChainRule rule;
  int precision;
  int every = 1;
  int random_bits = 0;
  std::optional<Segments> segments;
  Destination start;  ///< what the addend is rounded to at first
  /// Kernels run on A times 2^shift and their sums times 2^-shift are the result, both exact.
  int shift = 0;
  int product_precision = 0;  ///< of ChainRule::rounded_products: kBinary32Precision or at most 22
  std::size_t length = 0;     ///< SumOrder::length of ChainRule::pairwise and interleaved
};

/// The plan for a product whose operands, addend and depth have these facts; none where no kernel
/// is proved to give the bits of accumulate().
std::optional<ChainPlan> plan_chain(const AccumulatorSpec& spec, const OperandFacts& a,
                                    const OperandFacts& b, const OperandFacts& addend,
                                    std::size_t depth);

/// The plan for operands that nobody looks at, where marks of the arithmetic tell afterwards
/// whether they were in range: ChainRule::every in a format with binary32's exponents, from zero.
std::optional<ChainPlan> plan_unseen(const AccumulatorSpec& spec);

/// Whether operand_facts() may find a faster rule than a plan by operand_bounds() `a` and `b`.
bool may_gain_by_facts(const ChainPlan& plan, const OperandFacts& a, const OperandFacts& b);

/// ChainPlan::start; none where plan_chain() gives none whatever the facts.
std::optional<Destination> chain_start(const AccumulatorSpec& spec);

/// Whether rounding s + p to binary32 and then to `precision` bits, both to nearest even, equals
/// rounding once to `precision` bits, for any s of `precision` bits and p of `bits` bits that are
/// multiples of 2^g, |p| < 2^(g + span + 1).
bool rounds_twice_safely(int precision, int bits, int span);

/// Whether that holds for any exponents as long as s is a multiple of the last place that the sum
/// has in binary32.
bool rounds_aligned_safely(int precision, int bits);

}  // namespace halfulp
