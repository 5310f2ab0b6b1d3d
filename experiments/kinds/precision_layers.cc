// The lines of precision.layers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/precision_policy.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

constexpr std::string_view kGroup = "precision.";
constexpr std::string_view kBlanks = " \t";

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
}

/// Keys that a layer can have of its own, without "precision.".
std::vector<std::string> layer_keys() {
  std::vector<std::string> keys;
  for (const Field& field : precision_fields()) {
    const std::string_view key = field.key.substr(kGroup.size());
    const bool is_own = key == "weight" || key == "activation" || key == "gradient" ||
                        key == "accumulator" || key == "output" || key.starts_with("fprop.") ||
                        key.starts_with("dgrad.") || key.starts_with("wgrad.") ||
                        key.starts_with("attention.");
    if (is_own) keys.emplace_back(key);
  }
  return keys;
}

/// Splits at commas and blanks outside of parentheses; blanks around an equals sign do not count.
std::vector<std::string> settings_of(std::string_view text) {
  std::vector<std::string> parts = {""};
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_blank = kBlanks.find(text[i]) != std::string_view::npos;
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (is_blank) {
      const auto next = text.find_first_not_of(kBlanks, i);
      const bool before = next != std::string_view::npos && text[next] == '=';
      if (before || parts.back().ends_with('=')) continue;
    }
    if (depth <= 0 && (is_blank || text[i] == ',')) {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  parts.erase(std::remove(parts.begin(), parts.end(), ""), parts.end());
  return parts;
}

LayerLine::Setting parse_setting(const std::string& text, const std::vector<std::string>& known) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) {
    throw SpecError(fmt::format("'{}' is not key=value", text), 1);
  }
  LayerLine::Setting setting = {trimmed(text.substr(0, equals)), trimmed(text.substr(equals + 1))};
  if (std::find(known.begin(), known.end(), setting.key) == known.end()) {
    throw SpecError(fmt::format("no layer has a key '{}' of its own; did you mean {}?", setting.key,
                                fmt::join(nearest_names(setting.key, known), ", ")),
                    1);
  }
  return setting;
}

}  // namespace

LayerLine parse_layer_line(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) {
    throw SpecError("a layer's line is 'PATTERN: key=value, key=value'", 1);
  }
  LayerLine line = {trimmed(text.substr(0, colon)), {}};
  const std::vector<std::string> known = layer_keys();
  for (const std::string& part : settings_of(std::string_view(text).substr(colon + 1))) {
    line.settings.push_back(parse_setting(part, known));
  }
  if (line.pattern.empty() || line.settings.empty()) {
    throw SpecError("a layer's line needs a pattern before its colon and settings behind it", 1);
  }
  return line;
}

Config with_settings(const Config& config, const LayerLine& line) {
  Config own = config;
  for (const auto& [key, value] : line.settings) own.set(std::string(kGroup) + key, Value(value));
  return own;
}

}  // namespace halfulp
