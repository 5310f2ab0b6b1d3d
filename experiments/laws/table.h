// Tables of runs: from a CSV file or the /runs of results.h5; columns computed by expressions; rows
// chosen by a condition.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "experiments/laws/expression.h"

namespace halfulp::laws {

struct TableColumn {
  std::string name;
  bool is_text = false;
  std::vector<double> numbers;     ///< NaN for what is empty or no number
  std::vector<std::string> texts;  ///< as written
};

struct Table {
  std::string source;  ///< the file
  std::vector<TableColumn> columns;
  std::vector<std::string> row_names;  ///< "line 12", or a run id

  std::size_t rows() const { return row_names.size(); }

  /// nullptr when there is none of this name.
  const TableColumn* find(const std::string& name) const;

  std::vector<std::string> names() const;
  /// The names for a message; of a table of runs without the experiment's keys.
  std::string listed_names() const;
};

/// Reads a table: CSV with a line of names (RFC 4180 quotes), or /runs of a results file. A column
/// is numeric when all its cells are numbers, empty, nan or inf. Throws harness::ConfigError with
/// the line, or IoError.
Table read_table(const std::string& path);

/// One table of several with the same columns, and a column `file` of their names (without folder
/// and ending) when there is more than one. Throws as read_table().
Table read_tables(const std::vector<std::string>& paths);

/// CSV text as a table; `source` stands in messages.
Table parse_csv(const std::string& text, const std::string& source);

/// One `name=expression` of --columns.
struct ColumnDefinition {
  std::string name;
  std::string expression;
};

/// "N=Model Size,D=FLOP/(6*N)": split at commas outside parentheses and quotes. Throws
/// harness::ConfigError. `option` names the option in messages.
std::vector<ColumnDefinition> parse_definitions(const std::string& text, const std::string& option);

/// Adds (or replaces) columns, each of which may use those before it. A definition that is the name
/// of a column as a whole copies it, text or not.
void define_columns(Table& table, const std::vector<ColumnDefinition>& definitions);

/// Keeps the rows for which `condition` holds. A name that is no column is a text when compared
/// with a text column: format==int4. Returns how many rows went.
std::size_t keep_rows(Table& table, const std::string& condition);

/// For each row, whether the condition holds. `where` stands before a
/// complaint. Throws harness::ConfigError.
std::vector<bool> rows_where(const Table& table, const std::string& condition,
                             const std::string& where);

/// Keeps the marked rows.
void keep_marked(Table& table, const std::vector<bool>& kept);

/// The rows' values of a formula of columns.
std::vector<double> row_values(const Table& table, const std::string& formula,
                               const std::string& where);

/// Shortest decimal text that reads back to the same number.
std::string number_text(double value);

}  // namespace halfulp::laws
