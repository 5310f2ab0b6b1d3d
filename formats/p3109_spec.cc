// p3109(K,P,signed,extended) and its other names: see spec_forms.h.
#include "formats/float_layout.h"
#include "formats/spec_forms.h"

namespace halfulp::spec_forms {

namespace {

struct Parameters {
  int bits = 0;       ///< K
  int precision = 0;  ///< P
  std::optional<bool> is_signed;
  std::optional<bool> is_extended;
};

/// What is left out is signed and extended, as in the reports before version 3.0.
FloatFormat p3109_format(const Parameters& p, std::string& note) {
  const bool is_signed = p.is_signed.value_or(true);
  const bool is_extended = p.is_extended.value_or(true);
  FloatFormat f{p.bits - p.precision + (is_signed ? 0 : 1), p.precision - 1};
  f.non_finite = is_extended ? NonFinite::p3109_extended : NonFinite::p3109_finite;
  f.is_signed = is_signed;
  // An impossible number of exponent bits is reported by format_fault().
  f.bias = f.exponent_bits >= 1 && f.exponent_bits <= 16 ? 1 << (f.exponent_bits - 1) : 0;
  if (!p.is_signed || !p.is_extended) {
    note = "signedness or domain left out: read as " + p3109_spec(f) +
           " (the reports before version 3.0 had signed, extended formats only)";
  }
  return f;
}

/// One of the letters s, u, e, f, or the word that it stands for.
bool take_property(TextCursor& cursor, Parameters& p) {
  const auto take = [&](std::string_view letter, std::string_view word) {
    return cursor.take_word(letter) || cursor.take_word(word);
  };
  if (take("s", "signed")) {
    p.is_signed = true;
  } else if (take("u", "unsigned")) {
    p.is_signed = false;
  } else if (take("e", "extended")) {
    p.is_extended = true;
  } else if (take("f", "finite")) {
    p.is_extended = false;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<Format> read_p3109_name(std::string_view key, std::string& note) {
  take_prefix(key, "float8");
  const bool is_p3109 = take_prefix(key, "p3109");
  if (!is_p3109 && !take_prefix(key, "binary")) return std::nullopt;
  take_prefix(key, "_");
  take_prefix(key, "k");
  Parameters p;
  // p3109_p3: the reports' first formats had 8 bits.
  const std::optional<int> bits = take_number(key);
  if (!bits && !is_p3109) return std::nullopt;
  p.bits = bits.value_or(8);
  if (!take_prefix(key, "p")) return std::nullopt;
  const std::optional<int> precision = take_number(key);
  if (!precision) return std::nullopt;
  p.precision = *precision;
  if (take_prefix(key, "s")) {
    p.is_signed = true;
  } else if (take_prefix(key, "u")) {
    p.is_signed = false;
  }
  if (take_prefix(key, "e")) {
    p.is_extended = true;
  } else if (take_prefix(key, "f")) {
    p.is_extended = false;
  }
  if (!key.empty()) return std::nullopt;
  return p3109_format(p, note);
}

Format read_p3109_call(TextCursor& cursor, std::string& note) {
  Parameters p;
  cursor.expect('(');
  p.bits = cursor.take_integer("the width K", 3, 80);
  cursor.expect(',');
  p.precision = cursor.take_integer("the precision P", 1, 64);
  while (cursor.take(',')) {
    if (!take_property(cursor, p)) {
      cursor.fail("expected signed or unsigned, finite or extended");
    }
  }
  cursor.expect(')');
  cursor.expect_end();
  return p3109_format(p, note);
}

std::string p3109_spec(const FloatFormat& f) {
  const int precision = f.trailing_bits + 1;
  const int bits = (f.is_signed ? 1 : 0) + f.exponent_bits + f.trailing_bits;
  return "p3109(" + std::to_string(bits) + "," + std::to_string(precision) +
         (f.is_signed ? ",signed" : ",unsigned") +
         (f.non_finite == NonFinite::p3109_extended ? ",extended)" : ",finite)");
}

}  // namespace halfulp::spec_forms
