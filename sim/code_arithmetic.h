// Arithmetic on arrays of codes: the bulk twin of evaluate() (formats/arithmetic.h), bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "formats/format.h"
#include "formats/operations.h"
#include "formats/rounding.h"

namespace halfulp {

/// How an operation is done; each is exact for what it is chosen for.
enum class CodeMethod : std::uint8_t {
  table,   ///< the result of every pair of codes, made once by evaluate(): up to 8 bits
  kernel,  ///< binary64 rounded to odd, then to the format: floats, integers, fixed point, posits
           ///< and linear takums
  scalar,  ///< evaluate() itself
};

/// add, sub, mul, div, sqrt or fma on codes of one format of up to 16 bits. Deterministic modes.
class CodeArithmetic {
 public:
  /// Throws SpecError for other operations, stochastic rounding, formats of more than 16 bits or
  /// that do not fit binary32, and impossible rounding.
  CodeArithmetic(Operation operation, const Format& format, const RoundSpec& spec);

  /// out[i] = the code of evaluate(operation, {a[i], b[i], c[i]}); operands that the operation does
  /// not have are not read. `out` may be an operand. Codes must have no bits above the width.
  /// Throws OverflowError under Overflow::error.
  void apply(const std::uint16_t* a, const std::uint16_t* b, const std::uint16_t* c,
             std::uint16_t* out, std::size_t n) const;
  /// The same for formats of up to 8 bits.
  void apply(const std::uint8_t* a, const std::uint8_t* b, const std::uint8_t* c, std::uint8_t* out,
             std::size_t n) const;

  CodeMethod method() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;  ///< never changes, so copies share it
};

}  // namespace halfulp
