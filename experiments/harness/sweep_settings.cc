// The part of SweepReader that reads keys of the experiment kind, and the base files that set them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "experiments/harness/sweep_reader.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"

namespace halfulp::harness {

namespace {

std::string written_text(const TomlNode& node, const Value& value) {
  if (node.type == TomlType::text) {
    return node.text;
  }
  const bool is_plain = node.type != TomlType::array && node.type != TomlType::table;
  return is_plain ? to_toml(node) : halfulp::to_text(value);
}

}  // namespace

void SweepReader::read_base(const TomlEntry& entry, const std::string& from_file,
                            const std::vector<std::string>& open_files,
                            std::vector<Setting>& into) {
  const bool is_list = entry.value.type == TomlType::array;
  const std::vector<TomlNode> single = {entry.value};
  for (const TomlNode& item : is_list ? entry.value.items : single) {
    if (item.type != TomlType::text) {
      diagnostics_.error(
          item.at,
          fmt::format("base: expected a file name or a list of them, got {}", describe(item.type)));
      continue;
    }
    const auto folder = std::filesystem::path(from_file).parent_path();
    read_base_file((folder / item.text).lexically_normal().string(), item.at, open_files, into);
  }
}

void SweepReader::read_base_file(const std::string& path, const Location& at,
                                 std::vector<std::string> open_files, std::vector<Setting>& into) {
  if (std::find(open_files.begin(), open_files.end(), path) != open_files.end()) {
    diagnostics_.error(at, fmt::format("base: {} includes itself", quote(path)));
    return;
  }
  open_files.push_back(path);
  std::optional<TomlNode> document;
  try {
    document = parse_toml(read_file(path), path, diagnostics_);
  } catch (const IoError& error) {
    diagnostics_.error(at, fmt::format("base: {}", error.what()));
  }
  if (!document) {
    return;
  }
  for (const TomlEntry& entry : document->entries) {
    if (entry.key == "base") {
      read_base(entry, path, open_files, into);
    }
  }
  read_constants(*document, "base", into);
}

void SweepReader::read_constants(const TomlNode& table, const std::string& skip,
                                 std::vector<Setting>& into) {
  const auto is_field = [&](const std::string& path, const TomlNode&) {
    return schema_.find(path) != nullptr;
  };
  std::set<std::string> seen;
  for (const TomlLeaf& leaf : leaves(table, "", is_field)) {
    if (leaf.path == skip) {
      continue;
    }
    if (!seen.insert(leaf.path).second) {
      diagnostics_.error(leaf.at, fmt::format("'{}' is set twice in this file", leaf.path));
      continue;
    }
    if (auto setting = read_setting(leaf.path, leaf.at, *leaf.node)) {
      into.push_back(std::move(*setting));
    }
  }
}

const Field* SweepReader::find_field(const std::string& path, const Location& at) {
  if (sweep_.kind == nullptr) {
    return nullptr;  // without a kind no key can be judged
  }
  if (const Field* field = schema_.find(path)) {
    return field;
  }
  const Field* nearest = schema_.nearest(path);
  std::string message = fmt::format("unknown key '{}'", path);
  const auto is_below = [&](const Field& field) { return field.key.starts_with(path + "."); };
  if (std::any_of(schema_.fields().begin(), schema_.fields().end(), is_below)) {
    message += "; it is a group of keys, not a key";
    nearest = nullptr;
  } else if (nearest != nullptr) {
    message += fmt::format("; did you mean '{}'?", nearest->key);
  }
  diagnostics_.error(at, message);
  return nearest;
}

std::optional<Setting> SweepReader::read_setting(const std::string& path, const Location& key_at,
                                                 const TomlNode& node) {
  const Field* field = find_field(path, key_at);
  if (field == nullptr) {
    return std::nullopt;
  }
  auto value = read_value(*field, node, diagnostics_);
  if (!value) {
    taint(field);
    return std::nullopt;
  }
  std::string written = written_text(node, *value);
  return Setting{std::string(field->key), std::move(*value), std::move(written), key_at};
}

void SweepReader::taint(const Field* field) { sweep_.tainted_keys.emplace_back(field->key); }

}  // namespace halfulp::harness
