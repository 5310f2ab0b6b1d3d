#include "experiments/harness/sweep_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"
#include "formats/spec.h"

namespace halfulp::harness {

namespace {

constexpr std::int64_t kMostSeeds = 100'000;

const std::vector<Field>& stop_fields() {
  static const std::vector<Field> fields = {
      {"stop.diverged.non_finite", FieldType::boolean, "true",
       "a NaN or infinite loss ends the run"},
      {"stop.diverged.loss_above", FieldType::real, "1e308", "a loss above this ends the run"},
  };
  return fields;
}

void apply_stop(StopRules& stop, const Field& field, const Value& value) {
  if (field.type == FieldType::boolean) {
    stop.non_finite = std::get<bool>(value);
  } else {
    stop.loss_above = std::get<double>(value);
  }
}

}  // namespace

Sweep SweepReader::read(const std::string& path, const std::vector<std::string>& overrides) {
  sweep_.path = path;
  sweep_.overrides = overrides;
  sweep_.name = std::filesystem::path(path).stem().string();
  for (const std::string& text : overrides) {
    const std::size_t equals = text.find('=');
    const Location at{fmt::format("command line '{}'", text)};
    if (equals == std::string::npos || equals == 0) {
      diagnostics_.error(at, "expected key=value");
      continue;
    }
    overrides_.push_back({text.substr(0, equals), text.substr(equals + 1), at});
  }
  try {
    sweep_.text = read_file(path);
  } catch (const IoError& error) {
    throw ConfigError(error.what());
  }
  if (const auto document = parse_toml(sweep_.text, path, diagnostics_)) {
    read_document(*document);
    read_overrides();
  }
  return std::move(sweep_);
}

void SweepReader::read_version(const TomlEntry& entry) {
  if (expect(entry, "schema_version", TomlType::integer) && entry.value.integer != 1) {
    diagnostics_.error(
        entry.value.at,
        fmt::format("schema_version {} is not known; this program reads 1", entry.value.integer));
  }
}

void SweepReader::read_document(const TomlNode& document) {
  const TomlEntry* extends = entry_named(document, "extends");
  if (extends != nullptr) {
    read_extension(document, *extends);
  } else {
    read_kind(document);
    read_body(document);
  }
}

void SweepReader::read_body(const TomlNode& document) {
  const auto nothing = [](const TomlEntry&) {};
  dispatch(document, "",
           {{"schema_version", [&](const TomlEntry& entry) { read_version(entry); }},
            {"name", [&](const TomlEntry& entry) { read_name(entry); }},
            {"experiment", nothing},  // read first: the other keys depend on it
            {"base",
             [&](const TomlEntry& entry) {
               read_base(entry, sweep_.path, {sweep_.path}, sweep_.constants);
             }},
            {"seeds", [&](const TomlEntry& entry) { read_seeds(entry); }},
            {"notes", [&](const TomlEntry& entry) { expect(entry, "notes", TomlType::text); }},
            {"set", nothing},
            {"sweep", nothing},
            {"stop", [&](const TomlEntry& entry) { read_stop(entry); }},
            {"fit", [&](const TomlEntry& entry) { read_fits(entry); }},
            {"figure", [&](const TomlEntry& entry) { read_figures(entry); }}});
  // Precedence is base < [set] < axes < command line wherever the tables stand in the file.
  for (const TomlEntry& entry : document.entries) {
    if (entry.key == "set" && expect(entry, "set", TomlType::table)) {
      read_constants(entry.value, "", sweep_.constants);
    }
  }
  for (const TomlEntry& entry : document.entries) {
    if (entry.key == "sweep" && expect(entry, "sweep", TomlType::table)) {
      read_axes(entry);
    }
  }
}

void SweepReader::read_kind(const TomlNode& document) {
  const TomlEntry* found = entry_named(document, "experiment");
  std::vector<std::string> names;
  for (const ExperimentKind& kind : kinds_) {
    names.emplace_back(kind.name);
  }
  if (found == nullptr) {
    diagnostics_.error({sweep_.path},
                       fmt::format("no experiment is named; add experiment = \"...\" "
                                   "with one of: {}",
                                   fmt::join(names, ", ")));
    return;
  }
  sweep_.kind_at = found->value.at;
  if (!expect(*found, "experiment", TomlType::text)) {
    return;
  }
  const auto with_name = [&](const std::string& name) {
    const auto kind = std::find_if(kinds_.begin(), kinds_.end(),
                                   [&](const ExperimentKind& one) { return one.name == name; });
    return kind == kinds_.end() ? nullptr : &*kind;
  };
  sweep_.kind = with_name(found->value.text);
  if (sweep_.kind == nullptr) {
    diagnostics_.error(found->value.at,
                       fmt::format("unknown experiment {}{} (known: {})", quote(found->value.text),
                                   suggestion(found->value.text, names), fmt::join(names, ", ")));
    const auto nearest = nearest_names(found->value.text, names, 1);
    sweep_.kind = nearest.empty() ? nullptr : with_name(nearest.front());
  }
  if (sweep_.kind != nullptr) {
    schema_ = Schema(sweep_.kind->fields);
  }
}

void SweepReader::read_name(const TomlEntry& entry) {
  if (!expect(entry, "name", TomlType::text)) {
    return;
  }
  const std::string& name = entry.value.text;
  const bool good = !name.empty() && name.size() <= 100 && name.front() != '.' &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
                    });
  if (!good) {
    diagnostics_.error(
        entry.value.at,
        fmt::format("name {}: it names a folder; use letters, digits, '_', '-', '.'", quote(name)));
    return;
  }
  sweep_.name = name;
}

void SweepReader::read_seeds(const TomlEntry& entry) {
  const TomlNode& node = entry.value;
  std::vector<std::int64_t> seeds;
  if (node.type == TomlType::integer && node.integer >= 1 && node.integer <= kMostSeeds) {
    for (std::int64_t seed = 0; seed < node.integer; ++seed) {
      seeds.push_back(seed);
    }
  }
  for (const TomlNode& item : node.items) {
    if (item.type != TomlType::integer || item.integer < 0) {
      diagnostics_.error(item.at, "seeds: a seed is a whole number, 0 or above");
      return;
    }
    if (std::find(seeds.begin(), seeds.end(), item.integer) != seeds.end()) {
      diagnostics_.error(item.at, fmt::format("seeds: {} is given twice", item.integer));
      return;
    }
    seeds.push_back(item.integer);
  }
  if (seeds.empty()) {
    diagnostics_.error(
        node.at,
        fmt::format("seeds: expected a count from 1 to {} or a list of seeds", kMostSeeds));
    return;
  }
  sweep_.seeds = seeds;
}

void SweepReader::read_stop(const TomlEntry& entry) {
  if (!expect(entry, "stop", TomlType::table)) {
    return;
  }
  const auto read_rule = [&](const TomlEntry& rule, const Field& field) {
    if (const auto value = read_value(field, rule.value, diagnostics_)) {
      apply_stop(sweep_.stop, field, *value);
    }
  };
  const Field &non_finite = stop_fields()[0], &loss_above = stop_fields()[1];
  dispatch(entry.value, "stop.",
           {{"diverged", [&](const TomlEntry& diverged) {
               if (!expect(diverged, "stop.diverged", TomlType::table)) {
                 return;
               }
               dispatch(
                   diverged.value, "stop.diverged.",
                   {{"non_finite", [&](const TomlEntry& rule) { read_rule(rule, non_finite); }},
                    {"loss_above", [&](const TomlEntry& rule) { read_rule(rule, loss_above); }}});
             }}});
}

void SweepReader::read_figures(const TomlEntry& entry) {
  if (!expect(entry, "figure", TomlType::array)) {
    return;
  }
  for (const TomlNode& figure : entry.value.items) {
    const std::size_t before = sweep_.figures.size();
    dispatch(figure, "figure.", {{"name", [&](const TomlEntry& name) {
                                    if (expect(name, "figure.name", TomlType::text)) {
                                      sweep_.figures.push_back(name.value.text);
                                    }
                                  }}});
    if (sweep_.figures.size() == before && figure.entries.empty()) {
      diagnostics_.error(figure.at, "figure: expected a [[figure]] table with a name");
    }
  }
}

void SweepReader::read_overrides() {
  for (const Override& one : overrides_) {
    if (one.key == "seeds" || one.key == "name") {
      read_header_override(one);
      continue;
    }
    const auto stop = std::find_if(stop_fields().begin(), stop_fields().end(),
                                   [&](const Field& field) { return field.key == one.key; });
    if (stop != stop_fields().end()) {
      if (const auto value = read_value_text(*stop, one.value, one.at, diagnostics_)) {
        apply_stop(sweep_.stop, *stop, *value);
      }
      continue;
    }
    if (const Field* field = find_field(one.key, one.at)) {
      if (auto value = read_value_text(*field, one.value, one.at, diagnostics_)) {
        sweep_.constants.push_back({std::string(field->key), std::move(*value), one.value, one.at});
      } else {
        taint(field);
      }
    }
  }
}

void SweepReader::read_header_override(const Override& one) {
  const bool is_list = one.value.find(',') != std::string::npos && one.value.front() != '[';
  const std::string list = is_list ? "[" + one.value + "]" : one.value;
  Diagnostics syntax;
  auto document =
      parse_toml(one.key + " = " + (one.key == "name" ? quote(one.value) : list), "", syntax);
  if (!document) {
    diagnostics_.error(one.at, "seeds: expected a count or a list such as 1,2,3");
    return;
  }
  TomlEntry& entry = document->entries.front();
  entry.value.at = one.at;
  for (TomlNode& item : entry.value.items) {
    item.at = one.at;
  }
  if (one.key == "name") {
    read_name(entry);
  } else {
    read_seeds(entry);
  }
}

void SweepReader::dispatch(const TomlNode& table, const std::string& prefix,
                           const std::map<std::string, Handler>& handlers) {
  for (const TomlEntry& entry : table.entries) {
    const auto handler = handlers.find(entry.key);
    if (handler != handlers.end()) {
      handler->second(entry);
      continue;
    }
    std::vector<std::string> known;
    known.reserve(handlers.size());
    for (const auto& [key, unused] : handlers) {
      known.push_back(prefix + key);
    }
    std::string message = unknown_key(prefix + entry.key, known);
    if (prefix.empty() && schema_.find(entry.key) == nullptr && message.find(';') == message.npos) {
      const bool is_group =
          std::any_of(schema_.fields().begin(), schema_.fields().end(), [&](const Field& field) {
            return field.key.substr(0, field.key.find('.')) == entry.key;
          });
      message += is_group ? "; keys of the experiment stand under [set] in a sweep file" : "";
    }
    diagnostics_.error(entry.at, message);
  }
}

bool SweepReader::expect(const TomlEntry& entry, const std::string& name, TomlType type) {
  if (entry.value.type == type) {
    return true;
  }
  diagnostics_.error(entry.value.at, fmt::format("{}: expected {}, got {}", name, describe(type),
                                                 describe(entry.value.type)));
  return false;
}

Sweep read_sweep(const std::string& path, const std::vector<std::string>& overrides,
                 std::span<const ExperimentKind> kinds, Diagnostics& diagnostics) {
  return SweepReader(kinds, diagnostics).read(path, overrides);
}

std::pair<Sweep, Plan> load_plan(const std::string& path, const std::vector<std::string>& overrides,
                                 std::span<const ExperimentKind> kinds) {
  Diagnostics diagnostics;
  Sweep sweep = read_sweep(path, overrides, kinds, diagnostics);
  Plan plan = expand(sweep, diagnostics);
  throw_if_any(diagnostics);
  return {std::move(sweep), std::move(plan)};
}

}  // namespace halfulp::harness
