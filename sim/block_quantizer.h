// Fast quantization to block formats and back to binary32: the vector twin of quantize_blocks().
#pragma once

#include <memory>

#include "formats/block_format.h"
#include "sim/matrix.h"
#include "sim/random.h"

namespace halfulp {

class BlockQuantizer {
 public:
  /// Throws SpecError as check_block_format().
  explicit BlockQuantizer(const BlockFormat& format);
  ~BlockQuantizer();
  BlockQuantizer(BlockQuantizer&&) noexcept;
  BlockQuantizer& operator=(BlockQuantizer&&) noexcept;

  const BlockFormat& format() const;

  /// `out` (same shape; may be the same memory) receives the decoded values.
  ///
  /// Exactness: equal to quantize_blocks(...).values bit for bit on every SIMD target; NaNs are
  /// positive and quiet. Random: element (r, c) uses random_bits(stream, r * cols + c, N). Throws
  /// OverflowError under Overflow::error. Speed: vector code for E8M0 scales, the libraries' NVFP4
  /// and one level of scales of rule exact; quantize_blocks() itself for what is left (zero points,
  /// four over six, exact two-level scales, formats without zero, non-finite elements under
  /// non_finite=finite).
  void quantize(ConstMatrix in, Matrix out, const RandomStream& stream = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halfulp
