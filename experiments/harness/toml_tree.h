// A TOML document as plain values in file order, each with its place. The only door to the TOML
// library.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/harness/diagnostics.h"

namespace halfulp::harness {

enum class TomlType : std::uint8_t { boolean, integer, real, text, date_time, array, table };

struct TomlEntry;

struct TomlNode {
  TomlType type = TomlType::table;
  Location at;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0.0;
  std::string text;
  std::vector<TomlNode> items;     ///< of an array
  std::vector<TomlEntry> entries;  ///< of a table, in file order
  bool is_inline = false;          ///< a table written { like = "this" }
};

struct TomlEntry {
  std::string key;
  Location at;  ///< of the key
  TomlNode value;
};

/// The entry of a table with this key, or null.
const TomlEntry* entry_named(const TomlNode& table, std::string_view key);

/// Reads a document; `file` is the name that locations carry. A syntax error is added to
/// `diagnostics`.
std::optional<TomlNode> parse_toml(std::string_view text, const std::string& file,
                                   Diagnostics& diagnostics);

/// A key of nested tables: [a] b.c = 1 and "a.b.c" = 1 are both the path "a.b.c".
struct TomlLeaf {
  std::string path;
  Location at;  ///< of the last part of the key
  const TomlNode* node;
};

/// The leaves below `table`, in file order. A table is a leaf when `is_leaf(path, table)` says so.
std::vector<TomlLeaf> leaves(
    const TomlNode& table, const std::string& prefix,
    const std::function<bool(const std::string&, const TomlNode&)>& is_leaf);

/// "an integer", "an array", ... for messages.
std::string_view describe(TomlType type);

/// The value of a scalar as it may stand in TOML: 3, 0.5, true, "text".
std::string to_toml(const TomlNode& node);

/// A basic TOML string with its escapes.
std::string quote(std::string_view text);

}  // namespace halfulp::harness
