// Oracle for rounding: the sorted table of a format's magnitudes, neighbours by binary search, the
// choice between them by comparing binary64 numbers. P3109 formats have
// an oracle of their own, p3109.h. Decodes by the textbook formula, shares no
// code with formats/*.cc.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/format.h"
#include "formats/rounding.h"

namespace halfulp::oracle {

struct Rounded {
  double value = 0;
  Flags flags;
  bool overflow_error = false;  ///< Overflow::error would throw
};

/// For formats of up to 17 bits whose numbers, doubled, are binary64 numbers.
class ValueTable {
 public:
  explicit ValueTable(const Format& format);

  Rounded round(const RoundSpec& spec, double x, std::uint64_t random) const;

  /// Finite magnitudes ascending, then the two that would follow the largest.
  const std::vector<double>& magnitudes() const { return magnitudes_; }

  double max() const { return max_; }

  bool has_infinity() const { return has_infinity_; }

  bool has_nan() const { return has_nan_; }

 private:
  void fill_float(const FloatFormat& f);
  void fill_integer(const IntegerFormat& f);
  Rounded out_of_range(const RoundSpec& spec, bool negative) const;
  Rounded round_special(const RoundSpec& spec, double x) const;
  Rounded wrap(double whole) const;

  Format format_;
  std::vector<double> magnitudes_;
  std::vector<bool> odd_;  ///< parity of the code of each magnitude
  double max_ = 0;         ///< largest positive
  double lowest_ = 0;      ///< smallest, with its sign
  double quantum_ = 1;     ///< of integers and fixed point
  double min_normal_ = 0;  ///< below it a float is tiny; 0 where nothing is
  bool has_zero_ = true;
  bool flushes_input_ = false;
  bool no_subnormals_ = false;
  bool has_infinity_ = false;
  bool has_nan_ = false;
  bool has_negative_zero_ = false;
};

/// Inputs that decide: every stride-th magnitude, the quarter points up to the next one, one
/// binary64 step either side of each, both signs, the overflow boundary, zeros, infinities, NaN,
/// tiny and huge numbers.
std::vector<double> deciding_inputs(const ValueTable& table, std::size_t stride);

}  // namespace halfulp::oracle
