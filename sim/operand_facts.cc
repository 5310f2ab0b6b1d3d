#include <algorithm>
#include <bit>
#include <cstdint>

#include "sim/gemm_task.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/operand_facts.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#ifndef HALFULP_SIM_OPERAND_FACTS_CC_ONCE_
#define HALFULP_SIM_OPERAND_FACTS_CC_ONCE_

namespace halfulp {
namespace {

/// Extremes over many elements.
struct Extremes {
  std::int32_t largest = 0;           ///< pattern of a magnitude
  std::int32_t least = 0x7FFFFFFF;    ///< pattern of a magnitude that is not zero
  std::int32_t quantum = 0x7FFFFFFF;  ///< 127 + exponent of the lowest bit, plus 23, of any
  std::int32_t most_bits = 0;         ///< significant bits of any
  std::int32_t negative_zero = 0;     ///< nonzero when there is one
};

}  // namespace
}  // namespace halfulp

#endif  // HALFULP_SIM_OPERAND_FACTS_CC_ONCE_

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Extremes of the lanes of vectors that are given one after the other.
class LaneExtremes {
 public:
  using D = hn::ScalableTag<std::int32_t>;
  using V = hn::Vec<D>;

  // A constructor of the compiler's own would be built without the target's instructions.
  HWY_INLINE LaneExtremes() {}  // NOLINT(modernize-use-equals-default)

  HWY_INLINE void add(V bits) {
    const V none = hn::Set(d_, 0x7FFFFFFF);
    const V magnitude = hn::And(bits, none);
    const V field = hn::ShiftRight<23>(magnitude);
    const auto is_zero = hn::Eq(magnitude, hn::Zero(d_));
    // A zero gets here a significand of one bit, of the largest exponent.
    const V trailing = hn::And(magnitude, hn::Set(d_, 0x7FFFFF));
    const V implicit_bit = hn::IfThenElseZero(hn::Gt(field, hn::Zero(d_)), hn::Set(d_, 0x800000));
    const V significand = hn::Or(trailing, implicit_bit);
    const V lowest = hn::And(significand, hn::Neg(significand));
    const V low = exponent_field(lowest);
    const V own_quantum = hn::Add(hn::Max(field, hn::Set(d_, 1)), low);
    largest_ = hn::Max(largest_, magnitude);
    least_ = hn::Min(least_, hn::IfThenElse(is_zero, none, magnitude));
    quantum_ = hn::Min(quantum_, hn::IfThenElse(is_zero, none, own_quantum));
    const V bits_of_significand =
        hn::Add(hn::Sub(exponent_field(significand), low), hn::Set(d_, 1));
    most_bits_ = hn::Max(most_bits_, hn::IfThenElse(is_zero, hn::Zero(d_), bits_of_significand));
    negative_zero_ = hn::Or(negative_zero_, hn::IfThenElseZero(is_zero, bits));
  }

  void collect(Extremes& all) const {
    all.largest = std::max(all.largest, hn::GetLane(hn::MaxOfLanes(d_, largest_)));
    all.least = std::min(all.least, hn::GetLane(hn::MinOfLanes(d_, least_)));
    all.quantum = std::min(all.quantum, hn::GetLane(hn::MinOfLanes(d_, quantum_)));
    all.most_bits = std::max(all.most_bits, hn::GetLane(hn::MaxOfLanes(d_, most_bits_)));
    // Only sign bits were collected.
    all.negative_zero |= hn::GetLane(hn::MinOfLanes(d_, negative_zero_));
  }

 private:
  /// Exponent field of the binary32 number that equals the integer x: exact below 2^24.
  static HWY_INLINE V exponent_field(V x) {
    const hn::RebindToFloat<D> df;
    return hn::ShiftRight<23>(hn::BitCast(D(), hn::ConvertTo(df, x)));
  }

  D d_;
  V largest_ = hn::Zero(d_);
  V least_ = hn::Set(d_, 0x7FFFFFFF);
  V quantum_ = hn::Set(d_, 0x7FFFFFFF);
  V most_bits_ = hn::Zero(d_);
  V negative_zero_ = hn::Zero(d_);
};

void find_extremes(ConstMatrix x, Extremes& all) {
  const LaneExtremes::D d;
  const hn::RebindToFloat<LaneExtremes::D> df;
  const std::size_t lanes = hn::Lanes(d);
  LaneExtremes extremes;
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* const row = x.data + r * x.stride;
    std::size_t i = 0;
    for (; i + lanes <= x.cols; i += lanes) extremes.add(hn::BitCast(d, hn::LoadU(df, row + i)));
    if (i < x.cols) {
      HWY_ALIGN float rest[hn::MaxLanes(hn::ScalableTag<float>())] = {};
      std::copy(row + i, row + x.cols, rest);
      // Zeros say nothing.
      extremes.add(hn::BitCast(d, hn::Load(df, rest)));
    }
  }
  extremes.collect(all);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(find_extremes);

/// floor(log2) of the magnitude with this pattern.
int exponent_of(std::int32_t pattern) {
  const int field = pattern >> 23;
  if (field > 0) return field - 127;
  return static_cast<int>(std::bit_width(static_cast<std::uint32_t>(pattern))) - 150;
}

}  // namespace

OperandFacts operand_facts(ConstMatrix x) {
  Extremes all;
  if (x.rows > 0 && x.cols > 0) HWY_DYNAMIC_DISPATCH(find_extremes)(x, all);
  OperandFacts facts;
  facts.is_finite = all.largest < 0x7F800000;
  facts.has_negative_zero = all.negative_zero != 0;
  facts.is_zero = all.largest == 0;
  if (facts.is_zero) return facts;
  facts.largest_exponent = exponent_of(all.largest);
  facts.least_exponent = exponent_of(all.least);
  // `quantum` is field + 127 + (place of the lowest bit); 2^-150 times 2^field is one place.
  facts.quantum_exponent = all.quantum - 127 - 150;
  facts.significant_bits = all.most_bits;
  return facts;
}

}  // namespace halfulp

#endif  // HWY_ONCE
