#include "experiments/store/columns.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "experiments/store/layout.h"

namespace halfulp {
namespace {

class Table {
 public:
  explicit Table(std::size_t runs) : runs_(runs) {}

  // The column named so, made with these properties at its first use.
  Column& column(Column properties) {
    const auto [found, is_new] = index_.try_emplace(properties.name, columns_.size());
    if (is_new) {
      properties.cells.resize(runs_);
      return columns_.emplace_back(std::move(properties));
    }
    Column& column = columns_[found->second];
    if (column.role != properties.role) {
      throw hdf5::Error("'" + column.name + "' names both a " + column.role + " and a " +
                        properties.role + " column");
    }
    return column;
  }

  std::vector<Column> take() { return std::move(columns_); }

 private:
  std::size_t runs_;
  std::vector<Column> columns_;
  std::map<std::string, std::size_t> index_;
};

Cell cell_of(const Value& value) {
  return std::visit(
      [&](const auto& typed) -> Cell {
        if constexpr (std::is_same_v<std::decay_t<decltype(typed)>, std::vector<std::string>>) {
          return to_text(value);
        } else {
          return typed;
        }
      },
      value);
}

Value value_of(const Cell& cell) {
  return std::visit(
      [](const auto& typed) -> Value {
        if constexpr (std::is_same_v<std::decay_t<decltype(typed)>, std::monostate>) {
          return std::string();
        } else {
          return typed;
        }
      },
      cell);
}

double real_of(const Cell& cell) {
  if (const auto* real = std::get_if<double>(&cell)) return *real;
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
  if (const auto* boolean = std::get_if<bool>(&cell)) return *boolean ? 1.0 : 0.0;
  return std::numeric_limits<double>::quiet_NaN();
}

template <typename T>
bool all_hold(const std::vector<Cell>& cells) {
  return std::all_of(cells.begin(), cells.end(),
                     [](const Cell& cell) { return std::holds_alternative<T>(cell); });
}

template <typename T>
bool any_holds(const std::vector<Cell>& cells) {
  return std::any_of(cells.begin(), cells.end(),
                     [](const Cell& cell) { return std::holds_alternative<T>(cell); });
}

template <typename T, typename Convert>
std::vector<T> converted(const std::vector<Cell>& cells, Convert convert) {
  std::vector<T> elements;
  elements.reserve(cells.size());
  for (const auto& cell : cells) elements.push_back(convert(cell));
  return elements;
}

void add_identity(Table& table, std::size_t run, const RunRecord& record) {
  const auto cell = [&](const char* name, const char* long_name) -> Cell& {
    return table.column({.name = name, .role = "identity", .long_name = long_name}).cells[run];
  };
  cell("run_id", "identifier of the run") = record.run_id;
  cell("experiment", "experiment kind") = record.experiment;
  cell("status", "done or diverged") =
      std::string(record.result.status == RunStatus::done ? kDone : kDiverged);
  cell("reason", "why the run diverged") = record.result.reason;
  Column& seed =
      table.column({.name = "seed", .role = "identity", .long_name = "seed", .units = "1"});
  seed.cells[run] = record.seed;
  cell("numerics", "formats, rounding, overflow, scale and accumulation rules") = record.numerics;
}

// What the experiment kind says about the key; nullptr for a kind that this program does not know.
const Field* find_field(const RunRecord& record, const std::string& key) {
  const ExperimentKind* const kind = find_experiment_kind(record.experiment);
  if (kind == nullptr) return nullptr;
  const auto found = std::find_if(kind->fields.begin(), kind->fields.end(),
                                  [&](const Field& field) { return field.key == key; });
  return found == kind->fields.end() ? nullptr : &*found;
}

void add_key(Table& table, std::size_t run, const RunRecord& record, const std::string& key,
             bool swept) {
  const auto found = record.config.values().find(key);
  if (found == record.config.values().end()) return;
  const bool is_text = std::holds_alternative<std::string>(cell_of(found->second));
  const Field* const field = find_field(record, key);
  const bool changes_numbers = field == nullptr || field->changes_numbers;
  Column& column = table.column(
      {.name = key,
       .role = "config",
       .long_name = field == nullptr ? "configuration key " + key : std::string(field->doc),
       .units = is_text ? "" : "1",
       .swept = swept,
       .changes_numbers = changes_numbers});
  column.changes_numbers |= changes_numbers;  // of any kind in the table
  column.cells[run] = cell_of(found->second);
}

void add_timing(Table& table, std::size_t run, const char* name, const char* long_name,
                double seconds) {
  Column& column = table.column({.name = name,
                                 .role = "timing",
                                 .long_name = long_name,
                                 .units = "s",
                                 .reproducible = false});
  column.cells[run] = seconds;
}

}  // namespace

hdf5::Elements unified(const Column& column) {
  const auto& cells = column.cells;
  if (any_holds<std::string>(cells)) {
    return converted<std::string>(cells, [](const Cell& c) { return to_text(value_of(c)); });
  }
  if (all_hold<bool>(cells)) {
    return converted<std::int8_t>(
        cells, [](const Cell& c) { return static_cast<std::int8_t>(std::get<bool>(c)); });
  }
  if (all_hold<std::int64_t>(cells)) {
    return converted<std::int64_t>(cells, [](const Cell& c) { return std::get<std::int64_t>(c); });
  }
  return converted<double>(cells, real_of);
}

std::vector<Column> make_columns(const std::vector<RunRecord>& records,
                                 const std::vector<std::string>& swept_keys) {
  Table table(records.size());
  const auto for_each_run = [&](auto add) {
    for (std::size_t run = 0; run < records.size(); ++run) add(run, records[run]);
  };
  for_each_run([&](std::size_t run, const RunRecord& record) { add_identity(table, run, record); });
  for (const auto& key : swept_keys) {
    for_each_run(
        [&](std::size_t run, const RunRecord& record) { add_key(table, run, record, key, true); });
  }
  for_each_run([&](std::size_t run, const RunRecord& record) {
    for (const auto& [key, value] : record.config.values()) add_key(table, run, record, key, false);
  });
  for_each_run([&](std::size_t run, const RunRecord& record) {
    for (const auto& metric : record.result.metrics) {
      Column& column = table.column({.name = metric.name,
                                     .role = "metric",
                                     .long_name = metric.long_name,
                                     .units = metric.units,
                                     .reproducible = metric.reproducible});
      column.cells[run] = metric.value;
    }
  });
  for_each_run([&](std::size_t run, const RunRecord& record) {
    for (const auto& [name, text] : record.result.facts) {
      table.column({.name = name, .role = "fact", .long_name = "recorded fact " + name})
          .cells[run] = text;
    }
  });
  for_each_run([&](std::size_t run, const RunRecord& record) {
    add_timing(table, run, "wall_seconds", "elapsed time of the run", record.wall_seconds);
    add_timing(table, run, "cpu_seconds", "processor time of the run", record.cpu_seconds);
  });
  return table.take();
}

}  // namespace halfulp
