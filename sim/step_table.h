// Rounding as a staircase: under every deterministic mode the result is a rising step function of
// the operand, so the operands at which it steps are all there is to know. They are found by
// bisection against the scalar definition, whatever the format, so equality with it needs no proof.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>
#include <vector>

namespace halfulp {

/// Steps over binary32 or binary64 operands, which are looked up by their place in the ascending
/// order of all patterns (StepTable::key_of).
template <class T>
struct StepTable {
  using Key = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

  std::vector<T> values;        ///< of the steps, ascending
  std::vector<Key> thresholds;  ///< [i]: where values[i + 1] begins; padded with the largest key
  std::vector<Key> first;       ///< for each bucket of keys: thresholds before it
  Key low_key = 0;              ///< operands below are like this one
  Key high_key = 0;             ///< operands above are like this one
  int shift = 0;                ///< bucket = (key - low_key) >> shift
  int levels = 0;               ///< a bucket has less than 2^levels thresholds
  std::vector<Key> tree;        ///< up to 16 values: a search tree, level by level, of the
                                ///< last keys before thresholds

  static Key key_of(T x) {
    const Key bits = std::bit_cast<Key>(x);
    return bits ^ ((bits >> (8 * sizeof(T) - 1)) & std::numeric_limits<Key>::max());
  }

  static T operand_of(Key key) {
    return std::bit_cast<T>(
        static_cast<Key>(key ^ ((key >> (8 * sizeof(T) - 1)) & std::numeric_limits<Key>::max())));
  }
};

/// Values that fit in vector registers.
inline constexpr std::size_t kTreeValues = 16;

/// The steps of `round` between minus and plus infinity. `round` must rise (as a function that may
/// be NaN beyond the ends of a range) and tell minus from plus zero by the operand's sign alone.
template <class T>
StepTable<T> make_step_table(const std::function<T(T)>& round);

extern template StepTable<float> make_step_table(const std::function<float(float)>&);
extern template StepTable<double> make_step_table(const std::function<double(double)>&);

}  // namespace halfulp
