// Typed configuration: the fields an experiment kind declares, and one resolved point of a sweep.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace halfulp {

using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

enum class FieldType : std::uint8_t {
  boolean,
  integer,
  real,
  text,
  choice,       ///< text, one of Field::choices
  quantizer,    ///< text, canonicalized by sim/quantizer.h; or one of Field::choices
  operand,      ///< text, canonicalized by sim/nn/operand_spec.h; or one of Field::choices
  accumulator,  ///< text or table, canonicalized by formats/accumulator_spec.h; or a choice
  text_list,    ///< an item may stand as a number: the text is its shortest decimal
};

/// One key of an experiment kind. A key that no field declares is an error with a suggestion.
struct Field {
  std::string_view key;  ///< dotted: "model.width"
  FieldType type;
  std::string_view default_value;  ///< as it would stand in TOML, without quotes; lists: "a,b"
  std::string_view doc;            ///< one line, with the unit where there is one
  double low = -1e308;             ///< inclusive range of integers and reals
  double high = 1e308;
  std::string_view choices = {};  ///< "adamw|sgd" for FieldType::choice
  bool changes_numbers = true;    ///< false: left out of the run id (paths, output options)
};

/// A complete assignment of a kind's fields: every default written out, every value canonical.
class Config {
 public:
  void set(std::string key, Value value) { values_[std::move(key)] = std::move(value); }

  bool has(std::string_view key) const { return values_.find(key) != values_.end(); }

  const std::map<std::string, Value, std::less<>>& values() const { return values_; }

  // Typed access; throws std::logic_error for a key or type the kind did not declare.
  bool boolean(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  double real(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  const std::vector<std::string>& text_list(std::string_view key) const;

 private:
  std::map<std::string, Value, std::less<>> values_;
};

/// The value as text: shortest decimal that round-trips, true/false, lists joined by commas.
std::string to_text(const Value& value);

/// A complaint about one key, found after types and ranges are right ("width is not a multiple of
/// heads").
struct ConfigIssue {
  std::string key;
  std::string message;
};

}  // namespace halfulp
