#include "formats/spec.h"

#include <optional>

#include "formats/format_names.h"
#include "formats/named_formats.h"
#include "formats/ordered_format.h"
#include "formats/spec_forms.h"

namespace halfulp {

namespace {

constexpr std::size_t kLongestSpec = 200;
constexpr std::size_t kLongestList =
    2'000'000;  // a codebook of 65536 values of up to 24 characters

std::string at_column(int column) { return " at column " + std::to_string(column); }

Format checked(const Format& format, std::string_view text, int column) {
  const std::string fault = format_fault(format);
  if (!fault.empty()) {
    throw SpecError("'" + shortened(text) + "'" + at_column(column) + " is no format: " + fault,
                    column);
  }
  return format;
}

Format parse_name(std::string_view text, int column, std::string& note) {
  const std::string name = normalized_name(text);
  const std::string key = without_separators(name);
  if (const std::string_view reason = refusal_reason(key); !reason.empty()) {
    throw SpecError("'" + shortened(text) + "'" + at_column(column) + " " + std::string(reason),
                    column);
  }
  if (const NameMatch match = find_name(name); match.row != nullptr) {
    note = reading_note(match.spelling);
    return match.row->format;
  }
  if (const std::optional<Format> format = spec_forms::read_float_name(key)) {
    checked(*format, text, column);
    note = spec_forms::float_name_note(key, *format);
    return *format;
  }
  if (const std::optional<Format> format = spec_forms::read_integer_name(key))
    return checked(*format, text, column);
  if (const std::optional<Format> format = spec_forms::read_fixed_name(text, column, note))
    return checked(*format, text, column);
  if (const std::optional<Format> format = spec_forms::read_p3109_name(key, note))
    return checked(*format, text, column);
  if (const std::optional<Format> format = ordered::parse(text, column))
    return checked(*format, text, column);
  spec_forms::refuse_unknown(text, key, column);
}

/// name(...) and name<...>.
Format parse_call(std::string_view text, int column, std::string& note) {
  if (const std::optional<Format> format = ordered::parse(text, column))
    return checked(*format, text, column);
  TextCursor cursor(text, "format");
  const std::string_view name = cursor.take_until("(<");
  const std::string word = lower_case(name);
  if (word == "float") return checked(spec_forms::read_float_call(cursor), text, column);
  if (word == "p3109") return checked(spec_forms::read_p3109_call(cursor, note), text, column);
  if (spec_forms::is_fixed_call(word))
    return checked(spec_forms::read_fixed_call(cursor, word, note), text, column);
  spec_forms::refuse_unknown(text, without_separators(normalized_name(name)), column);
}

}  // namespace

Format parse_format(std::string_view text) {
  std::string ignored;
  return parse_format(text, ignored);
}

Format parse_format(std::string_view text, std::string& note) {
  note.clear();
  const TextCursor start(text, "format");
  const int column = start.column();
  if (start.at_end()) {
    throw SpecError("empty format" + at_column(column) + "; write for example e4m3fn or int8",
                    column);
  }
  const bool is_list =
      lower_case(text.substr(static_cast<std::size_t>(column - 1), 8)) == "codebook";
  if (text.size() > (is_list ? kLongestList : kLongestSpec)) {
    throw SpecError("format '" + shortened(text) + "'" + at_column(column) + " is too long",
                    column);
  }
  if (text.find_first_of("(<") != std::string_view::npos) return parse_call(text, column, note);
  std::string_view name = text.substr(static_cast<std::size_t>(column - 1));
  name = name.substr(0, name.find_last_not_of(" \t") + 1);
  return parse_name(name, column, note);
}

std::string to_spec(const Format& format) {
  if (const NamedFormat* row = find_named_format(format)) return std::string(row->name);
  if (ordered::is_ordered(format)) return ordered::to_spec(format);
  if (const auto* f = std::get_if<FloatFormat>(&format)) return spec_forms::float_spec(*f);
  return spec_forms::integer_spec(std::get<IntegerFormat>(format));
}

}  // namespace halfulp
