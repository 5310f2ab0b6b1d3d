#include "experiments/harness/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "experiments/harness/accumulator_field.h"
#include "formats/spec.h"
#include "sim/nn/operand_spec.h"
#include "sim/quantizer.h"

namespace halfulp::harness {

namespace {

constexpr double kUnlimited = 1e308;
constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

std::string_view expected(FieldType type) {
  switch (type) {
    case FieldType::boolean:
      return "true or false";
    case FieldType::integer:
      return "an integer";
    case FieldType::real:
      return "a number";
    case FieldType::text:
    case FieldType::choice:
      return "a text";
    case FieldType::quantizer:
      return "a quantizer such as \"int8+row\"";
    case FieldType::operand:
      return "an operand such as \"e4m3fn+delayed(1024)\"";
    case FieldType::accumulator:
      return "an accumulator such as \"bfloat16+blocked(32)\", or its table";
    case FieldType::text_list:
      return "a list of texts or numbers";
  }
  return "";
}

void complain_type(const Field& field, const TomlNode& node, Diagnostics& diagnostics) {
  std::string got = std::string(describe(node.type));
  if (node.type != TomlType::array && node.type != TomlType::table &&
      node.type != TomlType::date_time) {
    got = fmt::format("{} {}", got, to_toml(node));
  }
  if (node.type == TomlType::array) {
    got += " (an array is an axis only under [sweep.grid] and [sweep.zip.NAME])";
  }
  diagnostics.error(node.at,
                    fmt::format("{}: expected {}, got {}", field.key, expected(field.type), got));
}

bool check_range(const Field& field, double value, const TomlNode& node, Diagnostics& diagnostics) {
  if (!std::isfinite(value)) {
    diagnostics.error(
        node.at, fmt::format("{}: expected a finite number, got {}", field.key, to_toml(node)));
    return false;
  }
  if (value < field.low || value > field.high) {
    diagnostics.error(node.at, fmt::format("{} = {} is out of range: {} ({})", field.key,
                                           to_toml(node), describe_range(field), field.doc));
    return false;
  }
  return true;
}

std::optional<Value> read_integer(const Field& field, const TomlNode& node,
                                  Diagnostics& diagnostics) {
  std::int64_t value = node.integer;
  if (node.type == TomlType::real) {
    // 1e6 is how people write a large count; 2.5 is a mistake.
    if (node.real != std::trunc(node.real) || std::fabs(node.real) > kExactIntegers) {
      complain_type(field, node, diagnostics);
      return std::nullopt;
    }
    value = static_cast<std::int64_t>(node.real);
  } else if (node.type != TomlType::integer) {
    complain_type(field, node, diagnostics);
    return std::nullopt;
  }
  if (!check_range(field, static_cast<double>(value), node, diagnostics)) {
    return std::nullopt;
  }
  return Value(value);
}

std::optional<Value> read_real(const Field& field, const TomlNode& node, Diagnostics& diagnostics) {
  if (node.type != TomlType::integer && node.type != TomlType::real) {
    complain_type(field, node, diagnostics);
    return std::nullopt;
  }
  double value = node.type == TomlType::integer ? static_cast<double>(node.integer) : node.real;
  if (!check_range(field, value, node, diagnostics)) {
    return std::nullopt;
  }
  return Value(value == 0.0 ? 0.0 : value);  // -0 and 0 are one run
}

std::optional<Value> read_text(const Field& field, const TomlNode& node, Diagnostics& diagnostics) {
  if (node.type != TomlType::text) {
    complain_type(field, node, diagnostics);
    return std::nullopt;
  }
  const auto choices = split(field.choices, '|');
  const bool is_choice = std::find(choices.begin(), choices.end(), node.text) != choices.end();
  if (field.type == FieldType::choice) {
    if (!is_choice) {
      diagnostics.error(node.at,
                        fmt::format("{}: {} is none of {}{}", field.key, quote(node.text),
                                    fmt::join(choices, ", "), suggestion(node.text, choices)));
      return std::nullopt;
    }
  }
  const bool is_operand = field.type == FieldType::operand;
  if ((field.type == FieldType::quantizer || is_operand) && !is_choice) {
    try {
      return Value(is_operand ? to_spec(nn::parse_operand(node.text))
                              : to_spec(parse_quantizer(node.text)));
    } catch (const SpecError& error) {
      diagnostics.error(node.at, fmt::format("{}: {}: {}{}", field.key, quote(node.text),
                                             error.what(), suggestion(node.text, choices)));
      return std::nullopt;
    }
  }
  return Value(node.text);
}

std::optional<Value> read_text_list(const Field& field, const TomlNode& node,
                                    Diagnostics& diagnostics) {
  if (node.type != TomlType::array) {
    complain_type(field, node, diagnostics);
    return std::nullopt;
  }
  std::vector<std::string> list;
  for (const TomlNode& item : node.items) {
    if (item.type == TomlType::integer) {
      list.push_back(halfulp::to_text(Value(item.integer)));
    } else if (item.type == TomlType::real) {
      list.push_back(halfulp::to_text(Value(item.real)));
    } else if (item.type == TomlType::text) {
      list.push_back(item.text);
    } else {
      complain_type(field, item, diagnostics);
      return std::nullopt;
    }
  }
  return Value(std::move(list));
}

/// The TOML value that `text` would be if it stood in a file with the quotes its field needs.
TomlNode node_of_text(const Field& field, std::string_view text, const Location& where) {
  TomlNode node;
  node.at = where;
  node.type = TomlType::text;
  node.text = std::string(text);
  const char* end = text.data() + text.size();
  if (field.type == FieldType::text_list) {
    node.type = TomlType::array;
    for (const std::string& part : split(text, ',')) {
      node.items.push_back(node_of_text({field.key, FieldType::text, "", ""}, part, where));
    }
  } else if (field.type == FieldType::boolean && (text == "true" || text == "false")) {
    node.type = TomlType::boolean;
    node.boolean = text == "true";
  } else if (field.type == FieldType::integer || field.type == FieldType::real) {
    if (std::from_chars(text.data(), end, node.integer).ptr == end && !text.empty()) {
      node.type = TomlType::integer;
    } else if (const auto parsed = std::from_chars(text.data(), end, node.real);
               parsed.ptr == end && parsed.ec == std::errc{} && !text.empty()) {
      node.type = TomlType::real;
    }
  }
  return node;
}

}  // namespace

const Field* Schema::find(std::string_view key) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& field) { return field.key == key; });
  return found == fields_.end() ? nullptr : &*found;
}

const Field* Schema::nearest(std::string_view key) const {
  std::vector<std::string> keys;
  for (const Field& field : fields_) {
    keys.emplace_back(field.key);
  }
  const auto names = nearest_names(key, keys, 1);
  return names.empty() ? nullptr : find(names.front());
}

Config Schema::defaults() const {
  Config config;
  Diagnostics diagnostics;
  for (const Field& field : fields_) {
    const Location where{fmt::format("default of {}", field.key)};
    if (auto value = read_value_text(field, field.default_value, where, diagnostics)) {
      config.set(std::string(field.key), std::move(*value));
    }
  }
  if (!diagnostics.empty()) {
    throw std::logic_error(diagnostics.lines().front());
  }
  return config;
}

std::string suggestion(std::string_view text, const std::vector<std::string>& candidates) {
  const auto names = nearest_names(text, candidates, 1);
  return names.empty() ? "" : fmt::format("; did you mean '{}'?", names.front());
}

std::string unknown_key(std::string_view key, const std::vector<std::string>& known) {
  return fmt::format("unknown key '{}'{}", key, suggestion(key, known));
}

std::optional<Value> read_value(const Field& field, const TomlNode& node,
                                Diagnostics& diagnostics) {
  switch (field.type) {
    case FieldType::boolean:
      if (node.type != TomlType::boolean) {
        complain_type(field, node, diagnostics);
        return std::nullopt;
      }
      return Value(node.boolean);
    case FieldType::integer:
      return read_integer(field, node, diagnostics);
    case FieldType::real:
      return read_real(field, node, diagnostics);
    case FieldType::text:
    case FieldType::choice:
    case FieldType::quantizer:
    case FieldType::operand:
      return read_text(field, node, diagnostics);
    case FieldType::accumulator:
      if (node.type != TomlType::text && node.type != TomlType::table) {
        complain_type(field, node, diagnostics);
        return std::nullopt;
      }
      return read_accumulator(field, node, diagnostics);
    case FieldType::text_list:
      return read_text_list(field, node, diagnostics);
  }
  return std::nullopt;
}

std::optional<Value> read_value_text(const Field& field, std::string_view text,
                                     const Location& where, Diagnostics& diagnostics) {
  return read_value(field, node_of_text(field, text, where), diagnostics);
}

std::string describe_range(const Field& field) {
  if (!field.choices.empty()) {
    return fmt::format("{}{}", fmt::join(split(field.choices, '|'), ", "),
                       field.type == FieldType::quantizer     ? ", a quantizer"
                       : field.type == FieldType::operand     ? ", an operand"
                       : field.type == FieldType::accumulator ? ", an accumulator"
                                                              : "");
  }
  if (field.type != FieldType::integer && field.type != FieldType::real) {
    return "";
  }
  const auto number = [&](double value) { return halfulp::to_text(Value(value)); };
  const bool has_low = field.low > -kUnlimited;
  const bool has_high = field.high < kUnlimited;
  if (has_low && has_high) {
    return fmt::format("{} to {}", number(field.low), number(field.high));
  }
  if (has_low) {
    return fmt::format("at least {}", number(field.low));
  }
  return has_high ? fmt::format("at most {}", number(field.high)) : "";
}

std::string_view to_text(FieldType type) {
  switch (type) {
    case FieldType::boolean:
      return "boolean";
    case FieldType::integer:
      return "integer";
    case FieldType::real:
      return "real";
    case FieldType::text:
      return "text";
    case FieldType::choice:
      return "choice";
    case FieldType::quantizer:
      return "quantizer";
    case FieldType::operand:
      return "operand";
    case FieldType::accumulator:
      return "accumulator";
    case FieldType::text_list:
      return "list";
  }
  return "";
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace halfulp::harness
