// A scalar quantizer with one scale for everything: x -> s round(x / s).
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/expected_error.h"
#include "sim/quantizer.h"
#include "sim/rounder.h"

namespace halfulp {

class StaticQuantizer {
 public:
  /// Format and rounding of `spec`; its scale rule and granularity do not matter. Throws SpecError.
  explicit StaticQuantizer(const QuantizerSpec& spec);

  /// Fake-quantizes n numbers; 1 / s and s are rounded to binary32. Random: element i uses index i.
  void quantize(const float* in, float* out, std::size_t n, double scale,
                const RandomStream& stream) const;

  /// How many of n numbers lie beyond the largest or below the least number times s.
  std::uint64_t count_saturated(const float* in, std::size_t n, double scale) const;

  /// Largest magnitude of the format.
  double largest() const;

  /// Formats of up to 16 bits have a grid whose error is known in closed form.
  bool has_grid() const { return !grid_.values.empty(); }

  /// Relative mean squared error on a distribution of variance 1; NaN without a grid.
  double expected_error(const Distribution& distribution, double scale) const;

  /// The scale of least expected error. Needs a grid.
  ScaleOptimum optimal(const Distribution& distribution) const;

  /// The scale of least measured error on n numbers.
  ScaleOptimum optimal(const float* in, std::size_t n, const RandomStream& stream) const;

 private:
  QuantizerSpec spec_;
  Rounder rounder_;
  ScalarGrid grid_;  ///< empty above 16 bits
  double low_, high_;
};

}  // namespace halfulp
