#include "experiments/harness/fit_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "experiments/config.h"

namespace halfulp::harness {

namespace {

constexpr std::string_view kOption = "option '--";

std::optional<std::string> scalar_text(const TomlNode& node) {
  switch (node.type) {
    case TomlType::text:
      return node.text;
    case TomlType::integer:
      return std::to_string(node.integer);
    case TomlType::real:
      return halfulp::to_text(Value(node.real));
    case TomlType::boolean:
    case TomlType::date_time:
    case TomlType::array:
    case TomlType::table:
      return std::nullopt;
  }
  return std::nullopt;
}

/// As it would stand on the command line: "a,b", "E=1.8,eff[BF16]=1".
std::optional<std::string> request_text(const TomlNode& node) {
  std::string text;
  const auto add = [&](const std::string& name, const std::optional<std::string>& value) {
    if (value) text += (text.empty() ? "" : ",") + name + *value;
    return value.has_value();
  };
  if (node.type == TomlType::array) {
    const bool good = std::all_of(node.items.begin(), node.items.end(),
                                  [&](const auto& item) { return add("", scalar_text(item)); });
    return good ? std::optional(text) : std::nullopt;
  }
  if (node.type == TomlType::table) {
    const bool good = std::all_of(node.entries.begin(), node.entries.end(), [&](const auto& e) {
      return add(e.key + "=", scalar_text(e.value));
    });
    return good ? std::optional(text) : std::nullopt;
  }
  return scalar_text(node);
}

/// The key of "option '--where': ...", or nothing.
std::string key_in(const std::string& line) {
  const std::size_t at = line.find(kOption);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + kOption.size();
  return line.substr(begin, line.find('\'', begin) - begin);
}

}  // namespace

std::vector<std::string> fit_key_names(const std::string& prefix) {
  std::vector<std::string> names;
  for (const laws::RequestKey& key : laws::request_keys()) {
    names.push_back(prefix + std::string(key.name));
  }
  return names;
}

std::string as_key(const std::string& line, const std::string& prefix) {
  std::string text = line;
  for (std::size_t at = text.find(kOption); at != std::string::npos; at = text.find(kOption, at)) {
    const std::size_t end = text.find('\'', at + kOption.size());
    const std::size_t begin = at + kOption.size();
    text.replace(at, end - at + 1, prefix + text.substr(begin, end - begin));
  }
  return text;
}

void complain(const ConfigError& error, const std::string& prefix,
              const std::map<std::string, Location>& places, const Location& otherwise,
              Diagnostics& diagnostics) {
  for (const std::string& line : error.lines()) {
    const bool is_law = line.starts_with("unknown law");
    const auto place = places.find(is_law ? "law" : key_in(line));
    diagnostics.error(place == places.end() ? otherwise : place->second, as_key(line, prefix));
  }
}

bool read_fit_key(const TomlEntry& entry, const std::string& prefix, laws::FitRequest& request,
                  Diagnostics& diagnostics) {
  const auto keys = laws::request_keys();
  const auto key = std::find_if(keys.begin(), keys.end(),
                                [&](const auto& known) { return known.name == entry.key; });
  if (key == keys.end()) return false;
  const auto text = request_text(entry.value);
  if (!text) {
    diagnostics.error(entry.value.at, fmt::format("{}{}: expected {}, got {}", prefix, entry.key,
                                                  key->argument, describe(entry.value.type)));
    return true;
  }
  try {
    laws::set_request(request, entry.key, *text);
  } catch (const ConfigError& error) {
    complain(error, prefix, {}, entry.value.at, diagnostics);
  }
  return true;
}

}  // namespace halfulp::harness
