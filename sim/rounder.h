// Fast rounding of arrays of binary32 to any format inside binary32: the vector twin of round().
#pragma once

#include <cstddef>
#include <memory>

#include "formats/format.h"
#include "formats/rounding.h"
#include "sim/random.h"

namespace halfulp {

/// All that the inner loops need: plain numbers and tables. Defined in round_plan.h.
struct RoundPlan;

class Rounder {
 public:
  /// Throws SpecError for an impossible pair or a format that does not fit binary32.
  Rounder(const Format& format, const RoundSpec& spec);

  /// out[i] = round(format, spec, in[i], R(i)) as binary32. `in` and `out` may be the same memory.
  /// Exactness: bit-identical to round() on every SIMD target.
  /// Random: element i uses R = random_bits(stream, first_index + i, N).
  /// Logarithmic formats, whose values are irrational, do not fit binary32: see WideRounder.
  /// Errors: OverflowError under Overflow::error, naming the first element; nothing is promised of
  /// `out`.
  void round(const float* in, float* out, std::size_t n, const RandomStream& stream = {},
             std::size_t first_index = 0) const;

  /// out[i] = round(in[i] * multiplier) * scale, each product rounded once to binary32.
  void round_scaled(const float* in, float* out, std::size_t n, float multiplier, float scale,
                    const RandomStream& stream = {}, std::size_t first_index = 0) const;

  /// As round_scaled with a multiplier and a scale for each element (columns of a matrix).
  void round_scaled_each(const float* in, float* out, std::size_t n, const float* multiplier,
                         const float* scale, const RandomStream& stream = {},
                         std::size_t first_index = 0) const;

 private:
  std::shared_ptr<const RoundPlan> plan_;  ///< never changes, so copies share it
};

/// The same for arrays of binary64.
class WideRounder {
 public:
  /// Throws SpecError for an impossible pair or a format that does not fit binary64.
  WideRounder(const Format& format, const RoundSpec& spec);

  /// out[i] = round(format, spec, in[i], R(i)), with everything else as in Rounder::round().
  /// Irrational values are the binary64 numbers that round() gives.
  void round(const double* in, double* out, std::size_t n, const RandomStream& stream = {},
             std::size_t first_index = 0) const;

 private:
  std::shared_ptr<const RoundPlan> plan_;
};

/// Largest magnitude; NaN if any element is NaN. 0 for n = 0.
float amax(const float* in, std::size_t n);

}  // namespace halfulp
