// Formulas over columns and parameters, and conditions on rows.
//
//   condition  = both { "||" both }          both = negation { "&&" negation }
//   negation   = "!" negation | comparison
//   comparison = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "~") sum ]     ~: text contains
//   text sum        = product { ("+" | "-") product } product    = sign { ("*" | "/") sign }   sign
//   = { "-" | "+" } power power      = primary [ "^" sign ] primary    = number | name | function
//   "(" condition { "," condition } ")" | "(" condition ")"
//              | 'text' | "text"
//
// Functions: exp log log2 log10 sqrt abs (one argument), pow (two), min max (two or more). A name
// is letters, digits, _ and dots; a known name with spaces may be written as it is; any name may
// stand in backquotes: `D/N`. A known name is matched as long as possible: "Model Size" before
// "Model".
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "experiments/laws/dual.h"

namespace halfulp::laws {

enum class Operation : std::uint8_t {
  // leaves
  number,
  text,
  name,
  // of one number
  negate,
  exponential,
  logarithm,
  binary_logarithm,
  decimal_logarithm,
  square_root,
  absolute,
  // of two numbers
  add,
  subtract,
  multiply,
  divide,
  power,
  minimum,
  maximum,
  // conditions
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  contains,
  both,
  either,
  negation,
};

constexpr bool is_leaf(Operation operation) { return operation <= Operation::name; }

constexpr bool takes_one(Operation operation) {
  return (operation >= Operation::negate && operation <= Operation::absolute) ||
         operation == Operation::negation;
}

constexpr bool is_condition(Operation operation) { return operation >= Operation::equal; }

class Expression {
 public:
  struct Node {
    Operation operation = Operation::number;
    double number = 0.0;
    std::size_t name = 0;             ///< into names() or texts()
    std::size_t left = 0, right = 0;  ///< nodes; a function of one argument has left only
  };

  /// Parses `text`. `known` are names that may hold spaces. `where` stands before a complaint, for
  /// instance "option '--where'". Throws harness::ConfigError with the column.
  Expression(const std::string& text, const std::vector<std::string>& known,
             const std::string& where);

  /// The names it uses, in the order of first use.
  const std::vector<std::string>& names() const { return names_; }

  const std::vector<std::string>& texts() const { return texts_; }

  const std::vector<Node>& nodes() const { return nodes_; }

  const Node& root() const { return nodes_.back(); }

  /// True when no text, comparison or logical operation is in it.
  bool is_numeric() const;

  /// The value with values[i] for names()[i]; for numeric expressions.
  template <typename T>
  T evaluate(std::span<const T> values) const {
    return value(nodes_.back(), values);
  }

  /// The same for one node of it.
  template <typename T>
  T value(const Node& node, std::span<const T> values) const;

 private:
  std::vector<Node> nodes_;  ///< children before parents
  std::vector<std::string> names_, texts_;
};

template <typename T>
T apply(Operation operation, const T& x) {
  if (operation == Operation::negate) return -x;
  if (operation == Operation::exponential) return exp(x);
  if (operation == Operation::logarithm) return log(x);
  if (operation == Operation::binary_logarithm) return log(x) / log(2.0);
  if (operation == Operation::decimal_logarithm) return log(x) / log(10.0);
  if (operation == Operation::square_root) return sqrt(x);
  return value_of(x) < 0.0 ? -x : x;
}

template <typename T>
T apply(Operation operation, const T& x, const T& y) {
  if (operation == Operation::add) return x + y;
  if (operation == Operation::subtract) return x - y;
  if (operation == Operation::multiply) return x * y;
  if (operation == Operation::divide) return x / y;
  if (operation == Operation::power) return pow(x, y);
  return operation == Operation::minimum ? smaller(x, y) : larger(x, y);
}

template <typename T>
T Expression::value(const Node& node, std::span<const T> values) const {
  if (node.operation == Operation::number) return T(node.number);
  if (node.operation == Operation::name) return values[node.name];
  const T x = value(nodes_[node.left], values);
  if (takes_one(node.operation)) return apply(node.operation, x);
  return apply(node.operation, x, value(nodes_[node.right], values));
}

}  // namespace halfulp::laws
