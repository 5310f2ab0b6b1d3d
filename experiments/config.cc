#include "experiments/config.h"

#include <fmt/format.h>

#include <stdexcept>

namespace halfulp {

namespace {

template <typename T>
const T& get(const std::map<std::string, Value, std::less<>>& values, std::string_view key,
             const char* type) {
  const auto found = values.find(key);
  if (found == values.end()) {
    throw std::logic_error(fmt::format("configuration has no key '{}'", key));
  }
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) {
    throw std::logic_error(fmt::format("configuration key '{}' is not {}", key, type));
  }
  return *value;
}

struct TextOf {
  std::string operator()(bool value) const { return value ? "true" : "false"; }

  std::string operator()(std::int64_t value) const { return std::to_string(value); }

  std::string operator()(double value) const { return fmt::format("{}", value); }

  std::string operator()(const std::string& value) const { return value; }

  std::string operator()(const std::vector<std::string>& value) const {
    return fmt::format("{}", fmt::join(value, ","));
  }
};

}  // namespace

bool Config::boolean(std::string_view key) const { return get<bool>(values_, key, "a boolean"); }

std::int64_t Config::integer(std::string_view key) const {
  return get<std::int64_t>(values_, key, "an integer");
}

double Config::real(std::string_view key) const { return get<double>(values_, key, "a real"); }

const std::string& Config::text(std::string_view key) const {
  return get<std::string>(values_, key, "a text");
}

const std::vector<std::string>& Config::text_list(std::string_view key) const {
  return get<std::vector<std::string>>(values_, key, "a list of texts");
}

std::string to_text(const Value& value) { return std::visit(TextOf{}, value); }

}  // namespace halfulp
