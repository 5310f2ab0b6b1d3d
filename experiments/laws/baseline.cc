#include "experiments/laws/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"

namespace halfulp::laws {

namespace {

using harness::ConfigError;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

const TableColumn& metric_of(const Table& table, const std::string& name) {
  std::vector<std::string> choices = {name};
  if (name.empty()) choices = {"validation_loss", "loss"};
  for (const std::string& choice : choices) {
    const TableColumn* const column = table.find(choice);
    if (column == nullptr) continue;
    if (!column->is_text) return *column;
    throw ConfigError(fmt::format("option '--metric': column '{}' is text", choice));
  }
  if (name.empty()) {
    throw ConfigError(
        "option '--baseline': there is neither a column validation_loss nor loss; --metric names "
        "what is subtracted");
  }
  throw ConfigError(fmt::format("option '--metric': unknown column '{}'{}", name,
                                harness::suggestion(name, table.names())));
}

/// The row of the baseline for each key.
std::map<std::string, std::size_t> baselines(const Table& table,
                                             const std::vector<std::string>& keys,
                                             const std::vector<bool>& is_baseline) {
  std::map<std::string, std::size_t> rows;
  for (std::size_t row = 0; row < keys.size(); ++row) {
    if (!is_baseline[row]) continue;
    const auto [other, is_new] = rows.emplace(keys[row], row);
    if (is_new) continue;
    throw ConfigError(fmt::format(
        "option '--match': {} and {} are both baselines for {}; name one more column in which they "
        "differ, or narrow --baseline",
        table.row_names[other->second], table.row_names[row], keys[row]));
  }
  return rows;
}

void set_column(Table& table, const std::string& name, std::vector<double> numbers) {
  TableColumn column = {name, false, std::move(numbers), {}};
  for (const double value : column.numbers) column.texts.push_back(number_text(value));
  const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                  [&](const auto& c) { return c.name == name; });
  if (found == table.columns.end()) {
    table.columns.push_back(std::move(column));
  } else {
    *found = std::move(column);
  }
}

}  // namespace

std::vector<std::string> row_keys(const Table& table, const std::vector<std::string>& columns,
                                  const std::string& where) {
  std::vector<std::string> keys(table.rows());
  for (const std::string& name : columns) {
    const TableColumn* const column = table.find(name);
    if (column == nullptr) {
      throw ConfigError(fmt::format("{}: unknown column '{}'{}", where, name,
                                    harness::suggestion(name, table.names())));
    }
    for (std::size_t row = 0; row < keys.size(); ++row) {
      keys[row] += (keys[row].empty() ? "" : ", ") + name + " " + column->texts[row];
    }
  }
  return keys;
}

std::vector<std::string> group_keys(const Table& table, const std::string& group) {
  if (group.empty()) return table.row_names;
  const bool is_one = table.find(group) != nullptr;
  return row_keys(table, is_one ? std::vector{group} : harness::split(group, ','),
                  "option '--group'");
}

std::size_t subtract_baseline(Table& table, const BaselineSpec& spec) {
  const std::vector<double> metric = metric_of(table, spec.metric).numbers;
  const std::vector<std::string> keys = row_keys(table, spec.match, "option '--match'");
  std::vector<bool> is_baseline = rows_where(table, spec.where, "option '--baseline'");
  const auto count =
      static_cast<std::size_t>(std::count(is_baseline.begin(), is_baseline.end(), true));
  if (count == 0 || count == table.rows()) {
    throw ConfigError(fmt::format("option '--baseline': {} row of {} meets '{}'",
                                  count == 0 ? "no" : "every", table.source, spec.where));
  }
  const auto rows = baselines(table, keys, is_baseline);
  const TableColumn* const status = table.find("status");
  std::vector<double> base(table.rows(), kNotANumber), gap(table.rows(), kNotANumber);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto own = rows.find(keys[row]);
    if (own == rows.end()) continue;
    if (status != nullptr && status->texts[own->second] == "diverged") continue;
    base[row] = metric[own->second];
    gap[row] = metric[row] - base[row];
  }
  set_column(table, "baseline", std::move(base));
  set_column(table, "gap", std::move(gap));
  is_baseline.flip();
  keep_marked(table, is_baseline);
  return count;
}

}  // namespace halfulp::laws
