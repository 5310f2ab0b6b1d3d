// Making a problem from a table: slots, rows, groups and curves, with every check of the input.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/baseline.h"
#include "experiments/laws/dual.h"
#include "experiments/laws/law_of.h"
#include "experiments/laws/problem.h"

namespace halfulp::laws {

namespace {

using harness::ConfigError;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> parameter_names(const LawInfo& info) {
  std::vector<std::string> names;
  for (const Parameter& parameter : info.parameters) names.push_back(parameter.name);
  return names;
}

void check_names(const LawInfo& info, const std::string& option, const std::string& name) {
  const auto names = parameter_names(info);
  if (std::count(names.begin(), names.end(), name) == 0) {
    throw ConfigError(fmt::format("option '{}': law '{}' has no parameter '{}'{} (it has {})",
                                  option, info.name, name, harness::suggestion(name, names),
                                  fmt::join(names, ", ")));
  }
}

const TableColumn& column_of(const Table& table, const std::string& name,
                             const std::string& purpose) {
  const TableColumn* const column = table.find(name);
  if (column == nullptr) {
    throw ConfigError(fmt::format(
        "{}: no column '{}' for {}{}; write --columns \"{}=...\" (columns: {})", table.source, name,
        purpose, harness::suggestion(name, table.names()), name, table.listed_names()));
  }
  return *column;
}

const TableColumn& numbers_of(const Table& table, const std::string& name,
                              const std::string& purpose) {
  const TableColumn& column = column_of(table, name, purpose);
  if (column.is_text) {
    for (std::size_t r = 0; r < table.rows(); ++r) {
      if (std::isnan(column.numbers[r]) && !column.texts[r].empty()) {
        throw ConfigError(fmt::format("{}: {}: '{}' in column '{}' is no number", table.source,
                                      table.row_names[r], column.texts[r], name));
      }
    }
  }
  return column;
}

/// The distinct texts of a column, numbers by size.
std::vector<std::string> categories_of(const TableColumn& column) {
  std::map<std::pair<double, std::string>, bool> found;
  for (std::size_t r = 0; r < column.texts.size(); ++r) {
    found[{column.is_text ? 0.0 : column.numbers[r], column.texts[r]}] = true;
  }
  std::vector<std::string> categories;
  for (const auto& entry : found) categories.push_back(entry.first.second);
  return categories;
}

}  // namespace

Problem::Problem(const Table& table, const ProblemSpec& spec) : spec_(spec) {
  const LawInfo& info = law().info();
  if (spec_.target.empty()) spec_.target = info.target;
  for (const auto& entry : spec_.by) check_names(info, "--by", entry.first);
  for (const auto& entry : spec_.starts) check_names(info, "--start", entry.first);
  for (const auto& entry : spec_.bounds) check_names(info, "--bounds", entry.first);
  for (const auto& name : spec_.freed) check_names(info, "--free", name);
  for (const auto& entry : spec_.fixed) {
    check_names(info, "--fix", entry.first.substr(0, entry.first.find('[')));
  }
  make_slots(table);
  apply_fixed();
  list_free();
  read_rows(table);
  check_identified();
}

void Problem::make_slots(const Table& table) {
  const LawInfo& info = law().info();
  std::set<std::string> idle;
  for (const Variable& variable : info.variables) {
    if (table.find(variable.name) == nullptr && variable.missing) {
      idle.insert(variable.needed_by.begin(), variable.needed_by.end());
    }
  }
  slots_of_category_.resize(info.parameters.size());
  for (std::size_t i = 0; i < info.parameters.size(); ++i) {
    const std::string& name = info.parameters[i].name;
    const auto by = spec_.by.find(name);
    if (by == spec_.by.end()) {
      add_slot(i, name, idle.contains(name));
      continue;
    }
    const TableColumn& column = column_of(table, by->second, "option '--by'");
    for (const std::string& category : categories_of(column)) {
      slots_of_category_[i][category] = slots_.size();
      add_slot(i, fmt::format("{}[{}]", name, category), false);
      slots_.back().free = true;
    }
  }
}

void Problem::add_slot(std::size_t parameter, const std::string& name, bool idle) {
  const Parameter& info = law().info().parameters[parameter];
  const bool freed = std::count(spec_.freed.begin(), spec_.freed.end(), info.name) != 0;
  Slot slot;
  slot.name = name;
  slot.parameter = parameter;
  slot.positive = info.positive;
  slot.free = !idle && (!info.held || freed);
  slot.value = to_internal(info, info.held.value_or(info.starts.front()));
  auto [lower, upper] = std::pair(info.lower, info.upper);
  if (const auto bounds = spec_.bounds.find(info.name); bounds != spec_.bounds.end()) {
    std::tie(lower, upper) = bounds->second;
    if (!(lower < upper) || (info.positive && lower <= 0.0)) {
      throw ConfigError(fmt::format("option '--bounds': {} needs {}low < high", info.name,
                                    info.positive ? "0 < " : ""));
    }
  }
  slot.lower = to_internal(info, lower);
  slot.upper = to_internal(info, upper);
  const auto given = spec_.starts.find(info.name);
  for (const double start : given == spec_.starts.end() ? info.starts : given->second) {
    if (info.positive && start <= 0.0) {
      throw ConfigError(
          fmt::format("option '--start': {} is positive, {} is not", info.name, start));
    }
    slot.starts.push_back(std::clamp(to_internal(info, start), slot.lower, slot.upper));
  }
  slots_.push_back(slot);
}

void Problem::apply_fixed() {
  for (const auto& [name, value] : spec_.fixed) {
    bool found = false;
    std::vector<std::string> names;
    for (Slot& slot : slots_) {
      names.push_back(slot.name);
      if (slot.name != name) continue;
      if (slot.positive && value <= 0.0) {
        throw ConfigError(fmt::format("option '--fix': {} is positive, {} is not", name, value));
      }
      slot.free = false;
      slot.value = slot.positive ? log(value) : value;
      found = true;
    }
    if (!found) {
      throw ConfigError(fmt::format("option '--fix': there is no parameter '{}'{} (there are {})",
                                    name, harness::suggestion(name, names),
                                    fmt::join(names, ", ")));
    }
  }
}

void Problem::read_rows(const Table& table) {
  const LawInfo& info = law().info();
  const TableColumn& target = numbers_of(table, spec_.target, "what the law predicts");
  std::vector<const TableColumn*> inputs;
  for (const Variable& variable : info.variables) {
    const bool absent = variable.missing && table.find(variable.name) == nullptr;
    inputs.push_back(absent ? nullptr
                            : &numbers_of(table, variable.name,
                                          fmt::format("{} of law '{}'", variable.name, info.name)));
  }
  const TableColumn* const status = table.find("status");
  std::vector<std::size_t> kept;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    const double observed = target.numbers[r];
    const bool diverged =
        !std::isfinite(observed) || (status != nullptr && status->texts[r] == "diverged");
    if (diverged && !std::isfinite(spec_.censor)) {
      excluded_.push_back({table.row_names[r], "diverged or without a finite " + spec_.target});
      continue;
    }
    if (observed <= 0.0) {
      excluded_.push_back({table.row_names[r], fmt::format("{} is {}, not above 0", spec_.target,
                                                           number_text(observed))});
      continue;
    }
    const bool censored = diverged || observed >= spec_.censor;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const double value = inputs[i] == nullptr ? kNotANumber : inputs[i]->numbers[r];
      add_value(table, r, info.variables[i], value);
    }
    target_log_.push_back(log(censored ? spec_.censor : observed));
    censored_.push_back(censored);
    row_names_.push_back(table.row_names[r]);
    kept.push_back(r);
  }
  assign_slots(table, kept);
  make_groups(table, kept);
  if (law().wants_curves()) make_curves(table, kept);
}

void Problem::add_value(const Table& table, std::size_t row, const Variable& variable,
                        double value) {
  const double used = std::isnan(value) && variable.missing ? *variable.missing : value;
  if (std::isnan(used)) {
    throw ConfigError(fmt::format("{}: {}: {} is empty or not a number", table.source,
                                  table.row_names[row], variable.name));
  }
  if ((variable.name == "N" || variable.name == "D") && used <= 0.0) {
    throw ConfigError(fmt::format("{}: {}: {} is {}, not above 0", table.source,
                                  table.row_names[row], variable.name, used));
  }
  values_.push_back(used);
  logs_.push_back(log(used));
}

void Problem::assign_slots(const Table& table, const std::vector<std::size_t>& kept) {
  const std::size_t count = law().info().parameters.size();
  std::vector<const TableColumn*> categories(count, nullptr);
  std::vector<std::size_t> single(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const auto by = spec_.by.find(law().info().parameters[i].name);
    if (by != spec_.by.end()) categories[i] = table.find(by->second);
    const auto first = std::find_if(slots_.begin(), slots_.end(),
                                    [&](const Slot& slot) { return slot.parameter == i; });
    single[i] = static_cast<std::size_t>(first - slots_.begin());
  }
  for (const std::size_t r : kept) {
    for (std::size_t i = 0; i < count; ++i) {
      slot_of_.push_back(
          categories[i] == nullptr ? single[i] : slots_of_category_[i].at(categories[i]->texts[r]));
    }
  }
}

void Problem::make_groups(const Table& table, const std::vector<std::size_t>& kept) {
  const std::vector<std::string> keys = group_keys(table, spec_.group);
  std::map<std::string, std::size_t> numbers;
  for (const std::size_t r : kept) {
    group_of_row_.push_back(numbers.emplace(keys[r], numbers.size()).first->second);
  }
  groups_ = numbers.size();
}

void Problem::make_curves(const Table& table, const std::vector<std::size_t>& kept) {
  const TableColumn* const column =
      spec_.curve.empty() ? nullptr : &column_of(table, spec_.curve, "option '--curve'");
  std::map<std::string, std::size_t> numbers;
  std::vector<double> last_step;
  const std::size_t variables = law().info().variables.size();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const std::string key = column == nullptr ? "" : column->texts[kept[i]];
    const std::size_t number = numbers.emplace(key, numbers.size()).first->second;
    const double step = values_[i * variables];
    const double rate = values_[i * variables + 1];
    if (number == curves_.size()) {
      curves_.emplace_back();
      last_step.push_back(spec_.warmup);
    }
    Curve& curve = curves_[number];
    const double steps = step - last_step[number];
    const bool in_order = curve.rate.empty() ? steps >= 0.0 : steps > 0.0;
    if (!in_order || !(rate > 0.0)) {
      throw ConfigError(
          fmt::format("{}: {}: the steps of a curve start after --warmup and grow, and "
                      "rates are above 0; --curve tells curves apart",
                      table.source, row_names_[i]));
    }
    const double before = curve.rate.empty() ? 0.5 * spec_.warmup * rate : curve.rate_sum.back();
    curve.rate_sum.push_back(before + steps * rate);
    curve.rate.push_back(rate);
    last_step[number] = step;
    curve_of_row_.push_back(number);
    place_in_curve_.push_back(curve.rate.size() - 1);
  }
}

void Problem::check_identified() const {
  if (free_.empty()) throw ConfigError("every parameter is fixed; there is nothing to fit");
  if (rows() <= free_.size()) {
    throw TooFewRows(fmt::format(
        "{} rows are too few for {} parameters{}", rows(), free_.size(),
        excluded_.empty() ? "" : fmt::format("; {} rows were left out", excluded_.size())));
  }
}

}  // namespace halfulp::laws
