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

  HWY_INLINE LaneExtremes()
      : largest_(hn::Zero(d_)),
        least_(hn::Set(d_, 0x7FFFFFFF)),
        quantum_(least_),
        most_bits_(largest_),
        negative_zero_(largest_),
        any_(largest_) {}

  HWY_INLINE void add_exactly(V bits) {
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

  /// As add_exactly(), with bounds for the quantum and the number of bits, by a third of the
  /// instructions.
  HWY_INLINE void add_bounds(V bits) {
    const V magnitude = hn::And(bits, hn::Set(d_, 0x7FFFFFFF));
    largest_ = hn::Max(largest_, magnitude);
    // Zero becomes the largest unsigned number.
    const V one_less = hn::Sub(magnitude, hn::Set(d_, 1));
    least_ = hn::BitCast(d_, hn::Min(hn::BitCast(du_, least_), hn::BitCast(du_, one_less)));
    any_ = hn::Or(any_, bits);
  }

  template <bool kBounds>
  HWY_INLINE void add(V bits) {
    if constexpr (kBounds) {
      add_bounds(bits);
    } else {
      add_exactly(bits);
    }
  }

  void collect_bounds(Extremes& all) const {
    const auto least = hn::GetLane(hn::MinOfLanes(du_, hn::BitCast(du_, least_)));
    HWY_ALIGN std::int32_t any[hn::MaxLanes(D())];
    hn::Store(any_, d_, any);
    std::int32_t bits = 1 << 23;
    for (std::size_t i = 0; i < hn::Lanes(d_); ++i) bits |= any[i];
    const int unused = std::countr_zero(static_cast<std::uint32_t>(bits));
    all.largest = hn::GetLane(hn::MaxOfLanes(d_, largest_));
    all.least = static_cast<std::int32_t>(std::min(least, 0x7FFFFFFEU) + 1);
    all.most_bits = 24 - unused;
    all.quantum = std::max(all.least >> 23, 1) + 127 + unused;
    all.negative_zero = 1;
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
  hn::RebindToUnsigned<D> du_;
  V largest_, least_, quantum_, most_bits_, negative_zero_, any_;
};

template <bool kBounds>
HWY_INLINE void read_all(ConstMatrix x, Extremes& all) {
  const LaneExtremes::D d;
  const hn::RebindToFloat<LaneExtremes::D> df;
  const std::size_t lanes = hn::Lanes(d);
  LaneExtremes extremes;
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* const row = x.data + r * x.stride;
    std::size_t i = 0;
    for (; i + lanes <= x.cols; i += lanes)
      extremes.add<kBounds>(hn::BitCast(d, hn::LoadU(df, row + i)));
    if (i < x.cols) {
      HWY_ALIGN float rest[hn::MaxLanes(hn::ScalableTag<float>())] = {};
      std::copy(row + i, row + x.cols, rest);
      // Zeros say nothing.
      extremes.add<kBounds>(hn::BitCast(d, hn::Load(df, rest)));
    }
  }
  if constexpr (kBounds) {
    extremes.collect_bounds(all);
  } else {
    extremes.collect(all);
  }
}

void find_extremes(ConstMatrix x, Extremes& all) { read_all<false>(x, all); }

void find_bounds(ConstMatrix x, Extremes& all) { read_all<true>(x, all); }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(find_bounds);
HWY_EXPORT(find_extremes);

/// floor(log2) of the magnitude with this pattern.
int exponent_of(std::int32_t pattern) {
  const int field = pattern >> 23;
  if (field > 0) return field - 127;
  return static_cast<int>(std::bit_width(static_cast<std::uint32_t>(pattern))) - 150;
}

OperandFacts facts_of(const Extremes& all) {
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

}  // namespace

OperandFacts operand_facts(ConstMatrix x) {
  Extremes all;
  if (x.rows > 0 && x.cols > 0) HWY_DYNAMIC_DISPATCH(find_extremes)(x, all);
  return facts_of(all);
}

OperandFacts operand_bounds(ConstMatrix x) {
  Extremes all;
  if (x.rows > 0 && x.cols > 0) HWY_DYNAMIC_DISPATCH(find_bounds)(x, all);
  return facts_of(all);
}

}  // namespace halfulp

#endif  // HWY_ONCE
