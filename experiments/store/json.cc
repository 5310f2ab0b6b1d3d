#include "experiments/store/json.h"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "experiments/store/io_error.h"
#include "experiments/store/utf8.h"

namespace halfulp {
namespace {

constexpr int kMostLevels = 16;

/// Refuses what the library lets pass, while it reads.
class Strictness {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    if (depth >= kMostLevels) throw IoError("JSON: nested too deep");
    if (event == Event::object_start) {
      names_.emplace_back();
    } else if (event == Event::object_end) {
      names_.pop_back();
    } else if (event == Event::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!names_.back().insert(name).second) {
        throw IoError("JSON: " + json_text(name) + " stands twice");
      }
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> names_;  ///< of the objects that are open
};

const Json& checked(const Json& json, bool good, std::string_view what, std::string_view kind) {
  if (!good) throw IoError(fmt::format("JSON: {} is not {}", what, kind));
  return json;
}

}  // namespace

Json parse_json(std::string_view text) {
  Strictness strictness;
  try {
    return Json::parse(text, [&](int depth, Json::parse_event_t event, const Json& parsed) {
      return strictness(depth, event, parsed);
    });
  } catch (const Json::parse_error& error) {
    throw IoError(fmt::format("JSON: no sense at byte {}", error.byte));
  }
}

std::int64_t json_integer(const Json& json, std::string_view what) {
  const bool whole = json.is_number_integer() &&
                     !(json.is_number_unsigned() && json.get<std::uint64_t>() >> 63 != 0);
  return checked(json, whole, what, "a whole number below 2^63").get<std::int64_t>();
}

const std::string& json_string(const Json& json, std::string_view what) {
  return checked(json, json.is_string(), what, "text").get_ref<const std::string&>();
}

const Json& json_array(const Json& json, std::string_view what) {
  return checked(json, json.is_array(), what, "an array");
}

const Json& json_object(const Json& json, std::string_view what) {
  return checked(json, json.is_object(), what, "an object");
}

std::string json_text(std::string_view text) { return Json(valid_utf8(text)).dump(); }

}  // namespace halfulp
