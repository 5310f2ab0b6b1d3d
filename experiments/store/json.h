// JSON (RFC 8259) as headers of tensor files use it, read strictly.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace halfulp {

/// Names of an object in the order of the text.
using Json = nlohmann::ordered_json;

/// The one value of the text. Throws IoError for text that is no JSON, with where it ends to make
/// sense, for a name that stands twice in an object, and for more than 16 levels.
Json parse_json(std::string_view text);

/// The value as what it must be. Throw IoError, naming `what`, when it is of another kind.
std::int64_t json_integer(const Json& json, std::string_view what);
const std::string& json_string(const Json& json, std::string_view what);
const Json& json_array(const Json& json, std::string_view what);
const Json& json_object(const Json& json, std::string_view what);

/// With quotes; what is not UTF-8 becomes U+FFFD.
std::string json_text(std::string_view text);

}  // namespace halfulp
