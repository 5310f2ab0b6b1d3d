// The one rounding that ends exact sums, for sums that binary64 holds exactly or rounded to odd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "formats/accumulator.h"
#include "sim/rounder.h"

namespace halfulp {

/// Rounds binary64 numbers that were rounded to odd as if they were what they stand for: rounding
/// to odd, then to a number of at least two bits less, is rounding once (Boldo and Melquiond,
/// "Emulation of FMA and correctly rounded sums", 2008).
class OddRounder {
 public:
  /// Deterministic rounding to a format inside binary64 of at most 51 bits precision.
  explicit OddRounder(const Destination& to);

  void round(double* values, std::size_t count) const;

 private:
  bool is_binary32_ = false;       ///< nearest even: a conversion
  std::optional<Rounder> narrow_;  ///< formats for which binary32, rounded to odd, is as good
  std::optional<WideRounder> wide_;
};

}  // namespace halfulp
