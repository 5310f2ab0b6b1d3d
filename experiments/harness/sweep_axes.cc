// The part of SweepReader that reads [sweep]: axes and exclusions.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "experiments/harness/axis_values.h"
#include "experiments/harness/sweep_reader.h"

namespace halfulp::harness {

namespace {

constexpr std::int64_t kMostDraws = 1'000'000;

bool looks_like_range(const TomlNode& node) {
  const auto is_range_key = [](const TomlEntry& entry) {
    return entry.key == "start" || entry.key == "stop" || entry.key == "num" ||
           entry.key == "step" || entry.key == "logspace" || entry.key == "pow2";
  };
  return node.is_inline && std::any_of(node.entries.begin(), node.entries.end(), is_range_key);
}

}  // namespace

void SweepReader::read_axes(const TomlEntry& entry) {
  dispatch(entry.value, "sweep.",
           {{"grid", [&](const TomlEntry& grid) { read_grid(grid); }},
            {"zip", [&](const TomlEntry& zip) { read_zip(zip); }},
            {"random", [&](const TomlEntry& random) { read_random(random); }},
            {"exclude", [&](const TomlEntry& exclude) { read_exclusions(exclude); }}});
  finish_axes();
}

std::vector<TomlLeaf> SweepReader::axis_leaves(const TomlNode& table) const {
  return leaves(table, "", [&](const std::string& path, const TomlNode& node) {
    return schema_.find(path) != nullptr || looks_like_range(node);
  });
}

void SweepReader::read_grid(const TomlEntry& entry) {
  if (!expect(entry, "sweep.grid", TomlType::table)) {
    return;
  }
  for (const TomlLeaf& leaf : axis_leaves(entry.value)) {
    add_axis({leaf.path, read_choices(leaf), leaf.at});
  }
}

void SweepReader::read_zip(const TomlEntry& entry) {
  if (!expect(entry, "sweep.zip", TomlType::table)) {
    return;
  }
  for (const TomlEntry& group : entry.value.entries) {
    if (group.value.type != TomlType::table) {
      diagnostics_.error(group.at, fmt::format("sweep.zip.{}: a zip is a table of axes of equal "
                                               "length: [sweep.zip.NAME]",
                                               group.key));
      continue;
    }
    Axis axis{group.key, {}, group.at};
    std::string first_key;
    bool good = true;
    for (const TomlLeaf& leaf : axis_leaves(group.value)) {
      const auto choices = read_choices(leaf);
      const std::size_t length =
          leaf.node->type == TomlType::array ? leaf.node->items.size() : choices.size();
      if (first_key.empty()) {
        first_key = leaf.path;
        axis.choices.resize(length);
      }
      if (length != axis.choices.size()) {
        diagnostics_.error(leaf.node->at,
                           fmt::format("sweep.zip.{}: '{}' has {} values, '{}' has {}", group.key,
                                       leaf.path, length, first_key, axis.choices.size()));
        good = false;
        continue;
      }
      for (std::size_t i = 0; i < std::min(choices.size(), length); ++i) {
        auto& settings = axis.choices[i].settings;
        settings.insert(settings.end(), choices[i].settings.begin(), choices[i].settings.end());
      }
    }
    if (first_key.empty()) {
      diagnostics_.error(group.at, fmt::format("sweep.zip.{}: empty axis", group.key));
    } else if (good) {
      add_axis(std::move(axis));
    }
  }
}

void SweepReader::read_random(const TomlEntry& entry) {
  if (!expect(entry, "sweep.random", TomlType::table)) {
    return;
  }
  std::int64_t n = 0;
  std::int64_t seed = 0;
  bool has_n = false;
  for (const TomlEntry& one : entry.value.entries) {
    if (one.key != "n" && one.key != "seed") {
      continue;
    }
    const std::int64_t low = one.key == "n" ? 1 : 0;
    has_n = has_n || one.key == "n";
    if (one.value.type != TomlType::integer || one.value.integer < low ||
        (one.key == "n" && one.value.integer > kMostDraws)) {
      diagnostics_.error(one.value.at,
                         fmt::format("sweep.random.{}: expected a whole number, at "
                                     "least {}{}",
                                     one.key, low, one.key == "n" ? " and at most 1000000" : ""));
      continue;
    }
    (one.key == "n" ? n : seed) = one.value.integer;
  }
  if (!has_n) {
    diagnostics_.error(entry.at, "sweep.random: n, the number of draws, is missing");
  }
  Axis axis{"random", std::vector<AxisChoice>(static_cast<std::size_t>(n)), entry.at};
  // A distribution is a table too: { uniform = ... } is where the path ends.
  const auto is_distribution = [&](const std::string& path, const TomlNode& node) {
    return schema_.find(path) != nullptr || node.is_inline;
  };
  for (const TomlLeaf& leaf : leaves(entry.value, "", is_distribution)) {
    if (leaf.path == "n" || leaf.path == "seed") {
      continue;
    }
    // At least one draw, so that a distribution is checked even when n is wrong.
    const auto draws = random_values(leaf.path, *leaf.node, std::max<std::int64_t>(n, 1),
                                     static_cast<std::uint64_t>(seed), diagnostics_);
    for (std::size_t i = 0; i < draws.size(); ++i) {
      AxisChoice choice = read_choice(leaf, draws[i]);
      if (i < axis.choices.size()) {
        auto& settings = axis.choices[i].settings;
        settings.insert(settings.end(), choice.settings.begin(), choice.settings.end());
      }
    }
  }
  add_axis(std::move(axis));
}

std::vector<AxisChoice> SweepReader::read_choices(const TomlLeaf& leaf) {
  std::vector<TomlNode> values;
  if (leaf.node->type == TomlType::array) {
    values = leaf.node->items;
    if (values.empty()) {
      diagnostics_.error(leaf.node->at, fmt::format("{}: empty axis", leaf.path));
    }
  } else if (leaf.node->type == TomlType::table) {
    values = range_values(leaf.path, *leaf.node, diagnostics_);
  } else {
    diagnostics_.error(leaf.node->at,
                       fmt::format("{}: an axis is an array or a range, got {}; a constant stands "
                                   "under [set]",
                                   leaf.path, describe(leaf.node->type)));
  }
  std::vector<AxisChoice> choices;
  choices.reserve(values.size());
  for (const TomlNode& value : values) {
    choices.push_back(read_choice(leaf, value));
  }
  if (values.empty()) {
    find_field(leaf.path, leaf.at);
  }
  return choices;
}

AxisChoice SweepReader::read_choice(const TomlLeaf& leaf, const TomlNode& item) {
  AxisChoice choice;
  // An accumulator may be a table itself; other tables set several keys.
  const Field* field = schema_.find(leaf.path);
  const bool is_value = field != nullptr && field->type == FieldType::accumulator;
  if (item.type != TomlType::table || is_value) {
    if (auto setting = read_setting(leaf.path, leaf.at, item)) {
      setting->at = item.at;
      choice.settings.push_back(std::move(*setting));
    }
    return choice;
  }
  read_constants(item, "base", choice.settings);
  // What the table sets itself beats its base files, later files beat earlier ones.
  std::vector<Setting> inherited;
  for (const TomlEntry& entry : item.entries) {
    if (entry.key == "base") read_base(entry, sweep_.path, {sweep_.path}, inherited);
  }
  for (auto setting = inherited.rbegin(); setting != inherited.rend(); ++setting) {
    const bool is_set =
        std::any_of(choice.settings.begin(), choice.settings.end(),
                    [&](const Setting& other) { return other.key == setting->key; });
    if (is_set) continue;
    setting->from_base = true;
    choice.settings.push_back(std::move(*setting));
  }
  return choice;
}

void SweepReader::add_axis(Axis axis) {
  if (axis.choices.empty()) {
    return;  // complained about where it was read
  }
  std::set<std::string> ours;
  for (const AxisChoice& choice : axis.choices) {
    std::set<std::string> keys;
    for (const Setting& setting : choice.settings) {
      if (!keys.insert(setting.key).second) {
        diagnostics_.error(axis.at, fmt::format("'{}' is set twice in this axis", setting.key));
      }
    }
    ours.merge(keys);
  }
  for (const std::string& key : ours) {
    const auto [other, is_new] = axis_keys_.emplace(key, axis.at);
    if (!is_new) {
      diagnostics_.error(axis.at,
                         fmt::format("'{}' is already an axis at {}", key, to_text(other->second)));
    }
  }
  sweep_.axes.push_back(std::move(axis));
}

void SweepReader::finish_axes() {
  std::stable_sort(sweep_.axes.begin(), sweep_.axes.end(), [](const Axis& a, const Axis& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  // A key given on the command line is no longer an axis; what varied with it still does.
  for (Axis& axis : sweep_.axes) {
    for (AxisChoice& choice : axis.choices) {
      std::erase_if(choice.settings, [&](const Setting& setting) {
        return std::any_of(overrides_.begin(), overrides_.end(),
                           [&](const Override& one) { return one.key == setting.key; });
      });
    }
  }
  std::erase_if(sweep_.axes, [](const Axis& axis) {
    return std::all_of(axis.choices.begin(), axis.choices.end(),
                       [](const AxisChoice& choice) { return choice.settings.empty(); });
  });
}

void SweepReader::read_exclusions(const TomlEntry& entry) {
  if (!expect(entry, "sweep.exclude", TomlType::array)) {
    return;
  }
  for (const TomlNode& table : entry.value.items) {
    if (table.type != TomlType::table || table.entries.empty()) {
      diagnostics_.error(table.at,
                         "sweep.exclude: expected a [[sweep.exclude]] table of key = value");
      continue;
    }
    sweep_.exclusions.push_back(read_exclusion(table));
  }
}

Exclusion SweepReader::read_exclusion(const TomlNode& table) {
  Exclusion exclusion;
  exclusion.at = table.at;
  const auto is_field = [&](const std::string& path, const TomlNode&) {
    return schema_.find(path) != nullptr;
  };
  for (const TomlLeaf& leaf : leaves(table, "", is_field)) {
    Exclusion::Condition condition;
    const Field* field = find_field(leaf.path, leaf.at);
    condition.key = field == nullptr ? leaf.path : std::string(field->key);
    const bool is_list = leaf.node->type == TomlType::array &&
                         (field == nullptr || field->type != FieldType::text_list);
    const std::vector<TomlNode> single = {*leaf.node};
    for (const TomlNode& item : is_list ? leaf.node->items : single) {
      if (field != nullptr) {
        if (auto value = read_value(*field, item, diagnostics_)) {
          condition.any_of.push_back(std::move(*value));
        }
      }
    }
    exclusion.conditions.push_back(std::move(condition));
  }
  return exclusion;
}

}  // namespace halfulp::harness
