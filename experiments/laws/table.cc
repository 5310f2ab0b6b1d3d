#include "experiments/laws/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/runs_table.h"

namespace halfulp::laws {

namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

using harness::ConfigError;

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Cells of CSV text line by line; the line number of each row's start goes to `lines`.
std::vector<std::vector<std::string>> split_csv(const std::string& text, const std::string& source,
                                                std::vector<int>& lines) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row;
  std::string cell;
  bool quoted = false;
  int line = 1, start = 1;
  const auto end_row = [&] {
    row.push_back(cell);
    cell.clear();
    const bool blank = row.size() == 1 && trimmed(row[0]).empty();
    if (!blank) {
      rows.push_back(row);
      lines.push_back(start);
    }
    row.clear();
    start = line;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    line += c == '\n' ? 1 : 0;
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      cell += text[++i];
    } else if (c == '"' && (quoted || trimmed(cell).empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      row.push_back(cell);
      cell.clear();
    } else if (c == '\n' && !quoted) {
      end_row();
    } else {
      cell += c;
    }
  }
  if (quoted) throw ConfigError(fmt::format("{}:{}: a \" is not closed", source, start));
  if (!cell.empty() || !row.empty()) end_row();
  return rows;
}

bool read_number(const std::string& text, double& value) {
  if (text.empty()) {
    value = kNotANumber;
    return true;
  }
  const char* const end = text.data() + text.size();
  const char* const begin = text.data() + (text.front() == '+' ? 1 : 0);
  const auto parsed = std::from_chars(begin, end, value);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

void set_numbers(TableColumn& column) {
  column.numbers.assign(column.texts.size(), kNotANumber);
  column.is_text = false;
  for (std::size_t row = 0; row < column.texts.size(); ++row) {
    if (!read_number(column.texts[row], column.numbers[row])) {
      column.numbers[row] = kNotANumber;
      column.is_text = true;
    }
  }
}

Table from_results(const std::string& path) {
  Table table;
  table.source = path;
  for (StoredColumn& stored : read_runs_table(path)) {
    TableColumn column;
    column.name = stored.name;
    column.is_text = stored.is_text;
    column.numbers = std::move(stored.numbers);
    column.texts = std::move(stored.texts);
    if (!column.is_text) {
      for (const double value : column.numbers) column.texts.push_back(number_text(value));
    }
    table.columns.push_back(std::move(column));
  }
  if (const TableColumn* const ids = table.find("run_id")) table.row_names = ids->texts;
  return table;
}

}  // namespace

const TableColumn* Table::find(const std::string& name) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const auto& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> names;
  for (const TableColumn& column : columns) names.push_back(column.name);
  return names;
}

std::string Table::listed_names() const {
  constexpr std::size_t kMostListed = 30;
  std::vector<std::string> listed = names();
  const std::size_t all = listed.size();
  if (all > kMostListed) {
    std::erase_if(listed, [](const std::string& name) { return name.find('.') != name.npos; });
  }
  std::string text = fmt::format("{}", fmt::join(listed, ", "));
  if (listed.size() < all) {
    text += fmt::format(", and {} keys of the experiment", all - listed.size());
  }
  return text;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "";
  return fmt::format("{}", value);
}

Table parse_csv(const std::string& text, const std::string& source) {
  std::vector<int> lines;
  const auto rows = split_csv(text, source, lines);
  if (rows.size() < 2)
    throw ConfigError(
        fmt::format("{}: a table is a CSV file, a line of column names and a line for "
                    "each row, or the results.h5 of a sweep",
                    source));
  Table table;
  table.source = source;
  for (const std::string& name : rows[0]) {
    TableColumn column;
    column.name = trimmed(name);
    if (column.name.empty()) throw ConfigError(fmt::format("{}:1: a column has no name", source));
    if (table.find(column.name) != nullptr) {
      throw ConfigError(fmt::format("{}:1: column '{}' is there twice", source, column.name));
    }
    table.columns.push_back(column);
  }
  for (std::size_t row = 1; row < rows.size(); ++row) {
    if (rows[row].size() != table.columns.size()) {
      throw ConfigError(fmt::format("{}:{}: {} cells, but {} columns", source, lines[row],
                                    rows[row].size(), table.columns.size()));
    }
    table.row_names.push_back(fmt::format("line {}", lines[row]));
    for (std::size_t k = 0; k < table.columns.size(); ++k) {
      table.columns[k].texts.push_back(trimmed(rows[row][k]));
    }
  }
  for (TableColumn& column : table.columns) set_numbers(column);
  return table;
}

Table read_table(const std::string& path) {
  if (!std::filesystem::exists(path)) throw ConfigError(fmt::format("{}: no such file", path));
  if (path.ends_with(".h5") || path.ends_with(".hdf5")) return from_results(path);
  return parse_csv(read_file(path), path);
}

Table read_tables(const std::vector<std::string>& paths) {
  Table all = read_table(paths.front());
  if (paths.size() == 1) return all;
  TableColumn files{"file", true, {}, {}};
  const auto add_names = [&](const std::string& path, std::size_t rows) {
    files.texts.resize(files.texts.size() + rows, std::filesystem::path(path).stem().string());
    files.numbers.resize(files.texts.size(), kNotANumber);
  };
  add_names(paths.front(), all.rows());
  for (std::size_t i = 1; i < paths.size(); ++i) {
    const Table next = read_table(paths[i]);
    if (next.names() != all.names()) {
      throw ConfigError(
          fmt::format("{}: its columns are not those of {}", paths[i], paths.front()));
    }
    for (std::size_t k = 0; k < all.columns.size(); ++k) {
      TableColumn& column = all.columns[k];
      const TableColumn& added = next.columns[k];
      column.is_text = column.is_text || added.is_text;
      column.numbers.insert(column.numbers.end(), added.numbers.begin(), added.numbers.end());
      column.texts.insert(column.texts.end(), added.texts.begin(), added.texts.end());
    }
    for (const std::string& name : next.row_names) all.row_names.push_back(paths[i] + " " + name);
    all.source += " " + paths[i];
    add_names(paths[i], next.rows());
  }
  all.columns.push_back(files);
  return all;
}

std::vector<ColumnDefinition> parse_definitions(const std::string& text,
                                                const std::string& option) {
  std::vector<std::string> parts(1);
  int depth = 0;
  char quote = '\0';
  for (const char c : text) {
    if (quote != '\0') {
      quote = c == quote ? '\0' : quote;
    } else if (c == '`' || c == '\'' || c == '"') {
      quote = c;
    } else {
      depth += c == '(' || c == '[' ? 1 : (c == ')' || c == ']' ? -1 : 0);
    }
    if (c == ',' && depth == 0 && quote == '\0') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  std::vector<ColumnDefinition> definitions;
  for (const std::string& part : parts) {
    const std::size_t bracket = part.find(']');  // "eff[a=b]=1": the sign after the category
    const std::size_t equals =
        part.find('=', bracket < part.find('(') && part.find('[') < bracket ? bracket : 0);
    const std::string name = trimmed(part.substr(0, equals));
    if (equals == std::string::npos || name.empty() || trimmed(part.substr(equals + 1)).empty()) {
      throw ConfigError(fmt::format("option '{}': '{}' is not of the form name=expression", option,
                                    trimmed(part)));
    }
    definitions.push_back({name, trimmed(part.substr(equals + 1))});
  }
  return definitions;
}

}  // namespace halfulp::laws
