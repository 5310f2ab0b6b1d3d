// An exact real number with a 128-bit significand: what the core of rounding reads. Wide enough for
// a product of two significands, and for a decimal cut off so late that every rounding is decided.
#pragma once

#include "formats/code.h"
#include "formats/number.h"

namespace halfulp {

/// As Number, with a wider significand. Rounding needs p + 33 significant bits at most when
/// `sticky` is set (64-bit precision, 32 random bits), so 128 always decide.
struct WideNumber {
  Number::Kind kind = Number::Kind::zero;
  bool negative = false;
  bool sticky = false;
  std::int32_t exponent = 0;
  uint128 significand = 0;
};

inline WideNumber widen(const Number& x) {
  return {x.kind, x.negative, x.sticky, x.exponent, x.significand};
}

}  // namespace halfulp
