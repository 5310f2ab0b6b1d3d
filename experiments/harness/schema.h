// The keys of an experiment kind as a checker: finds fields, reads values, explains what is wrong.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/config.h"
#include "experiments/harness/diagnostics.h"
#include "experiments/harness/toml_tree.h"

namespace halfulp::harness {

class Schema {
 public:
  explicit Schema(std::span<const Field> fields) : fields_(fields) {}

  std::span<const Field> fields() const { return fields_; }

  /// nullptr when no field has this key.
  const Field* find(std::string_view key) const;

  /// The field whose key is most like `key`, or nullptr.
  const Field* nearest(std::string_view key) const;

  /// Every field at its default.
  Config defaults() const;

 private:
  std::span<const Field> fields_;
};

/// "unknown key 'model.widht'; did you mean 'model.width'?"
std::string unknown_key(std::string_view key, const std::vector<std::string>& known);

/// "; did you mean 'adamw'?", or nothing when no candidate is near.
std::string suggestion(std::string_view text, const std::vector<std::string>& candidates);

/// The value of `node` for `field`, canonical: quantizers and accumulators in their one
/// spelling, integers for
/// integral reals. Adds a complaint at the value's place and returns nothing when type, range or
/// choice is wrong.
std::optional<Value> read_value(const Field& field, const TomlNode& node, Diagnostics& diagnostics);

/// As read_value for text without TOML quotes: a command-line value, or a default.
std::optional<Value> read_value_text(const Field& field, std::string_view text,
                                     const Location& where, Diagnostics& diagnostics);

/// "1 to 4096", "at least 1", "adamw, sgd", or nothing when any value goes.
std::string describe_range(const Field& field);

/// "integer", "real", "quantizer", ...
std::string_view to_text(FieldType type);

/// The items of "a|b|c" or "a,b,c"; none for an empty text.
std::vector<std::string> split(std::string_view text, char separator);

}  // namespace halfulp::harness
