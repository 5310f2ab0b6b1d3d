// Integer sums whose range is looked at after every addition.
#pragma once

#include <cstdint>

#include "sim/gemm_task.h"
#include "sim/sum_stages.h"

namespace halfulp {

/// A range of integers around 0 and what happens to sums outside of it.
struct IntegerRange {
  double low = 0;
  double high = 0;
  bool wraps = false;   ///< modulo high - low + 1, a power of two; else saturates
  bool counts = false;  ///< elements whose sum was ever outside; slower
};

/// Sums in sequence. Starts lie in the range; |product| + 2 (high - low) <= 2^53. `in_binary32`:
/// products and ends of the range are at most 2^24 in magnitude, and the range does neither wrap
/// nor count. Returns the count.
std::uint64_t integer_steps(const GemmTask& task, const IntegerRange& range, bool in_binary32,
                            const SumStart& start, const SumSink& sink);

}  // namespace halfulp
