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

using harness::ConfigError;
using Node = Expression::Node;

[[noreturn]] void unknown_column(const std::string& where, const std::string& name,
                                 const Table& table) {
  throw ConfigError(fmt::format("{}: unknown column '{}'{} (columns: {})", where, name,
                                harness::suggestion(name, table.names()), table.listed_names()));
}

/// Evaluates an expression, with its comparisons and texts, on the rows of a table.
class RowEvaluator {
 public:
  RowEvaluator(const Table& table, const Expression& expression, const std::string& where)
      : table_(table), expression_(expression), where_(where) {
    for (const std::string& name : expression.names()) columns_.push_back(table.find(name));
    for (const Node& node : expression.nodes()) check(node);
    check_number(expression.root());
  }

  double value(std::size_t row) const { return number(expression_.root(), row); }

 private:
  static bool compares_texts(Operation operation) {
    return operation == Operation::equal || operation == Operation::not_equal ||
           operation == Operation::contains;
  }

  bool is_textual(const Node& node) const {
    return node.operation == Operation::text ||
           (node.operation == Operation::name && columns_[node.name] != nullptr &&
            columns_[node.name]->is_text);
  }

  const Node& at(std::size_t index) const { return expression_.nodes()[index]; }

  void check_number(const Node& node) const {
    if (node.operation == Operation::name && columns_[node.name] == nullptr) {
      unknown_column(where_, expression_.names()[node.name], table_);
    }
    if (node.operation == Operation::name && is_textual(node)) {
      throw ConfigError(fmt::format("{}: column '{}' is text, which only == != and ~ take", where_,
                                    expression_.names()[node.name]));
    }
    if (node.operation == Operation::text) {
      throw ConfigError(fmt::format("{}: the text '{}' can only be compared by == != and ~", where_,
                                    expression_.texts()[node.name]));
    }
  }

  /// A text, or an unknown name, may stand only in a comparison with a text.
  void check(const Node& node) const {
    if (is_leaf(node.operation)) return;
    const Node& left = at(node.left);
    const Node& right = at(node.right);
    const bool one = takes_one(node.operation);
    const bool textual = is_textual(left) || (!one && is_textual(right));
    if (compares_texts(node.operation) && textual) return;
    if (node.operation == Operation::contains) {
      throw ConfigError(where_ + ": ~ compares a text column with a text");
    }
    check_number(left);
    if (!one) check_number(right);
  }

  std::string text(const Node& node, std::size_t row) const {
    if (node.operation == Operation::text) return expression_.texts()[node.name];
    if (node.operation != Operation::name) return number_text(number(node, row));
    const TableColumn* const column = columns_[node.name];
    return column == nullptr ? expression_.names()[node.name] : column->texts[row];
  }

  double number(const Node& node, std::size_t row) const {
    const Operation operation = node.operation;
    if (operation == Operation::number) return node.number;
    if (operation == Operation::name) return columns_[node.name]->numbers[row];
    if (compares_texts(operation)) return compare(node, row) ? 1.0 : 0.0;
    const double x = number(at(node.left), row);
    if (operation == Operation::negation) return x == 0.0 ? 1.0 : 0.0;
    if (takes_one(operation)) return apply(operation, x);
    const double y = number(at(node.right), row);
    if (!is_condition(operation)) return apply(operation, x, y);
    const bool holds = operation == Operation::both         ? x != 0.0 && y != 0.0
                       : operation == Operation::either     ? x != 0.0 || y != 0.0
                       : operation == Operation::less       ? x < y
                       : operation == Operation::less_equal ? x <= y
                       : operation == Operation::greater    ? x > y
                                                            : x >= y;
    return holds ? 1.0 : 0.0;
  }

  bool compare(const Node& node, std::size_t row) const {
    const Node& left = at(node.left);
    const Node& right = at(node.right);
    if (node.operation == Operation::contains) {
      return text(left, row).find(text(right, row)) != std::string::npos;
    }
    const bool equal = is_textual(left) || is_textual(right)
                           ? text(left, row) == text(right, row)
                           : number(left, row) == number(right, row);
    return equal == (node.operation == Operation::equal);
  }

  const Table& table_;
  const Expression& expression_;
  const std::string& where_;
  std::vector<const TableColumn*> columns_;
};

TableColumn computed(const Table& table, const ColumnDefinition& definition) {
  const std::string where = fmt::format("option '--columns': {}", definition.name);
  TableColumn result;
  result.numbers = row_values(table, definition.expression, where);
  for (const double value : result.numbers) result.texts.push_back(number_text(value));
  return result;
}

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

std::vector<bool> rows_where(const Table& table, const std::string& condition_text,
                             const std::string& where) {
  const Expression condition(condition_text, table.names(), where);
  if (!is_condition(condition.root().operation)) {
    throw ConfigError(where + ": this is no condition; write for instance loss < 5");
  }
  const RowEvaluator evaluator(table, condition, where);
  std::vector<bool> kept(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) kept[row] = evaluator.value(row) != 0.0;
  return kept;
}

std::vector<double> row_values(const Table& table, const std::string& formula,
                               const std::string& where) {
  const Expression expression(formula, table.names(), where);
  const RowEvaluator evaluator(table, expression, where);
  std::vector<double> values(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) values[row] = evaluator.value(row);
  return values;
}

void keep_marked(Table& table, const std::vector<bool>& kept) {
  for (TableColumn& column : table.columns) {
    keep(column.numbers, kept);
    keep(column.texts, kept);
  }
  keep(table.row_names, kept);
}

std::size_t keep_rows(Table& table, const std::string& condition) {
  const std::size_t before = table.rows();
  keep_marked(table, rows_where(table, condition, "option '--where'"));
  return before - table.rows();
}

}  // namespace halfulp::laws
