// Complaints about names that no reader knows: see spec_forms.h.
#include <algorithm>

#include "formats/format_names.h"
#include "formats/named_formats.h"
#include "formats/spec.h"
#include "formats/spec_forms.h"

namespace halfulp::spec_forms {

namespace {

void add_unique(std::vector<std::string>& names, std::string_view name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

/// Named formats with the exponent and trailing bits that `key` contains, nearest spelling first.
std::vector<std::string> names_with_split_of(std::string_view key) {
  std::string_view suffix;
  std::optional<FloatFormat> wanted;
  for (std::size_t i = 0; i < key.size() && !wanted; ++i)
    wanted = take_split(key.substr(i), suffix);
  std::vector<std::string> names;
  if (!wanted) return names;
  for (const NamedFormat& row : named_formats()) {
    const auto* f = std::get_if<FloatFormat>(&row.format);
    if (f != nullptr && f->exponent_bits == wanted->exponent_bits &&
        f->trailing_bits == wanted->trailing_bits) {
      names.emplace_back(row.name);
    }
  }
  const auto distance = [&](const std::string& name) {
    const bool same_sign = name.starts_with('u') == key.starts_with('u');
    return edit_distance(key, name) + (same_sign ? 0 : 2);
  };
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return distance(a) < distance(b);
  });
  std::string split =
      "e" + std::to_string(wanted->exponent_bits) + "m" + std::to_string(wanted->trailing_bits);
  for (const std::string_view layout : {"", "fn", "finite"}) {
    const std::string name = split + std::string(layout);
    const std::optional<Format> format = read_float_name(name);
    const bool possible = format && format_fault(*format).empty() && find_name(name).row == nullptr;
    if (possible) add_unique(names, name);
  }
  return names;
}

std::vector<std::string> suggestions(std::string_view key) {
  std::vector<std::string> names = names_with_split_of(key);
  std::vector<std::string> spellings;
  for (const NamedFormat& row : named_formats()) {
    spellings.emplace_back(row.name);
    spellings.insert(spellings.end(), row.aliases.begin(), row.aliases.end());
  }
  for (const std::string& spelling : nearest_names(key, spellings, 8)) {
    add_unique(names, find_name(spelling).row->name);
  }
  constexpr std::size_t kMost = 3;
  if (names.size() > kMost) names.resize(kMost);
  return names;
}

}  // namespace

void refuse_unknown(std::string_view text, std::string_view key, int column) {
  const std::vector<std::string> near = suggestions(key);
  throw SpecError("unknown format '" + shortened(text) + "' at column " + std::to_string(column) +
                      (near.empty() ? "; write a name such as bfloat16, eXmY as in e4m3fn, or intN"
                                    : "; did you mean " + joined(near) + "?"),
                  column);
}

}  // namespace halfulp::spec_forms
