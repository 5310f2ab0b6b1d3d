// eXmY and float(...): see spec_forms.h.
#include <algorithm>
#include <array>

#include "formats/float_layout.h"
#include "formats/format_names.h"
#include "formats/properties.h"
#include "formats/spec.h"
#include "formats/spec_forms.h"

namespace halfulp::spec_forms {

namespace {

// The layouts of the mini-language; P3109 has a spelling of its own.
constexpr std::array<std::string_view, 4> kLayoutNames = {"ieee", "fn", "fnuz", "finite"};
constexpr std::array<std::string_view, 3> kSubnormalsNames = {"on", "off", "flush_input"};

std::string_view layout_name(NonFinite layout) {
  return kLayoutNames[static_cast<std::size_t>(layout)];
}

/// fnuz formats centre their range one binade lower, as e4m3fnuz (8) and e5m2fnuz (16) do.
int default_bias(int exponent_bits, NonFinite layout) {
  return ieee_bias(exponent_bits) + (layout == NonFinite::fnuz ? 1 : 0);
}

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

}  // namespace

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

std::optional<FloatFormat> take_split(std::string_view key, std::string_view& suffix) {
  if (!take_prefix(key, "e")) return std::nullopt;
  const std::optional<int> exponent_bits = take_number(key);
  if (!exponent_bits || !take_prefix(key, "m")) return std::nullopt;
  const std::optional<int> trailing_bits = take_number(key);
  if (!trailing_bits) return std::nullopt;
  suffix = key;
  return FloatFormat{*exponent_bits, *trailing_bits};
}

std::optional<Format> read_float_name(std::string_view key) {
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

std::string float_name_note(std::string_view key, const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  std::string_view suffix;
  const bool plain = f != nullptr && take_split(key, suffix).has_value() && suffix.empty();
  if (!plain || width(format) > 8) return {};
  return std::string(key) + " read as IEEE-like (top exponent reserved for infinity" +
         (f->trailing_bits > 0 ? " and NaN" : "") + "); with every code finite it is " +
         std::string(key) + "finite";
}

Format read_float_call(TextCursor& cursor) {
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
  return format;
}

std::string float_spec(const FloatFormat& f) {
  if (is_p3109(f)) return p3109_spec(f);
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

}  // namespace halfulp::spec_forms
