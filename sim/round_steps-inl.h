// Rounding by the table of steps of a format (step_table.h). Included once per SIMD target.
#if defined(HALFULP_SIM_ROUND_STEPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUND_STEPS_INL_H_
#undef HALFULP_SIM_ROUND_STEPS_INL_H_
#else
#define HALFULP_SIM_ROUND_STEPS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <type_traits>

#include "sim/round_magic-inl.h"
#include "sim/round_plan.h"
#include "sim/step_table.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Patterns as integers in the order of the numbers (StepTable::key_of).
template <class D>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> ordered_keys(D d, hn::Vec<D> x) {
  const hn::RebindToSigned<D> di;
  using Key = hn::TFromD<decltype(di)>;
  (void)d;
  const auto bits = hn::BitCast(di, x);
  const auto magnitude_mask = hn::Set(di, std::numeric_limits<Key>::max());
  return hn::Xor(bits, hn::And(hn::BroadcastSignBit(bits), magnitude_mask));
}

/// Any number of steps: a bucket by the leading bits of the key, then a binary search of a fixed
/// number of levels, all by gathers.
template <class T>
struct StepRounding {
  using D = hn::ScalableTag<T>;
  using DI = hn::RebindToSigned<D>;
  using DU = hn::RebindToUnsigned<D>;
  using V = hn::Vec<D>;
  static constexpr bool kUsesWords = false;

  D d;
  DI di;
  DU du;
  const StepTable<T>& table;
  V nan;
  bool keeps_nan;

  explicit HWY_INLINE StepRounding(const RoundPlan& plan)
      : table(table_of(plan)),
        nan(nan_constant(d, plan)),
        keeps_nan(plan.nan_rule == NanRule::keep) {}

  static HWY_INLINE const StepTable<T>& table_of(const RoundPlan& plan) {
    if constexpr (std::is_same_v<T, float>) {
      return *plan.tables->steps;
    } else {
      return *plan.tables->wide_steps;
    }
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const auto low = hn::Set(di, table.low_key);
    const auto key = hn::Min(hn::Max(ordered_keys(d, x), low), hn::Set(di, table.high_key));
    const auto distance = hn::BitCast(du, hn::Sub(key, low));
    const auto bucket = hn::BitCast(di, hn::ShiftRightSame(distance, table.shift));
    auto step = hn::GatherIndex(di, table.first.data(), bucket);
    for (int level = table.levels; level > 0; --level) {
      const auto half = hn::Set(di, typename StepTable<T>::Key{1} << (level - 1));
      const auto middle = hn::Sub(hn::Add(step, half), hn::Set(di, 1));
      const auto threshold = hn::GatherIndex(di, table.thresholds.data(), middle);
      step = hn::Add(step, hn::IfThenZeroElse(hn::Lt(key, threshold), half));
    }
    const V result = hn::GatherIndex(d, table.values.data(), step);
    if (keeps_nan) return keep_nan(d, x, result);
    return hn::IfThenElse(hn::IsNaN(x), nan, result);
  }
};

/// Up to 16 values, in registers where a vector has 8 lanes: a search tree of four levels.
struct FewStepsRounding {
  using D = hn::ScalableTag<float>;
  using DI = hn::RebindToSigned<D>;
  using V = hn::Vec<D>;
  using VI = hn::Vec<DI>;
  static constexpr bool kUsesWords = false;

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_MAX_BYTES < 32
  StepRounding<float> any;

  explicit HWY_INLINE FewStepsRounding(const RoundPlan& plan) : any(plan) {}

  HWY_INLINE V operator()(V x, const std::uint32_t* words) const { return any(x, words); }
#else
  D d;
  DI di;
  VI root, level1, level2, level3;
  VI values, upper_values;
  V nan;
  bool keeps_nan;

  explicit HWY_INLINE FewStepsRounding(const RoundPlan& plan)
      : root(hn::Set(di, plan.tables->steps->tree[0])),
        level1(hn::LoadU(di, plan.tables->steps->tree.data() + 8)),
        level2(hn::LoadU(di, plan.tables->steps->tree.data() + 16)),
        level3(hn::LoadU(di, plan.tables->steps->tree.data() + 24)),
        values(hn::BitCast(di, hn::LoadU(d, plan.tables->steps->values.data()))),
        upper_values(hn::BitCast(
            di, hn::LoadU(d, plan.tables->steps->values.data() + kTreeValues - hn::Lanes(d)))),
        nan(nan_constant(d, plan)),
        keeps_nan(plan.nan_rule == NanRule::keep) {}

  static HWY_INLINE VI at(VI table, VI index) {
    return hn::TableLookupLanes(table, hn::IndicesFromVec(DI(), index));
  }

  /// 2 index, plus 1 where the key is beyond the node.
  HWY_INLINE VI child(VI index, VI key, VI node) const {
    const VI is_right = hn::VecFromMask(di, hn::Gt(key, node));
    return hn::Sub(hn::Add(index, index), is_right);
  }

  HWY_INLINE V value_of(VI index) const {
    if constexpr (hn::MaxLanes(D()) >= kTreeValues) {
      return hn::BitCast(d, at(values, index));
    } else {
      const VI in_half = hn::And(index, hn::Set(di, 7));
      const auto is_upper = hn::Gt(index, hn::Set(di, 7));
      return hn::BitCast(d,
                         hn::IfThenElse(is_upper, at(upper_values, in_half), at(values, in_half)));
    }
  }

  HWY_INLINE V operator()(V x, const std::uint32_t* /*words*/) const {
    const VI key = ordered_keys(d, x);
    VI index = child(hn::Zero(di), key, root);
    index = child(index, key, at(level1, index));
    index = child(index, key, at(level2, index));
    index = child(index, key, at(level3, index));
    const V result = value_of(index);
    if (keeps_nan) return keep_nan(d, x, result);
    return hn::IfThenElse(hn::IsNaN(x), nan, result);
  }
#endif
};

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
