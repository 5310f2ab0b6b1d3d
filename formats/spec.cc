#include "formats/spec.h"

#include <algorithm>
#include <array>
#include <optional>

#include "formats/format_names.h"
#include "formats/named_formats.h"
#include "formats/ordered_format.h"
#include "formats/spelling.h"

namespace halfulp {

namespace {

constexpr std::array<std::string_view, 4> kLayoutNames = {"ieee", "fn", "fnuz", "finite"};
constexpr std::array<std::string_view, 3> kSubnormalsNames = {"on", "off", "flush_input"};
constexpr std::size_t kLongestSpec = 200;
constexpr std::size_t kLongestList =
    2'000'000;  // a codebook of 65536 values of up to 24 characters

std::string at_column(int column) { return " at column " + std::to_string(column); }

std::string_view layout_name(NonFinite layout) {
  return kLayoutNames[static_cast<std::size_t>(layout)];
}

/// fnuz formats centre their range one binade lower, as e4m3fnuz (8) and e5m2fnuz (16) do.
int default_bias(int exponent_bits, NonFinite layout) {
  return ieee_bias(exponent_bits) + (layout == NonFinite::fnuz ? 1 : 0);
}

// --- forms: eXmY, intN ---

/// Takes a decimal number of up to three digits from the front of `text`.
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    value = value * 10 + (text[digits] - '0');
    if (++digits > 3) return std::nullopt;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// eXmY and, in `suffix`, what follows.
std::optional<FloatFormat> take_split(std::string_view key, std::string_view& suffix) {
  if (!take_prefix(key, "e")) return std::nullopt;
  const std::optional<int> exponent_bits = take_number(key);
  if (!exponent_bits || !take_prefix(key, "m")) return std::nullopt;
  const std::optional<int> trailing_bits = take_number(key);
  if (!trailing_bits) return std::nullopt;
  suffix = key;
  return FloatFormat{*exponent_bits, *trailing_bits};
}

std::optional<Format> read_float_form(std::string_view key) {
  std::string_view suffix;
  std::optional<FloatFormat> format = take_split(key, suffix);
  if (!format) return std::nullopt;
  const auto layout = std::find(kLayoutNames.begin(), kLayoutNames.end(), suffix);
  if (layout == kLayoutNames.end() && !suffix.empty()) return std::nullopt;
  if (!suffix.empty()) {
    format->non_finite = static_cast<NonFinite>(layout - kLayoutNames.begin());
  }
  if (format->exponent_bits <= 15)
    format->bias = default_bias(format->exponent_bits, format->non_finite);
  return format;
}

std::optional<Format> read_integer_form(std::string_view key) {
  IntegerFormat format;
  if (take_prefix(key, "uint") || take_prefix(key, "u")) {
    format.is_signed = false;
  } else if (!take_prefix(key, "int") && !take_prefix(key, "i") && !take_prefix(key, "s")) {
    return std::nullopt;
  }
  const std::optional<int> bits = take_number(key);
  if (!bits) return std::nullopt;
  format.bits = *bits;
  if (key == "sym" || key == "symmetric") {
    format.symmetric = true;
  } else if (!key.empty()) {
    return std::nullopt;
  }
  return format;
}

/// A remark for small formats, where giving up the top exponent matters most.
std::string form_note(std::string_view key, const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  std::string_view suffix;
  const bool plain = f != nullptr && take_split(key, suffix).has_value() && suffix.empty();
  if (!plain || width(format) > 8) return {};
  return std::string(key) + " read as IEEE-like (top exponent reserved for infinity" +
         (f->trailing_bits > 0 ? " and NaN" : "") + "); with every code finite it is " +
         std::string(key) + "finite";
}

// --- unknown names ---

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
    const std::optional<Format> format = read_float_form(name);
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

[[noreturn]] void refuse_unknown(std::string_view text, std::string_view key, int column) {
  const std::vector<std::string> near = suggestions(key);
  throw SpecError("unknown format '" + shortened(text) + "'" + at_column(column) +
                      (near.empty() ? "; write a name such as bfloat16, eXmY as in e4m3fn, or intN"
                                    : "; did you mean " + joined(near) + "?"),
                  column);
}

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
  if (const std::optional<Format> format = read_float_form(key)) {
    checked(*format, text, column);
    note = form_note(key, *format);
    return *format;
  }
  if (const std::optional<Format> format = read_integer_form(key))
    return checked(*format, text, column);
  if (const std::optional<Format> format = ordered::parse(text, column))
    return checked(*format, text, column);
  refuse_unknown(text, key, column);
}

// --- the full form ---

Subnormals take_subnormals(TextCursor& cursor) {
  for (std::size_t i = 0; i < kSubnormalsNames.size(); ++i) {
    if (cursor.take_word(kSubnormalsNames[i])) return static_cast<Subnormals>(i);
  }
  cursor.fail("expected on, off or flush_input");
}

/// Reads one option of the full form into `format`; `bias` if it was given.
void take_option(TextCursor& cursor, FloatFormat& format, std::optional<int>& bias) {
  for (std::size_t i = 0; i < kLayoutNames.size(); ++i) {
    if (cursor.take_word(kLayoutNames[i])) {
      format.non_finite = static_cast<NonFinite>(i);
      return;
    }
  }
  if (cursor.take_word("bias")) {
    cursor.expect('=');
    bias = cursor.take_integer("a bias", -100'000, 100'000);
  } else if (cursor.take_word("subnormals")) {
    cursor.expect('=');
    format.subnormals = take_subnormals(cursor);
  } else if (cursor.take_word("unsigned")) {
    format.is_signed = false;
  } else if (cursor.take_word("nozero")) {
    format.has_zero = false;
  } else {
    const std::vector<std::string> near =
        nearest_names(cursor.peek_word(),
                      {"ieee", "fn", "fnuz", "finite", "bias", "subnormals", "unsigned", "nozero"});
    cursor.fail(near.empty()
                    ? "expected ieee, fn, fnuz, finite, bias=, subnormals=, unsigned or nozero"
                    : "unknown option (did you mean " + joined(near, " or ") + "?)");
  }
}

Format parse_full_form(std::string_view text, int column) {
  if (const std::optional<Format> format = ordered::parse(text, column))
    return checked(*format, text, column);
  TextCursor cursor(text, "format");
  if (!cursor.take_word("float")) {
    refuse_unknown(text, without_separators(normalized_name(cursor.take_until("("))), column);
  }
  cursor.expect('(');
  FloatFormat format;
  std::optional<int> bias;
  format.exponent_bits = cursor.take_integer("exponent bits", 0, 15);
  cursor.expect(',');
  format.trailing_bits = cursor.take_integer("trailing bits", 0, 63);
  while (cursor.take(',')) take_option(cursor, format, bias);
  cursor.expect(')');
  cursor.expect_end();
  format.bias = bias.value_or(default_bias(format.exponent_bits, format.non_finite));
  return checked(format, text, column);
}

std::string full_form(const FloatFormat& f) {
  std::string text =
      "float(" + std::to_string(f.exponent_bits) + "," + std::to_string(f.trailing_bits);
  if (f.bias != default_bias(f.exponent_bits, f.non_finite))
    text += ",bias=" + std::to_string(f.bias);
  if (f.non_finite != NonFinite::ieee) text += "," + std::string(layout_name(f.non_finite));
  if (!f.is_signed) text += ",unsigned";
  if (f.subnormals != Subnormals::on) {
    text += ",subnormals=" + std::string(kSubnormalsNames[static_cast<std::size_t>(f.subnormals)]);
  }
  if (!f.has_zero) text += ",nozero";
  return text + ")";
}

std::string float_spec(const FloatFormat& f) {
  FloatFormat plain{f.exponent_bits, f.trailing_bits};
  plain.non_finite = f.non_finite;
  plain.bias = default_bias(f.exponent_bits, f.non_finite);
  if (plain != f) return full_form(f);
  const std::string split =
      "e" + std::to_string(f.exponent_bits) + "m" + std::to_string(f.trailing_bits);
  // A name of the table wins over the form: e3m2fn is OCP's type, whose codes are all finite.
  if (f.non_finite == NonFinite::ieee && find_name(split).row == nullptr) return split;
  const std::string suffixed = split + std::string(layout_name(f.non_finite));
  return find_name(suffixed).row == nullptr ? suffixed : full_form(f);
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
  if (text.find('(') != std::string_view::npos) return parse_full_form(text, column);
  std::string_view name = text.substr(static_cast<std::size_t>(column - 1));
  name = name.substr(0, name.find_last_not_of(" \t") + 1);
  return parse_name(name, column, note);
}

std::string to_spec(const Format& format) {
  if (const NamedFormat* row = find_named_format(format)) return std::string(row->name);
  if (ordered::is_ordered(format)) return ordered::to_spec(format);
  if (const auto* f = std::get_if<FloatFormat>(&format)) return float_spec(*f);
  const auto& f = std::get<IntegerFormat>(format);
  return (f.is_signed ? "int" : "uint") + std::to_string(f.bits) + (f.symmetric ? "sym" : "");
}

}  // namespace halfulp
