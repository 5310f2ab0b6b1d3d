#include "experiments/harness/toml_tree.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <tuple>

#include "experiments/config.h"

namespace halfulp::harness {

namespace {

Location location_of(const toml::source_position& position, const std::string& file) {
  return {file, static_cast<int>(position.line), static_cast<int>(position.column)};
}

bool before(const Location& a, const Location& b) {
  return std::tie(a.line, a.column) < std::tie(b.line, b.column);
}

TomlNode convert(const toml::node& node, const std::string& file);

void convert_table(const toml::table& table, const std::string& file, TomlNode& out) {
  out.type = TomlType::table;
  out.is_inline = table.is_inline();
  for (const auto& [key, value] : table) {
    out.entries.push_back(
        {std::string(key.str()), location_of(key.source().begin, file), convert(value, file)});
  }
  // The library iterates alphabetically; the order of a sweep's axes is the file's.
  std::stable_sort(out.entries.begin(), out.entries.end(),
                   [](const TomlEntry& a, const TomlEntry& b) { return before(a.at, b.at); });
}

TomlNode convert(const toml::node& node, const std::string& file) {
  TomlNode out;
  out.at = location_of(node.source().begin, file);
  if (const auto* table = node.as_table()) {
    convert_table(*table, file, out);
  } else if (const auto* array = node.as_array()) {
    out.type = TomlType::array;
    for (const toml::node& item : *array) {
      out.items.push_back(convert(item, file));
    }
  } else if (const auto* text = node.as_string()) {
    out.type = TomlType::text;
    out.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.type = TomlType::integer;
    out.integer = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.type = TomlType::real;
    out.real = real->get();
  } else if (const auto* boolean = node.as_boolean()) {
    out.type = TomlType::boolean;
    out.boolean = boolean->get();
  } else {
    out.type = TomlType::date_time;
  }
  return out;
}

void collect(const TomlNode& table, const std::string& prefix,
             const std::function<bool(const std::string&, const TomlNode&)>& is_leaf,
             std::vector<TomlLeaf>& out) {
  for (const TomlEntry& entry : table.entries) {
    const std::string path = prefix.empty() ? entry.key : prefix + "." + entry.key;
    if (entry.value.type == TomlType::table && !is_leaf(path, entry.value)) {
      collect(entry.value, path, is_leaf, out);
    } else {
      out.push_back({path, entry.at, &entry.value});
    }
  }
}

}  // namespace

const TomlEntry* entry_named(const TomlNode& table, std::string_view key) {
  for (const TomlEntry& entry : table.entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::optional<TomlNode> parse_toml(std::string_view text, const std::string& file,
                                   Diagnostics& diagnostics) {
  try {
    return convert(toml::parse(text), file);
  } catch (const toml::parse_error& error) {
    diagnostics.error(location_of(error.source().begin, file), std::string(error.description()));
    return std::nullopt;
  }
}

std::vector<TomlLeaf> leaves(
    const TomlNode& table, const std::string& prefix,
    const std::function<bool(const std::string&, const TomlNode&)>& is_leaf) {
  std::vector<TomlLeaf> out;
  collect(table, prefix, is_leaf, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const TomlLeaf& a, const TomlLeaf& b) { return before(a.at, b.at); });
  return out;
}

std::string_view describe(TomlType type) {
  switch (type) {
    case TomlType::boolean:
      return "a boolean";
    case TomlType::integer:
      return "an integer";
    case TomlType::real:
      return "a real number";
    case TomlType::text:
      return "a text";
    case TomlType::date_time:
      return "a date or time";
    case TomlType::array:
      return "an array";
    case TomlType::table:
      return "a table";
  }
  return "";
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string to_toml(const TomlNode& node) {
  switch (node.type) {
    case TomlType::boolean:
      return node.boolean ? "true" : "false";
    case TomlType::integer:
      return std::to_string(node.integer);
    case TomlType::real:
      return halfulp::to_text(Value(node.real));
    case TomlType::text:
      return quote(node.text);
    case TomlType::date_time:
    case TomlType::array:
    case TomlType::table:
      return std::string(describe(node.type));
  }
  return "";
}

}  // namespace halfulp::harness
