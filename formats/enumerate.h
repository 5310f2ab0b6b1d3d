// Every code or every value of a small format, in order.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/format.h"

namespace halfulp {

struct CodeValue {
  std::uint64_t code;
  double value;  ///< NaN for NaN codes
};

/// All 2^width codes in code order. Throws std::invalid_argument above 16 bits.
std::vector<CodeValue> all_codes(const Format& format);

/// Distinct finite values ascending (one zero). Throws std::invalid_argument above 16 bits.
std::vector<double> finite_values(const Format& format);

}  // namespace halfulp
