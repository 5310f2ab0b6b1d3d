// The table of operations: name, number of operands, meaning. Arithmetic itself is in arithmetic.h.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace halfulp {

/// Spelled as in commands, golden vectors and tables.
enum class Operation : std::uint8_t {
  add,
  sub,
  mul,
  div,
  fma,
  faa,
  rem,
  sqrt,
  rsqrt,
  recip,
  neg,
  abs,
  copysign,
  minimum,
  maximum,
  minimum_number,
  maximum_number,
  minimum_magnitude,
  maximum_magnitude,
  minimum_magnitude_number,
  maximum_magnitude_number,
  lt,
  le,
  eq,
  ge,
  gt,
  ne,
  unordered,
  next_up,
  next_down,
  exp,
  exp2,
  log,
  log2,
  sin,
  cos,
  tanh,
  sigmoid,
  erf,
};

struct OperationRow {
  Operation operation;
  std::string_view name;
  int arity;  ///< operands: 1, 2 or 3
  std::string_view summary;
};

/// Every operation, in the order of the enumeration.
std::span<const OperationRow> operations();

const OperationRow& describe(Operation operation);

/// lt, le, eq, ge, gt, ne, unordered: the result is 0 or 1, not a number of a format.
bool is_predicate(Operation operation);

/// Throws SpecError (spec.h) with suggestions.
Operation parse_operation(std::string_view text);

}  // namespace halfulp
