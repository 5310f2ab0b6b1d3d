// Columns by expression and rows by condition.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/table.h"

namespace halfulp::laws {

namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

using harness::ConfigError;
using Node = Expression::Node;

[[noreturn]] void unknown_column(const std::string& where, const std::string& name,
                                 const Table& table) {
  throw ConfigError(fmt::format("{}: unknown column '{}'{} (columns: {})", where, name,
                                harness::suggestion(name, table.names()),
                                fmt::join(table.names(), ", ")));
}

TableColumn computed(const Table& table, const ColumnDefinition& definition) {
  const std::string where = fmt::format("option '--columns': {}", definition.name);
  const Expression expression(definition.expression, table.names(), where);
  if (!expression.is_numeric()) throw ConfigError(where + ": comparisons belong into --where");
  std::vector<const TableColumn*> inputs;
  for (const std::string& name : expression.names()) {
    const TableColumn* const column = table.find(name);
    if (column == nullptr) unknown_column(where, name, table);
    if (column->is_text) throw ConfigError(fmt::format("{}: column '{}' is text", where, name));
    inputs.push_back(column);
  }
  TableColumn result;
  std::vector<double> values(inputs.size());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t i = 0; i < inputs.size(); ++i) values[i] = inputs[i]->numbers[row];
    result.numbers.push_back(expression.evaluate<double>(values));
    result.texts.push_back(number_text(result.numbers.back()));
  }
  return result;
}

/// Evaluates a condition on one row of a table.
class RowCondition {
 public:
  RowCondition(const Table& table, const Expression& condition)
      : table_(table), condition_(condition) {
    for (const std::string& name : condition.names()) columns_.push_back(table.find(name));
    for (const Node& node : condition.nodes()) check(node);
    if (!is_condition(condition_.root().operation)) {
      throw ConfigError("option '--where': this is no condition; write for instance loss < 5");
    }
  }

  bool holds(std::size_t row) const { return number(condition_.root(), row) != 0.0; }

 private:
  static bool compares_texts(Operation operation) {
    return operation == Operation::equal || operation == Operation::not_equal;
  }

  bool is_text_column(const Node& node) const {
    return node.operation == Operation::name && columns_[node.name] != nullptr &&
           columns_[node.name]->is_text;
  }

  bool is_textual(const Node& node) const {
    return node.operation == Operation::text || is_text_column(node);
  }

  const Node& at(std::size_t index) const { return condition_.nodes()[index]; }

  /// A text or an unknown name may stand only in == and != beside a text.
  void check(const Node& node) const {
    if (is_leaf(node.operation)) return;
    const Node& left = at(node.left);
    const Node& right = at(node.right);
    const bool binary = !takes_one(node.operation);
    const bool texts = compares_texts(node.operation) && (is_textual(left) || is_textual(right));
    for (const Node* const side : {&left, &right}) {
      if (side == &right && !binary) continue;
      if (side->operation == Operation::name && columns_[side->name] == nullptr && !texts) {
        unknown_column("option '--where'", condition_.names()[side->name], table_);
      }
      if (is_textual(*side) && !texts) {
        throw ConfigError(
            fmt::format("option '--where': the text {} can only be compared by == "
                        "and !=",
                        text(*side, 0)));
      }
    }
  }

  std::string text(const Node& node, std::size_t row) const {
    if (node.operation == Operation::text) return condition_.texts()[node.name];
    if (node.operation == Operation::number) return number_text(node.number);
    if (node.operation != Operation::name) return number_text(number(node, row));
    const TableColumn* const column = columns_[node.name];
    return column == nullptr ? condition_.names()[node.name] : column->texts[row];
  }

  double number(const Node& node, std::size_t row) const {
    const Node& left = at(node.left);
    const Node& right = at(node.right);
    const Operation operation = node.operation;
    if (!is_condition(operation)) return arithmetic(node, row);
    if (operation == Operation::negation) return number(left, row) == 0.0 ? 1.0 : 0.0;
    if (operation == Operation::equal) return equal(left, right, row) ? 1.0 : 0.0;
    if (operation == Operation::not_equal) return equal(left, right, row) ? 0.0 : 1.0;
    const double x = number(left, row);
    const double y = number(right, row);
    const bool holds = operation == Operation::both         ? x != 0.0 && y != 0.0
                       : operation == Operation::either     ? x != 0.0 || y != 0.0
                       : operation == Operation::less       ? x < y
                       : operation == Operation::less_equal ? x <= y
                       : operation == Operation::greater    ? x > y
                                                            : x >= y;
    return holds ? 1.0 : 0.0;
  }

  bool equal(const Node& left, const Node& right, std::size_t row) const {
    if (is_textual(left) || is_textual(right)) return text(left, row) == text(right, row);
    return number(left, row) == number(right, row);
  }

  double arithmetic(const Node& node, std::size_t row) const {
    std::vector<double> values;
    for (const TableColumn* const column : columns_) {
      values.push_back(column == nullptr ? kNotANumber : column->numbers[row]);
    }
    return condition_.value<double>(node, values);
  }

  const Table& table_;
  const Expression& condition_;
  std::vector<const TableColumn*> columns_;
};

template <typename T>
void keep(std::vector<T>& values, const std::vector<bool>& kept) {
  std::vector<T> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (kept[i]) out.push_back(values[i]);
  }
  values = std::move(out);
}

}  // namespace

void define_columns(Table& table, const std::vector<ColumnDefinition>& definitions) {
  for (const ColumnDefinition& definition : definitions) {
    std::string whole = definition.expression;
    if (whole.size() > 2 && whole.front() == '`' && whole.back() == '`') {
      whole = whole.substr(1, whole.size() - 2);
    }
    const TableColumn* const same = table.find(whole);
    TableColumn column = same != nullptr ? *same : computed(table, definition);
    column.name = definition.name;
    if (const TableColumn* const old = table.find(definition.name)) {
      table.columns[static_cast<std::size_t>(old - table.columns.data())] = column;
    } else {
      table.columns.push_back(column);
    }
  }
}

std::size_t keep_rows(Table& table, const std::string& condition_text) {
  const Expression condition(condition_text, table.names(), "option '--where'");
  const RowCondition rule(table, condition);
  std::vector<bool> kept(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) kept[row] = rule.holds(row);
  const std::size_t before = table.rows();
  for (TableColumn& column : table.columns) {
    keep(column.numbers, kept);
    keep(column.texts, kept);
  }
  keep(table.row_names, kept);
  return before - table.rows();
}

}  // namespace halfulp::laws
