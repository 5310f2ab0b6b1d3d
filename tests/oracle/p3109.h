// Oracle for IEEE P3109 v4.0, written from its definitions on exact numbers: decoding (4.7.2),
// rounding between neighbours in the table of all codes (4.7.4), saturation row by row (4.7.5).
// Shares no code with formats/*.cc.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/code.h"
#include "formats/rounding.h"

namespace halfulp::oracle {

/// (-1)^negative * significand * 2^exponent, an infinity, or NaN.
struct Dyadic {
  enum class Kind : std::uint8_t { finite, infinity, nan };
  Kind kind = Kind::finite;
  bool negative = false;
  uint128 significand = 0;
  int exponent = 0;
};

struct P3109Parameters {
  int bits = 8;
  int precision = 4;
  bool is_signed = true;
  bool is_extended = true;
};

class P3109 {
 public:
  explicit P3109(const P3109Parameters& parameters);

  Dyadic decode(std::uint32_t code) const;
  /// Code of the projection of `x`.
  std::uint32_t project(const RoundSpec& spec, const Dyadic& x, std::uint64_t random) const;

  std::uint32_t max_code() const { return max_code_; }

  std::uint32_t nan_code() const;

  /// Magnitude of code `code` by the formula alone, also above the largest finite one.
  Dyadic magnitude(std::uint32_t code) const;

 private:
  std::uint32_t infinity_code(bool negative) const;
  std::uint32_t saturate(const RoundSpec& spec, const Dyadic& x, bool x_is_infinite) const;

  P3109Parameters p_;
  int bias_;
  std::uint32_t max_code_;
};

/// Inputs that decide: every stride-th magnitude, the quarters of the gap above, a 2^-20 of the gap
/// either side of each, both signs, zero, infinities, NaN, and numbers far outside.
std::vector<Dyadic> deciding_inputs(const P3109& format, std::uint32_t stride);

}  // namespace halfulp::oracle
