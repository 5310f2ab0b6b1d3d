#include "formats/operations.h"

#include <string>
#include <vector>

#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp {

namespace {

constexpr OperationRow kOperations[] = {
    {Operation::add, "add", 2, "x + y"},
    {Operation::sub, "sub", 2, "x - y"},
    {Operation::mul, "mul", 2, "x * y"},
    {Operation::div, "div", 2, "x / y"},
    {Operation::fma, "fma", 3, "x * y + z, rounded once"},
    {Operation::faa, "faa", 3, "x + y + z, rounded once"},
    {Operation::rem, "rem", 2, "x - y * n, n the integer nearest to x / y, ties to even (IEEE)"},
    {Operation::sqrt, "sqrt", 1, "square root"},
    {Operation::rsqrt, "rsqrt", 1, "1 / square root"},
    {Operation::recip, "recip", 1, "1 / x"},
    {Operation::neg, "neg", 1, "-x"},
    {Operation::abs, "abs", 1, "|x|"},
    {Operation::copysign, "copysign", 2, "|x| with the sign of y"},
    {Operation::minimum, "minimum", 2, "the smaller; NaN if an operand is NaN; -0 below +0"},
    {Operation::maximum, "maximum", 2, "the larger; NaN if an operand is NaN"},
    {Operation::minimum_number, "minimum_number", 2, "the smaller; the number beside a NaN"},
    {Operation::maximum_number, "maximum_number", 2, "the larger; the number beside a NaN"},
    {Operation::minimum_magnitude, "minimum_magnitude", 2, "minimum by magnitude"},
    {Operation::maximum_magnitude, "maximum_magnitude", 2, "maximum by magnitude"},
    {Operation::minimum_magnitude_number, "minimum_magnitude_number", 2,
     "minimum_number by magnitude"},
    {Operation::maximum_magnitude_number, "maximum_magnitude_number", 2,
     "maximum_number by magnitude"},
    {Operation::lt, "lt", 2, "1 if x < y, else 0; invalid with NaN"},
    {Operation::le, "le", 2, "1 if x <= y, else 0; invalid with NaN"},
    {Operation::eq, "eq", 2, "1 if x = y, else 0"},
    {Operation::ge, "ge", 2, "1 if x >= y, else 0; invalid with NaN"},
    {Operation::gt, "gt", 2, "1 if x > y, else 0; invalid with NaN"},
    {Operation::ne, "ne", 2, "1 if x = y is false, else 0"},
    {Operation::unordered, "unordered", 2, "1 if an operand is NaN, else 0"},
    {Operation::next_up, "next_up", 1, "the least number of the format above x"},
    {Operation::next_down, "next_down", 1, "the greatest number of the format below x"},
    {Operation::exp, "exp", 1, "e^x"},
    {Operation::exp2, "exp2", 1, "2^x"},
    {Operation::log, "log", 1, "natural logarithm"},
    {Operation::log2, "log2", 1, "logarithm to base 2"},
    {Operation::sin, "sin", 1, "sine, x in radians"},
    {Operation::cos, "cos", 1, "cosine, x in radians"},
    {Operation::tanh, "tanh", 1, "hyperbolic tangent"},
    {Operation::sigmoid, "sigmoid", 1, "1 / (1 + e^-x)"},
    {Operation::erf, "erf", 1, "error function"},
};

constexpr bool rows_follow_the_enumeration() {
  for (std::size_t i = 0; i < std::size(kOperations); ++i) {
    if (static_cast<std::size_t>(kOperations[i].operation) != i) return false;
  }
  return true;
}

static_assert(rows_follow_the_enumeration());

}  // namespace

std::span<const OperationRow> operations() { return kOperations; }

const OperationRow& describe(Operation operation) {
  return kOperations[static_cast<std::size_t>(operation)];
}

bool is_predicate(Operation operation) {
  return operation >= Operation::lt && operation <= Operation::unordered;
}

Operation parse_operation(std::string_view text) {
  const std::string wanted = without_separators(lower_case(text));
  std::vector<std::string> names;
  for (const OperationRow& row : kOperations) {
    if (without_separators(row.name) == wanted) return row.operation;
    names.emplace_back(row.name);
  }
  const std::vector<std::string> near = nearest_names(text, names);
  throw SpecError("unknown operation '" + shortened(text) + "'; " +
                      (near.empty() ? "ulp eval --list shows them all"
                                    : "did you mean " + joined(near, " or ") + "?"),
                  1);
}

}  // namespace halfulp
