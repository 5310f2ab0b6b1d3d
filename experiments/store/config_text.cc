#include "experiments/store/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

namespace halfulp {
namespace {

bool is_bare_key(std::string_view key) {
  const auto is_bare = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !key.empty() && key.front() != '.' && key.back() != '.' &&
         key.find("..") == std::string_view::npos && std::all_of(key.begin(), key.end(), is_bare);
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
      result += fmt::format("\\u{:04X}", code);
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string real_literal(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end = std::to_chars(std::begin(buffer), std::end(buffer), value).ptr;
  std::string text(std::begin(buffer), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string list_literal(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + quoted(item);
  return fmt::format("[{}]", text);
}

struct TomlLiteral {
  std::string operator()(bool value) const { return value ? "true" : "false"; }

  std::string operator()(std::int64_t value) const { return fmt::to_string(value); }

  std::string operator()(double value) const { return real_literal(value); }

  std::string operator()(const std::string& value) const { return quoted(value); }

  std::string operator()(const std::vector<std::string>& value) const {
    return list_literal(value);
  }
};

}  // namespace

std::string toml_key(const std::string& key) { return is_bare_key(key) ? key : quoted(key); }

std::string canonical_toml(const Config& config) {
  std::string text;
  for (const auto& [key, value] : config.values()) {
    text += toml_key(key) + " = " + std::visit(TomlLiteral(), value) + "\n";
  }
  return text;
}

}  // namespace halfulp
