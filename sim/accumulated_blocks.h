// Matrix products under rounded and compensated sums of any order, rounding and format that
// binary64 can emulate, 8 x 8 elements at a time: operation by operation what accumulate() of
// formats/accumulate.h does.
#pragma once

#include <memory>

#include "formats/accumulator.h"
#include "sim/gemm_task.h"

namespace halfulp {

class AccumulatedBlocks {
 public:
  /// Null when `spec` needs more: another method, wrapping, errors, formats that are no grid (such
  /// as posits) or not inside binary32.
  static std::unique_ptr<AccumulatedBlocks> make(const AccumulatorSpec& spec);

  virtual ~AccumulatedBlocks() = default;

  /// C, bit-identical to accumulated_reference().
  virtual void run(const GemmTask& task) const = 0;
};

}  // namespace halfulp
