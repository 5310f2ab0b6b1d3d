// The part of JSON (RFC 8259) that headers of tensor files use, read strictly.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace halfulp {

struct JsonValue;
/// In the order of the text; a key stands once.
using JsonObject = std::vector<std::pair<std::string, JsonValue>>;
using JsonArray = std::vector<JsonValue>;

/// Whole numbers up to 2^63 - 1, text, arrays and objects. There are no fractions, truth values and
/// null in what is read here: they are errors.
struct JsonValue {
  std::variant<std::int64_t, std::string, JsonArray, JsonObject> value;

  /// Throw IoError, naming `what`, when the value is of another kind.
  std::int64_t integer(std::string_view what) const;
  const std::string& text(std::string_view what) const;
  const JsonArray& array(std::string_view what) const;
  const JsonObject& object(std::string_view what) const;
};

/// The one value of the text. Throws IoError with the byte where it ends to make sense.
JsonValue parse_json(std::string_view text);

/// With quotes; what is not UTF-8 becomes U+FFFD.
std::string json_text(std::string_view text);

}  // namespace halfulp
