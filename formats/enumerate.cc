#include "formats/enumerate.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "formats/codec.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

constexpr int kMaxWidth = 16;

}  // namespace

std::vector<CodeValue> all_codes(const Format& format) {
  if (width(format) > kMaxWidth) {
    throw std::invalid_argument(to_spec(format) + " has " + std::to_string(width(format)) +
                                " bits; codes are listed up to " + std::to_string(kMaxWidth));
  }
  std::vector<CodeValue> codes;
  for (std::uint64_t code = 0; code < std::uint64_t{1} << width(format); ++code) {
    codes.push_back({code, to_double(decode(format, code))});
  }
  return codes;
}

std::vector<double> finite_values(const Format& format) {
  const auto* integer = std::get_if<IntegerFormat>(&format);
  const bool skips_lowest = integer != nullptr && integer->symmetric;
  std::vector<double> values;
  for (const auto& [code, value] : all_codes(format)) {
    if (skips_lowest && code == std::uint64_t{1} << (integer->bits - 1)) continue;
    if (std::isfinite(value)) values.push_back(value == 0 ? 0.0 : value);
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace halfulp
